"""Numbers that others published: scores, prices and training costs. Never mixed with what is measured here."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from zoo.catalog.models.attested import Status
from zoo.catalog.models.entries import Model

_LARGEST = 1e308


class ReportedScore(models.Model):
    """A score as its source prints it. Without a model it is kept with the reason why."""

    class Via(models.TextChoices):
        PRIMARY = "primary", "the owner's own document"
        COPY = "primary-copy", "a stored copy of the owner's document"
        SECONDARY = "secondary", "somebody else's document"
        RECALLED = "recalled", "recalled, not read"

    record = models.CharField(max_length=64, unique=True)
    """Digest of what identifies the statement; loading it twice changes nothing."""
    model = models.ForeignKey(
        Model, null=True, blank=True, on_delete=models.PROTECT, related_name="reported_scores"
    )
    unattached_reason = models.CharField(max_length=200, default="", blank=True)
    printed_name = models.CharField(max_length=120)
    """The model as the source calls it."""
    variant = models.CharField(max_length=80, default="", blank=True)
    """What sets this row apart from the entry itself, such as a thinking mode or a quantization."""
    benchmark = models.CharField(max_length=200)
    metric = models.CharField(max_length=300)
    settings = models.CharField(max_length=600)
    value = models.FloatField()
    unit = models.CharField(max_length=24)
    """percent means 0 to 100, ratio 0 to 1; printed values are not converted."""
    lower_is_better = models.BooleanField(default=False)
    source = models.CharField(max_length=400)
    source_url = models.CharField(max_length=500, default="", blank=True)
    via = models.CharField(max_length=12, choices=Via.choices)
    seen = models.BooleanField()
    note = models.TextField(default="", blank=True)
    group = models.CharField(max_length=48)
    order = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["group", "order", "id"]
        indexes = [models.Index(fields=["model", "benchmark"], name="score_by_model")]
        constraints = [
            models.CheckConstraint(
                condition=Q(value__gte=-_LARGEST, value__lte=_LARGEST), name="reported_score_is_finite"
            ),
            models.CheckConstraint(
                condition=(Q(model=None) & ~Q(unattached_reason=""))
                | (Q(model__isnull=False) & Q(unattached_reason="")),
                name="reported_score_attached_or_explained",
            ),
            models.CheckConstraint(
                condition=(Q(via="recalled") & Q(seen=False)) | (~Q(via="recalled") & Q(seen=True)),
                name="reported_score_recalled_is_unseen",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.printed_name}: {self.benchmark} {self.value} {self.unit}"


class Cost(models.Model):
    """A price or a training cost that a source states, with its date. Undated ones say so."""

    class What(models.TextChoices):
        INPUT = "input", "input tokens"
        OUTPUT = "output", "output tokens"
        TRAINING = "training", "training"

    model = models.ForeignKey(Model, on_delete=models.CASCADE, related_name="costs")
    what = models.CharField(max_length=8, choices=What.choices)
    amount = models.DecimalField(max_digits=18, decimal_places=4)
    unit = models.CharField(max_length=40)
    """Such as USD per million tokens, USD, GPU hours."""
    as_of = models.CharField(max_length=10, default="", blank=True)
    source = models.CharField(max_length=400)
    source_url = models.CharField(max_length=500, default="", blank=True)
    seen = models.BooleanField()
    status = models.CharField(max_length=12, choices=Status.choices)
    note = models.CharField(max_length=400, default="", blank=True)

    class Meta:
        ordering = [F("as_of").desc(), "what", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gte=0), name="cost_not_negative"),
            models.CheckConstraint(
                condition=Q(what__in=["input", "output", "training"]), name="cost_kind_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.unit}"
