"""Facts, evidence, revisions and license periods are never edited: the database refuses it.

What may change: whether a fact still holds and which one it replaced, whether evidence was retracted, and what was
concluded about the license of a revision.
"""

from django.db import migrations

from zoo.core import unedited

GUARDED = {
    "catalog_fact": (
        "model_id",
        "field",
        "value",
        "status",
        "seen",
        "recorded_at",
        "recorded_by_id",
        "reason",
        "origin",
    ),
    "catalog_evidence": (
        "model_id",
        "field",
        "claim",
        "source",
        "source_url",
        "seen",
        "recorded_at",
        "recorded_by_id",
    ),
    "catalog_revision": (
        "model_id",
        "origin",
        "commit",
        "digest",
        "tensors_digest",
        "parameters",
        "size_bytes",
        "weights_format",
        "architecture",
        "context_length",
        "vocabulary_size",
        "tokenizer_digest",
        "license_declared",
        "license_hub_tag",
        "published",
        "details",
    ),
    "catalog_revisionfile": ("revision_id", "path", "size_bytes", "sha256"),
    "catalog_licenseperiod": ("model_id", "license", "since", "since_on", "seen", "source"),
}


def _install(apps, schema_editor):
    unedited.install(schema_editor.connection, unedited.never_edited(GUARDED))


def _remove(apps, schema_editor):
    unedited.remove(schema_editor.connection, unedited.never_edited(GUARDED))


class Migration(migrations.Migration):
    dependencies = [("catalog", "0005_control_of")]
    operations = [migrations.RunPython(_install, _remove)]
