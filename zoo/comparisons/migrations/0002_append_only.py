"""Comparisons can only be added."""

from django.db import migrations

from zoo.core import unedited

TABLES = ["comparisons_comparison"]


def _install(apps, schema_editor):
    unedited.install(schema_editor.connection, unedited.only_added(TABLES))


def _remove(apps, schema_editor):
    unedited.remove(schema_editor.connection, unedited.only_added(TABLES))


class Migration(migrations.Migration):
    dependencies = [("comparisons", "0001_initial"), ("runs", "0002_append_only")]
    operations = [migrations.RunPython(_install, _remove, atomic=True)]
