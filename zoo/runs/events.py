"""Writes the event of a change, and the outbox rows that follow from it, inside the change's transaction."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import structlog
from django.db import transaction

from zoo.runs.lifecycle import Move, State, target
from zoo.runs.models import Outbox, Run, RunEvent

if TYPE_CHECKING:
    from zoo.accounts.models import User

ISOLATED = "isolated"
"""The runner of an attempt was started, and with what around it."""
PROGRESS = "progress"
REFUSED = "refused"
CANCEL_REQUESTED = "cancel_requested"
SUPERSEDED = "superseded"
logger = structlog.get_logger(__name__)


def note_move(
    run: Run,
    move: Move,
    *,
    from_state: str,
    now: datetime,
    user: User | None = None,
    **data: object,
) -> RunEvent:
    """The event of a move that has just been made; the run's fields are those after the move."""
    known = {"run_id": str(run.pk), "token": run.token, "worker": run.worker_id or ""}
    if run.request_id:
        known["request_id"] = run.request_id
    # A log must not tell of what is rolled back.
    transaction.on_commit(lambda: logger.info(f"run_{move.value}", **known))
    return _add(run, move.value, now, user, data, from_state=from_state, to_state=target(move).value)


def note(run: Run, kind: str, *, now: datetime, user: User | None = None, **data: object) -> RunEvent:
    """An event that is no move: progress, a refusal, a wish to cancel."""
    return _add(run, kind, now, user, data)


def ring(run: Run, *, now: datetime, due_at: datetime | None = None) -> None:
    """Asks the relay to tell the workers that this run waits."""
    _post(run, Outbox.Kind.HINT, now, due_at or now)


def ring_again(run: Run, *, now: datetime) -> None:
    """Has the last hint of the run sent once more, instead of piling up new ones."""
    last = Outbox.objects.filter(run=run, kind=Outbox.Kind.HINT).order_by("-id").first()
    if last is None:
        ring(run, now=now)
    else:
        Outbox.objects.filter(pk=last.pk).update(sent_at=None, due_at=now)


def settle(run: Run, *, now: datetime) -> None:
    """Asks the relay to let whatever waits for this run go on."""
    _post(run, Outbox.Kind.SETTLE, now, now)


def _post(run: Run, kind: Outbox.Kind, now: datetime, due_at: datetime) -> None:
    Outbox.objects.create(run=run, kind=kind, created_at=now, due_at=due_at)


def _add(
    run: Run,
    kind: str,
    now: datetime,
    user: User | None,
    data: dict[str, object],
    *,
    from_state: str | State = "",
    to_state: str | State = "",
) -> RunEvent:
    return RunEvent.objects.create(
        run=run,
        at=now,
        kind=kind,
        from_state=from_state,
        to_state=to_state,
        token=run.token,
        worker=run.worker_id or "",
        user=user,
        data=data,
    )
