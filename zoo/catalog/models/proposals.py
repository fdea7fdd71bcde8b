"""Drafts of new entries and corrections, which a curator accepts, amends or declines."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from zoo.catalog.models.entries import Model
from zoo.core.ids import uuid7


class Proposal(models.Model):
    """Somebody's draft. What was proposed is never changed; an amendment is kept beside it."""

    class Kind(models.TextChoices):
        ENTRY = "entry", "new entry"
        CORRECTION = "correction", "correction"

    class State(models.TextChoices):
        OPEN = "open", "open"
        ACCEPTED = "accepted", "accepted"
        AMENDED = "amended", "accepted with changes"
        DECLINED = "declined", "declined"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    model = models.ForeignKey(
        Model, null=True, blank=True, on_delete=models.PROTECT, related_name="proposals"
    )
    """The entry that is to be corrected, or the one that came of the draft."""
    draft = models.JSONField()
    reason = models.CharField(max_length=1000)
    source = models.CharField(max_length=500)
    state = models.CharField(max_length=12, choices=State.choices, default=State.OPEN)
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="proposals"
    )
    proposed_at = models.DateTimeField()
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    decision = models.CharField(max_length=1000, default="", blank=True)
    amended_draft = models.JSONField(null=True, blank=True)

    class Meta:
        ordering = ["-proposed_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["open", "accepted", "amended", "declined"]),
                name="proposal_state_is_known",
            ),
            models.CheckConstraint(
                condition=(Q(state="open") & Q(decided_at=None))
                | (~Q(state="open") & Q(decided_at__isnull=False)),
                name="proposal_decided_with_a_date",
            ),
            models.CheckConstraint(
                condition=~Q(state="declined") | ~Q(decision=""), name="proposal_declined_with_a_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"
