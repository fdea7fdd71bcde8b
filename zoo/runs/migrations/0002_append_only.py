"""Results and events can only be added; the chain of results has its one row."""

from django.db import migrations

from zoo.core import unedited

TABLES = ["runs_result", "runs_runevent"]


def _install(apps, schema_editor):
    apps.get_model("runs", "Chain").objects.get_or_create(pk=1)
    unedited.install(schema_editor.connection, unedited.only_added(TABLES))


def _remove(apps, schema_editor):
    unedited.remove(schema_editor.connection, unedited.only_added(TABLES))


class Migration(migrations.Migration):
    dependencies = [("runs", "0001_initial")]
    operations = [migrations.RunPython(_install, _remove, atomic=True)]
