"""Releases: comparisons as they were published, frozen, digested, signed and chained. Rows are only ever added."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from zoo.comparisons.models import Comparison
from zoo.core.ids import uuid7


class Release(models.Model):
    """One published comparison. Pages and exports read its document and never compute anew."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    sequence = models.PositiveBigIntegerField(unique=True)
    comparison = models.OneToOneField(Comparison, on_delete=models.PROTECT, related_name="release")
    student = models.CharField(max_length=200, db_index=True)
    teacher = models.CharField(max_length=200, db_index=True)
    document = models.TextField()
    """Canonical JSON; text, because a database's own JSON type may write a number in another way."""
    digest = models.CharField(max_length=64, unique=True)
    """SHA-256 of the document."""
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64, unique=True)
    """SHA-256 of previous hash and digest."""
    envelope = models.JSONField()
    """The signed statement: a DSSE envelope around an in-toto statement about the digest."""
    replaces = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="replaced_by"
    )
    reason = models.CharField(max_length=500, default="", blank=True)
    """Why it replaces another one; empty for a first release."""
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-sequence"]
        constraints = [
            models.CheckConstraint(
                condition=Q(replaces=None) | ~Q(reason=""), name="release_correction_has_reason"
            ),
            models.CheckConstraint(condition=~Q(replaces=F("id")), name="release_does_not_replace_itself"),
        ]

    def __str__(self) -> str:
        return f"release {self.sequence}"
