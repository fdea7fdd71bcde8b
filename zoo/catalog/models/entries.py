"""Organizations, models, data sets and closed APIs, and their immutable revisions."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper

from zoo.core.models import Stamped


class Organization(models.Model):
    """Who publishes: the first half of every id. Slugs keep the hub's spelling."""

    slug = models.CharField(max_length=96, unique=True)
    name = models.CharField(max_length=160)
    url = models.CharField(max_length=500, default="", blank=True)

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.slug


class Kind(models.TextChoices):
    """What an entry is. All three take part in lineage and have a page."""

    MODEL = "model", "model"
    DATASET = "dataset", "data set"
    API = "api", "closed API"


class Availability(models.TextChoices):
    """Whether and how one can get it."""

    OPEN = "open", "open weights"
    GATED = "gated", "gated weights"
    CLOSED = "closed", "API only"
    UNRELEASED = "unreleased", "never released"
    WITHDRAWN = "withdrawn", "withdrawn"
    UNKNOWN = "unknown", "unknown"


class Model(Stamped):
    """An entry of the catalog. Its columns hold what the current facts say; ``Fact`` holds who said so."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="models")
    name = models.CharField(max_length=96)
    """The second half of the id, in the publisher's spelling."""
    key = models.CharField(max_length=194, unique=True)
    """``org/name`` in lower case: what addresses are looked up by."""
    title = models.CharField(max_length=200)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    availability = models.CharField(max_length=12, choices=Availability.choices, default=Availability.UNKNOWN)
    family = models.CharField(max_length=64, default="", blank=True)
    licensor = models.CharField(max_length=64, default="", blank=True)
    """Who grants the license, as a short name; equal licensors along an edge matter to license checks."""
    modality = models.CharField(max_length=32, default="", blank=True)
    hub_id = models.CharField(max_length=194, default="", blank=True)
    architecture = models.CharField(max_length=64, default="", blank=True)
    parameters = models.BigIntegerField(null=True, blank=True)
    active_parameters = models.BigIntegerField(null=True, blank=True)
    context_length = models.IntegerField(null=True, blank=True)
    released = models.CharField(max_length=10, default="", blank=True)
    """Year, year and month, or day, as the source gives it."""
    released_on = models.DateField(null=True, blank=True)
    """The first day that ``released`` can mean; for sorting and ranges."""
    license = models.CharField(max_length=100, default="", blank=True)
    """Key of the license as published now: an SPDX id, or a key of the licensing data. Empty: none known."""
    license_url = models.CharField(max_length=500, default="", blank=True)
    hub_license_tag = models.CharField(max_length=120, default="", blank=True)
    license_note = models.TextField(default="", blank=True)
    """What a reader of the tag alone would miss."""
    distillation = models.CharField(max_length=80, default="", blank=True)
    """Methods by which it is said to be distilled, comma separated, whether or not a teacher is named."""
    control_of = models.CharField(max_length=194, default="", blank=True)
    """The distilled model whose control this is: the same size and training, without the teacher. Lower case."""
    paper = models.CharField(max_length=200, default="", blank=True)
    notes = models.TextField(default="", blank=True)
    curated = models.BooleanField(default=False)
    """Whether the entry comes from the reviewed data of this repository."""

    class Meta:
        ordering = ["key"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "name"], name="model_id_is_unique"),
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="model_kind_is_known"),
            models.CheckConstraint(
                condition=Q(availability__in=Availability.values), name="model_availability_is_known"
            ),
            models.CheckConstraint(
                condition=Q(parameters=None) | Q(parameters__gt=0), name="model_parameters_positive"
            ),
            models.CheckConstraint(
                condition=(Q(released="") & Q(released_on=None))
                | (~Q(released="") & Q(released_on__isnull=False)),
                name="model_release_has_both_forms",
            ),
        ]
        indexes = [
            models.Index(
                fields=["control_of"], condition=~Q(control_of=""), name="model_by_whose_control_it_is"
            ),
            # A hub compares ids without regard to case, and so does whoever looks for a copy.
            models.Index(Upper("hub_id"), name="model_by_hub_id"),
        ]

    def __str__(self) -> str:
        return self.slug

    @property
    def slug(self) -> str:
        """The id, ``org/name``. Needs the organization: select it along."""
        return f"{self.organization.slug}/{self.name}"


class Alias(models.Model):
    """Another name by which an entry is found: an old hub id, a short slug, what papers call it."""

    model = models.ForeignKey(Model, on_delete=models.CASCADE, related_name="aliases")
    key = models.CharField(max_length=200, unique=True)
    """In lower case."""

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return self.key


class Revision(Stamped):
    """One immutable state of a model: a hub commit or the digest of its files. Never edited."""

    model = models.ForeignKey(Model, on_delete=models.PROTECT, related_name="revisions")
    origin = models.CharField(
        max_length=12,
        choices=[("hub", "hub"), ("directory", "directory"), ("card", "card"), ("described", "described")],
    )
    commit = models.CharField(max_length=40, default="", blank=True)
    """40 hex digits of the hub."""
    digest = models.CharField(max_length=64, default="", blank=True)
    """SHA-256 of the manifest of files, as in evaluation.contract."""
    tensors_digest = models.CharField(max_length=64, default="", blank=True, db_index=True)
    """SHA-256 over names, types, shapes and contents of the tensors: equal weights under any file name."""
    parameters = models.BigIntegerField(null=True, blank=True)
    """Counted from the headers of the files, not taken from a card."""
    size_bytes = models.BigIntegerField(null=True, blank=True)
    weights_format = models.CharField(max_length=16, default="", blank=True)
    architecture = models.CharField(max_length=100, default="", blank=True)
    context_length = models.IntegerField(null=True, blank=True)
    vocabulary_size = models.IntegerField(null=True, blank=True)
    tokenizer_digest = models.CharField(max_length=64, default="", blank=True)
    license_declared = models.CharField(max_length=200, default="", blank=True)
    """The license field of the card, word for word."""
    license_hub_tag = models.CharField(max_length=120, default="", blank=True)
    license_concluded = models.CharField(max_length=100, default="", blank=True)
    """The key that a person or a rule concluded; empty until somebody did."""
    published = models.CharField(max_length=10, default="", blank=True)
    published_on = models.DateField(null=True, blank=True)
    details = models.JSONField(default=dict, blank=True)
    """The declared configuration and card fields, as read by the bounded parsers."""
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        ordering = ["-published_on", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["model", "commit"], condition=~Q(commit=""), name="revision_commit_is_unique"
            ),
            models.UniqueConstraint(
                fields=["model", "digest"], condition=~Q(digest=""), name="revision_digest_is_unique"
            ),
            models.CheckConstraint(
                condition=Q(parameters=None) | Q(parameters__gt=0), name="revision_parameters_positive"
            ),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        """What names the revision: its commit, else its digest, else its date."""
        return self.commit or self.digest or self.published or f"#{self.pk}"


class RevisionFile(models.Model):
    """A file of a revision, by name, size and digest."""

    revision = models.ForeignKey(Revision, on_delete=models.CASCADE, related_name="files")
    path = models.CharField(max_length=400)
    size_bytes = models.BigIntegerField()
    sha256 = models.CharField(max_length=64, default="", blank=True, db_index=True)

    class Meta:
        ordering = ["path"]
        constraints = [
            models.UniqueConstraint(fields=["revision", "path"], name="revision_file_is_unique"),
            models.CheckConstraint(condition=Q(size_bytes__gte=0), name="revision_file_size_not_negative"),
        ]

    def __str__(self) -> str:
        return self.path


class LicensePeriod(models.Model):
    """Which license was published from when: a copy made before a change keeps the old one."""

    model = models.ForeignKey(Model, on_delete=models.CASCADE, related_name="license_periods")
    license = models.CharField(max_length=100)
    since = models.CharField(max_length=10, default="", blank=True)
    """Partial date; empty: since the first release."""
    since_on = models.DateField(null=True, blank=True)
    seen = models.BooleanField()
    source = models.CharField(max_length=400)

    class Meta:
        ordering = ["since_on", "id"]
        constraints = [
            models.UniqueConstraint(fields=["model", "since"], name="license_period_is_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.license} since {self.since or 'the first release'}"
