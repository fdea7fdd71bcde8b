"""What every statement in the catalog carries: where it was read, and how sure one may be of it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class Status(models.TextChoices):
    """How a statement stands. Only documented, claimed and inferred ones take part in lineage."""

    DOCUMENTED = "documented", "documented"
    """A source says so that was read."""
    CLAIMED = "claimed", "claimed"
    """Somebody says so, or it is remembered; no source was read that settles it."""
    INFERRED = "inferred", "inferred"
    """Concluded here, from files, names or headers."""
    DISPUTED = "disputed", "disputed"
    """Alleged, or contradicted by another source. Shown, and never counted as a fact."""
    RETRACTED = "retracted", "retracted"
    """Withdrawn. Kept, so that the history can be read."""


COUNTED = (Status.DOCUMENTED, Status.CLAIMED, Status.INFERRED)
"""The statuses that take part in lineage, facets and license checks."""


class Attested(models.Model):
    """Base of statements: what is said, by which source, whether it was read, and how it stands."""

    claim = models.TextField()
    source = models.CharField(max_length=400)
    source_url = models.CharField(max_length=500, default="", blank=True)
    seen = models.BooleanField()
    """True: the source was read. False: recalled, and to be checked before anybody relies on it."""
    status = models.CharField(max_length=12, choices=Status.choices)

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=Status.values), name="%(app_label)s_%(class)s_status_is_known"
            ),
            models.CheckConstraint(
                condition=Q(seen=True) | ~Q(status=Status.DOCUMENTED),
                name="%(app_label)s_%(class)s_recalled_is_not_documented",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.claim} ({self.source})"
