"""What waits to be told to the broker. The relay reads, sends, marks; a crash in between sends once more."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import F

from evaluation.contract import Requirements
from evaluation.exchange import queue_for
from zoo.runs.lifecycle import State
from zoo.runs.models import Outbox


class Letter(NamedTuple):
    """One message to send: its row, what it is, the run, and for a hint the queue."""

    id: int
    kind: Outbox.Kind
    run_id: UUID
    queue: str
    request_id: str
    """The web request that the run came from, for the logs."""


def due(*, now: datetime, limit: int = 100) -> list[Letter]:
    """The messages that should leave now, oldest first. Hints for runs that no longer wait are left out."""
    rows = Outbox.objects.select_related("run").filter(sent_at__isnull=True, due_at__lte=now)
    return [
        Letter(row.pk, Outbox.Kind(row.kind), row.run_id, _queue(row), row.run.request_id)
        for row in rows.order_by("due_at", "id")[:limit]
    ]


def _queue(row: Outbox) -> str:
    device = row.run.device
    known = device if device in ("any", "cpu", "cuda", "mps") else "any"
    return queue_for(Requirements.model_validate({"device": known, "memory_bytes": row.run.memory_bytes}))


@transaction.atomic
def mark_sent(*, ids: list[int], now: datetime) -> None:
    """The broker has taken these messages."""
    Outbox.objects.filter(pk__in=ids, sent_at__isnull=True).update(sent_at=now, tries=F("tries") + 1)


@transaction.atomic
def postpone(*, ids: list[int], now: datetime) -> None:
    """The broker would not take these: try again a little later each time, at most a minute."""
    for row in Outbox.objects.filter(pk__in=ids, sent_at__isnull=True):
        wait = min(60, 2 ** min(row.tries, 6))
        Outbox.objects.filter(pk=row.pk).update(due_at=now + timedelta(seconds=wait), tries=F("tries") + 1)


@transaction.atomic
def drop_moot_hints(*, now: datetime) -> int:
    """Marks hints for runs that do not wait any more as sent."""
    moot = Outbox.objects.filter(sent_at__isnull=True, kind=Outbox.Kind.HINT).exclude(run__state=State.QUEUED)
    return moot.update(sent_at=now)
