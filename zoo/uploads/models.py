"""Models that people send instead of naming them: what was announced, and which parts have come."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from evaluation.formats.manifest import Manifest
from zoo.core.ids import uuid7


class Upload(models.Model):
    """One model's files. Names, sizes and digests are announced first and never change afterwards."""

    class State(models.TextChoices):
        OPEN = "open"
        COMPLETE = "complete"
        REMOVED = "removed"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="uploads")
    reference = models.CharField(max_length=120)
    """What its owner submits it as: ``uploads/<label>-<start of the digest>``."""
    digest = models.CharField(max_length=64, db_index=True)
    """That of its manifest; what is measured is pinned to it."""
    weights_format = models.CharField(max_length=16)
    files = models.JSONField()
    """The manifest."""
    total_bytes = models.BigIntegerField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    created_at = models.DateTimeField()
    touched_at = models.DateTimeField()
    """When a part came, or when it was last submitted: what nobody touches for long is removed."""
    completed_at = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["open", "complete", "removed"]), name="upload_state_is_known"
            ),
            models.UniqueConstraint(
                fields=["owner", "reference"],
                condition=~Q(state="removed"),
                name="upload_reference_once_per_owner",
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def manifest(self) -> Manifest:
        """Its files, parsed."""
        return Manifest.model_validate(self.files)


class UploadPart(models.Model):
    """A piece of one file in the artifact store. Pieces lie on a fixed grid, so none can overlap another."""

    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="parts")
    name = models.CharField(max_length=200)
    offset = models.BigIntegerField()
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64, db_index=True)

    class Meta:
        ordering = ["name", "offset"]
        constraints = [
            models.UniqueConstraint(fields=["upload", "name", "offset"], name="upload_part_once"),
        ]

    def __str__(self) -> str:
        return f"{self.name}@{self.offset}"
