"""What every table shares, and the audit row that is written with every change."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models

if TYPE_CHECKING:  # The layer above; only its name is needed here.
    from zoo.accounts.models import User


class Stamped(models.Model):
    """A row that says when it was made. The time is an argument of the service that makes it."""

    created_at = models.DateTimeField()

    class Meta:
        abstract = True


class AuditRow(models.Model):
    """Who changed what, when and why. Written in the transaction of the change; never edited or deleted.

    ``subject`` is a stable name such as ``model:org/name`` or ``run:<id>``.
    """

    at = models.DateTimeField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    action = models.CharField(max_length=64)
    subject = models.CharField(max_length=255, db_index=True)
    detail = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["subject", "-at"], name="audit_by_subject")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.action} {self.subject}"


def record(
    *,
    action: str,
    subject: str,
    acting_user: User | None,
    now: datetime,
    detail: dict[str, object] | None = None,
) -> AuditRow:
    """Writes the audit row of a change. Call it inside the transaction of that change."""
    return AuditRow.objects.create(
        at=now, user=acting_user, action=action, subject=subject, detail=detail or {}
    )
