"""A student's run compared with its teacher's run, as it was computed. Rows are only ever added."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from zoo.core.ids import uuid7
from zoo.runs.models import Pairing, Run

STATISTICS_VERSION = 1
"""Raised when the same samples would give other numbers; pairs are then compared anew beside the old record."""


class Comparison(models.Model):
    """One comparison. The document is the whole; the columns repeat what lists filter and sort by."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    pairing = models.ForeignKey(Pairing, on_delete=models.PROTECT, related_name="comparisons")
    statistics_version = models.PositiveIntegerField(default=STATISTICS_VERSION)
    student_run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="+")
    teacher_run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="+")
    student = models.CharField(max_length=200, db_index=True)
    teacher = models.CharField(max_length=200, db_index=True)
    suite = models.CharField(max_length=140, default="", blank=True)
    suite_version = models.CharField(max_length=32, default="", blank=True)
    document = models.TextField()
    """JSON of the interface, without what a job with both models loaded adds later."""
    digest = models.CharField(max_length=64)
    """SHA-256 of the document."""
    retention = models.FloatField(null=True, blank=True)
    """Overall, as a fraction; None where it is undefined."""
    retention_low = models.FloatField(null=True, blank=True)
    retention_high = models.FloatField(null=True, blank=True)
    verdict = models.CharField(max_length=12, default="", blank=True)
    rankable = models.BooleanField(default=False)
    """Whether it covers its whole suite without a limit."""
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["suite", "suite_version", "-retention"], name="comparison_by_suite"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["pairing", "statistics_version"], name="comparison_once_per_statistics"
            ),
            models.CheckConstraint(
                condition=Q(verdict__in=["", "kept", "not_kept", "undecided"]),
                name="comparison_verdict_is_known",
            ),
            models.CheckConstraint(
                condition=Q(retention=None) | Q(retention_low__lte=models.F("retention_high")),
                name="comparison_interval_is_ordered",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.student} against {self.teacher}"
