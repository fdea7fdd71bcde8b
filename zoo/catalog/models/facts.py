"""Facts with their evidence, claims that are shown beside them, and disputes. Rows are only added."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from zoo.catalog.models.attested import Attested, Status
from zoo.catalog.models.entries import Model


class Origin(models.TextChoices):
    """Where a fact came from; the loader of the reviewed data replaces its own alone."""

    CURATED = "curated", "the reviewed data"
    FILES = "files", "the files of a revision"
    PERSON = "person", "a person"


class Fact(models.Model):
    """One field of a model as somebody recorded it. A correction is a new row that supersedes this one."""

    model = models.ForeignKey(Model, on_delete=models.CASCADE, related_name="facts")
    field = models.CharField(max_length=32)
    value = models.JSONField()
    status = models.CharField(max_length=12, choices=Status.choices)
    seen = models.BooleanField()
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    reason = models.CharField(max_length=500, default="", blank=True)
    """Why it replaced what stood before."""
    origin = models.CharField(max_length=8, choices=Origin.choices, default=Origin.PERSON)
    supersedes = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="superseded_by"
    )
    is_current = models.BooleanField(default=True)

    class Meta:
        ordering = ["field", "-recorded_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["model", "field"], condition=Q(is_current=True), name="one_current_fact_per_field"
            ),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="fact_status_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.field} = {self.value}"


class Evidence(Attested):
    """What a source says about an entry; tied to one field of it where it is about that."""

    model = models.ForeignKey(Model, on_delete=models.CASCADE, related_name="evidence")
    field = models.CharField(max_length=32, default="", blank=True)
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta(Attested.Meta):
        ordering = ["-seen", "id"]
        verbose_name_plural = "evidence"


class Claim(models.Model):
    """What a source says about an entry, kept beside what better sources say. Not a fact."""

    class Outcome(models.TextChoices):
        SUPPORTED = "supported", "supported"
        PARTLY = "partly", "partly supported"
        UNSUPPORTED = "unsupported", "no support found"
        CONTRADICTED = "contradicted", "contradicted"

    model = models.ForeignKey(Model, on_delete=models.CASCADE, related_name="claims")
    topic = models.CharField(max_length=32)
    says = models.CharField(max_length=400)
    claimant = models.CharField(max_length=200)
    finding = models.TextField()
    outcome = models.CharField(max_length=12, choices=Outcome.choices)
    source = models.CharField(max_length=400)
    """What the finding rests on."""
    seen = models.BooleanField()
    order = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["order", "id"]
        constraints = [
            models.UniqueConstraint(fields=["model", "claimant", "topic"], name="claim_is_unique"),
            models.CheckConstraint(
                condition=Q(outcome__in=["supported", "partly", "unsupported", "contradicted"]),
                name="claim_outcome_is_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.topic}: {self.says}"


class Dispute(models.Model):
    """An allegation: who says what about whom, where, since when, and how it stands. Never a fact."""

    class Standing(models.TextChoices):
        ALLEGED = "alleged", "alleged, unproven"
        DENIED = "denied", "alleged and denied"
        REPORTED = "reported", "reported, not confirmed"
        SETTLED = "settled", "settled"
        WITHDRAWN = "withdrawn", "withdrawn"

    slug = models.SlugField(max_length=80, unique=True)
    title = models.CharField(max_length=200)
    allegation = models.TextField()
    claimant = models.CharField(max_length=200)
    about = models.CharField(max_length=200)
    """The party that it is about, which may be a company and not a model."""
    where = models.CharField(max_length=400)
    """The document or place in which it was made, as far as that was read."""
    since = models.CharField(max_length=10, default="", blank=True)
    since_on = models.DateField(null=True, blank=True)
    standing = models.CharField(max_length=12, choices=Standing.choices)
    response = models.TextField(default="", blank=True)
    """What the other side says; empty: no answer was read."""
    source = models.CharField(max_length=400)
    source_url = models.CharField(max_length=500, default="", blank=True)
    seen = models.BooleanField()
    entries = models.ManyToManyField(Model, through="DisputedModel", related_name="disputes")

    class Meta:
        ordering = ["-since_on", "slug"]

    def __str__(self) -> str:
        return self.title


class DisputedModel(models.Model):
    """How an entry is concerned by a dispute."""

    class Part(models.TextChoices):
        SUBJECT = "subject", "accused"
        SOURCE = "source", "said to have been copied"
        VENDOR = "vendor", "its maker is accused; the allegation does not name this model"

    dispute = models.ForeignKey(Dispute, on_delete=models.CASCADE, related_name="parts")
    model = models.ForeignKey(Model, on_delete=models.CASCADE, related_name="dispute_parts")
    part = models.CharField(max_length=8, choices=Part.choices)
    note = models.CharField(max_length=400, default="", blank=True)

    class Meta:
        ordering = ["dispute", "part", "model"]
        constraints = [
            models.UniqueConstraint(fields=["dispute", "model"], name="dispute_names_a_model_once"),
        ]

    def __str__(self) -> str:
        return f"{self.dispute_id}: {self.model_id} ({self.part})"
