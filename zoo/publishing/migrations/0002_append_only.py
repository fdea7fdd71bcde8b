"""Releases can only be added."""

from django.db import migrations

from zoo.runs import append_only

TABLES = ["publishing_release"]


def _install(apps, schema_editor):
    append_only.install(schema_editor.connection, TABLES)


def _remove(apps, schema_editor):
    append_only.remove(schema_editor.connection, TABLES)


class Migration(migrations.Migration):
    dependencies = [("publishing", "0001_initial"), ("runs", "0002_append_only")]
    operations = [migrations.RunPython(_install, _remove, atomic=True)]
