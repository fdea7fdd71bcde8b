"""Webhooks: who wants to be told of what, what has to be delivered, and every attempt to do so."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from zoo.core.ids import uuid7


class Webhook(models.Model):
    """A subscription. Its secret is derived from the instance's key and the salt, and stored nowhere."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="webhooks")
    url = models.CharField(max_length=500)
    events = models.JSONField()
    """Names of events, of zoo.publishing.webhooks.EVENTS."""
    salt = models.CharField(max_length=43, unique=True)
    created_at = models.DateTimeField()
    seen = models.JSONField(default=dict)
    """For each event the number of the last one that was looked at."""
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_reason = models.CharField(max_length=200, default="", blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ended_at=None) | ~Q(ended_reason=""), name="webhook_end_has_reason"
            ),
        ]

    def __str__(self) -> str:
        return self.url


class Delivery(models.Model):
    """One message to one webhook: sent until it is taken, or until its tries are used up."""

    class State(models.TextChoices):
        WAITING = "waiting", "waiting"
        DELIVERED = "delivered", "delivered"
        GIVEN_UP = "given_up", "given up"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=40)
    subject = models.CharField(max_length=120)
    """What it is about; one event is told once to one webhook."""
    body = models.TextField()
    """The exact text that is signed and sent."""
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state="waiting"), name="delivery_due"),
            models.Index(fields=["webhook", "-created_at"], name="delivery_of_webhook"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["webhook", "event", "subject"], name="delivery_told_once"),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "delivered", "given_up"]), name="delivery_state_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} to {self.webhook_id}"


class Attempt(models.Model):
    """One try to deliver: when, what came back, how long it took."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="attempts")
    at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    """The HTTP status; None when no answer came."""
    trouble = models.CharField(max_length=300, default="", blank=True)
    seconds = models.FloatField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.at:%H:%M:%S} {self.status or self.trouble}"
