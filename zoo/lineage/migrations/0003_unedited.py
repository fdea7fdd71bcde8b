"""Edges and their evidence are never edited: the database refuses it. Whether an edge still holds may change."""

from django.db import migrations

from zoo.core import unedited

GUARDED = {
    "lineage_edge": (
        "child_id",
        "parent_id",
        "kind",
        "methods",
        "role",
        "stage",
        "accessed_via",
        "outputs_made",
        "status",
        "seen",
        "note",
        "recorded_at",
        "recorded_by_id",
        "reason",
    ),
    "lineage_edgeevidence": ("edge_id", "claim", "source", "source_url", "seen", "status"),
}


def _install(apps, schema_editor):
    unedited.install(schema_editor.connection, unedited.never_edited(GUARDED))


def _remove(apps, schema_editor):
    unedited.remove(schema_editor.connection, unedited.never_edited(GUARDED))


class Migration(migrations.Migration):
    dependencies = [("lineage", "0002_edge_outputs_and_host")]
    operations = [migrations.RunPython(_install, _remove)]
