"""Scores from a file that somebody else measured: imported, with who brought it and where it is from. Only added."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from zoo.catalog.models import Model
from zoo.core.ids import uuid7


class ImportedFile(models.Model):
    """One file about one model. The raw bytes lie in the artifact store under their digest."""

    class Format(models.TextChoices):
        LM_EVAL = "lm-eval", "lm-eval results"
        EVAL_RESULTS = "eval-results", ".eval_results"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    model = models.ForeignKey(Model, on_delete=models.PROTECT, related_name="imported_files")
    format = models.CharField(max_length=12, choices=Format.choices)
    sha256 = models.CharField(max_length=64)
    size = models.PositiveIntegerField()
    source = models.CharField(max_length=400)
    """Who measured it, in the words of whoever brought it."""
    source_url = models.CharField(max_length=500, default="", blank=True)
    printed_model = models.CharField(max_length=300, default="", blank=True)
    """The model as the file calls it."""
    printed_revision = models.CharField(max_length=200, default="", blank=True)
    harness_version = models.CharField(max_length=40, default="", blank=True)
    protocol = models.JSONField(default=dict, blank=True)
    """What the file says about how it was measured."""
    limited = models.BooleanField(default=False)
    """Whether only the first documents of each task were used."""
    imported_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    imported_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_reason = models.CharField(max_length=300, default="", blank=True)

    class Meta:
        ordering = ["-imported_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["model", "sha256"], name="imported_file_once_a_model"),
            models.CheckConstraint(condition=~Q(source=""), name="imported_file_has_source"),
            models.CheckConstraint(
                condition=Q(withdrawn_at=None) | ~Q(withdrawn_reason=""), name="imported_file_withdrawn_why"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.format} of {self.printed_model}"


class ImportedScore(models.Model):
    """One number of an imported file, as it is printed there."""

    file = models.ForeignKey(ImportedFile, on_delete=models.PROTECT, related_name="scores")
    task = models.CharField(max_length=300)
    task_version = models.CharField(max_length=40, default="", blank=True)
    metric = models.CharField(max_length=120, default="", blank=True)
    filter = models.CharField(max_length=120, default="", blank=True)
    value = models.FloatField()
    stderr = models.FloatField(null=True, blank=True)
    n = models.PositiveIntegerField(null=True, blank=True)
    num_fewshot = models.PositiveIntegerField(null=True, blank=True)
    higher_is_better = models.BooleanField(null=True, blank=True)
    date = models.CharField(max_length=40, default="", blank=True)
    source = models.CharField(max_length=400, default="", blank=True)
    """Where the file itself says that the number is from."""
    note = models.CharField(max_length=500, default="", blank=True)
    order = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["file", "order", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(value__gte=-1e308, value__lte=1e308), name="imported_score_is_finite"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.task} {self.metric} {self.value}"
