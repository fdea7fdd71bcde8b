"""Results and events can only be added; the chain of results has its one row."""

from django.db import migrations

from zoo.runs import append_only


def _install(apps, schema_editor):
    apps.get_model("runs", "Chain").objects.get_or_create(pk=1)
    append_only.install(schema_editor.connection)


def _remove(apps, schema_editor):
    append_only.remove(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [("runs", "0001_initial")]
    operations = [migrations.RunPython(_install, _remove, atomic=True)]
