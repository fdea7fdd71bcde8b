"""The queue: asking for a run, claiming it, keeping the lease, giving it back, cancelling, trying again.

Every move is one conditional update under the rules of ``lifecycle``, with its event in the same transaction.
``now`` is the database's time (``clock.database_now``). Nothing here speaks to a broker.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F

from evaluation.contract import Failure, Fault, PairSpec, Progress, RunSpec, Stage
from zoo.accounts.models import User
from zoo.core import logs
from zoo.core.errors import Conflict, NotFound
from zoo.core.models import record
from zoo.runs import events
from zoo.runs.lifecycle import (
    FINAL,
    HELD,
    LIVE,
    Move,
    State,
    backoff_seconds,
    sources,
    target,
)
from zoo.runs.models import LogTail, Run, Worker

SEEN_AGAIN = timedelta(seconds=10)
"""A worker's row is not written for every heartbeat."""


class Requested(NamedTuple):
    """A run that stands for a spec, and whether it was made just now."""

    run: Run
    created: bool


class Lease(NamedTuple):
    """The right to work on a run until the lease ends: proven by the fencing token."""

    run_id: UUID
    token: int


class RunNotFound(NotFound):
    """There is no such run."""

    code = "run_not_found"


class LeaseLost(Conflict):
    """The run is no longer held under this token. Whoever hears this stops at once."""

    code = "lease_lost"


class AlreadyFinished(Conflict):
    """The run has come to its end and cannot be stopped any more."""

    code = "already_finished"


class CannotRetry(Conflict):
    """Only a failed or cancelled run can be tried again, while no other stands for the same measurement."""

    code = "cannot_retry"


@transaction.atomic
def request_run(
    *, spec: RunSpec | PairSpec, acting_user: User | None, now: datetime, priority: int = 0
) -> Requested:
    """The live run with the spec's identity; a new one, queued, if there is none."""
    identity = spec.identity()
    alive = _live(identity)
    if alive is None:
        try:
            with transaction.atomic():
                return Requested(_create(spec, identity, acting_user, now, priority), True)
        except IntegrityError:
            # Somebody asked for the same at the same time and was first.
            alive = Run.objects.get(identity=identity, state__in=sorted(LIVE), superseded_at=None)
    if alive.cancel_requested and not alive.is_final:
        # Somebody no longer wanted it, somebody else does.
        Run.objects.filter(pk=alive.pk, state__in=sorted(HELD)).update(cancel_requested=False)
        alive.cancel_requested = False
    return Requested(alive, False)


def _live(identity: str) -> Run | None:
    return Run.objects.filter(identity=identity, state__in=sorted(LIVE), superseded_at=None).first()


def _create(spec: RunSpec | PairSpec, identity: str, user: User | None, now: datetime, priority: int) -> Run:
    pair = isinstance(spec, PairSpec)
    model = spec.student if isinstance(spec, PairSpec) else spec.model
    suite = None if isinstance(spec, PairSpec) else spec.suite
    run = Run.objects.create(
        kind=Run.Kind.PAIR if pair else Run.Kind.RUN,
        identity=identity,
        spec=spec.model_dump(mode="json"),
        spec_version=spec.version,
        model_name=model.name,
        model_revision=model.revision,
        suite=f"{suite.name}@{suite.version}" if suite else "",
        engine="pair" if isinstance(spec, PairSpec) else spec.engine.value,
        device=spec.requirements.device,
        memory_bytes=spec.requirements.memory_bytes,
        disk_bytes=spec.requirements.disk_bytes,
        time_limit_seconds=spec.requirements.time_limit_seconds,
        priority=priority,
        requested_by=user,
        request_id=logs.request_id(),
        created_at=now,
        queued_at=now,
        not_before=now,
    )
    events.note_move(run, Move.REQUESTED, from_state="", now=now, user=user)
    events.ring(run, now=now)
    return run


@transaction.atomic
def take(*, run_id: UUID, worker: Worker, now: datetime, lease: timedelta) -> Lease | None:
    """Claims one queued run for a worker, with a fresh token. None when it is not to be had any more."""
    changed = Run.objects.filter(
        pk=run_id, state__in=sources(Move.CLAIMED), not_before__lte=now, cancel_requested=False
    ).update(
        state=target(Move.CLAIMED),
        token=F("token") + 1,
        attempts=F("attempts") + 1,
        lease_until=now + lease,
        worker=worker,
        started_at=now,
        progressed_at=now,
        progress=None,
    )
    if not changed:
        return None
    LogTail.objects.filter(run_id=run_id).delete()
    run = Run.objects.get(pk=run_id)
    events.note_move(run, Move.CLAIMED, from_state=State.QUEUED, now=now, attempt=run.attempts)
    return Lease(run.pk, run.token)


class Beat(NamedTuple):
    """The answer to a heartbeat."""

    cancel: bool


@transaction.atomic
def heartbeat(
    *,
    lease: Lease,
    progress: Progress | None,
    now: datetime,
    length: timedelta,
    log: str | None = None,
    isolation: str | None = None,
) -> Beat:
    """Renews a lease, notes what is new. Raises LeaseLost when the token is not the run's any more.

    The log is no event: events are for everybody, and what a runner prints is not.
    """
    held = Run.objects.filter(pk=lease.run_id, token=lease.token, state__in=sorted(HELD))
    if not held.update(lease_until=now + length):
        raise LeaseLost("this worker no longer holds the run", remedy="Stop, and claim again.")
    run = Run.objects.get(pk=lease.run_id)
    # A worker at work asks for nothing for hours; its heartbeats are what it is heard by.
    Worker.objects.filter(pk=run.worker_id, seen_at__lt=now - SEEN_AGAIN).update(seen_at=now)
    if progress is not None:
        _note_progress(run, progress, now)
    if isolation is not None:
        events.note(run, events.ISOLATED, now=now, isolation=isolation)
    if log is not None:
        LogTail.objects.update_or_create(run=run, defaults={"text": log, "at": now})
    return Beat(cancel=run.cancel_requested)


def _note_progress(run: Run, progress: Progress, now: datetime) -> None:
    document = progress.model_dump(mode="json")
    if document == run.progress:
        return
    before = run.state
    if progress.stage is not Stage.FETCHING and before == State.FETCHING:
        run.state = target(Move.STARTED)
    run.progress, run.progressed_at = document, now
    run.save(update_fields=["state", "progress", "progressed_at"])
    if run.state != before:
        events.note_move(run, Move.STARTED, from_state=before, now=now)
    events.note(run, events.PROGRESS, now=now, **document)


@transaction.atomic
def release(*, lease: Lease, reason: Failure, now: datetime) -> State:
    """A worker gives a run back unharmed (it is being shut down, or is sick): queued again, no attempt lost.

    A run that should be cancelled is cancelled instead. Raises LeaseLost.
    """
    run = locked(lease)
    if run.cancel_requested:
        return end(run, Move.CANCELLED, reason=_CANCELLED, now=now)
    _back(run, Move.RELEASED, reason, now, rest=0)
    return State.QUEUED


@transaction.atomic
def lose(*, lease: Lease, reason: Failure, now: datetime) -> State:
    """An attempt ended through no fault of the submitter: queued again after a rest, or given up.

    Raises LeaseLost.
    """
    return give_back_or_up(locked(lease), reason, now)


def give_back_or_up(run: Run, reason: Failure, now: datetime) -> State:
    """Queues a held run again with backoff, or ends it: cancelled if wished, failed after too many times."""
    if run.cancel_requested:
        return end(run, Move.CANCELLED, reason=_CANCELLED, now=now)
    run.lost += 1
    if run.lost >= settings.ZOO_MAX_LOST or used_attempts(run) >= settings.ZOO_MAX_ATTEMPTS:
        return end(run, Move.FAILED, reason=_given_up(reason, run.lost), now=now)
    _back(run, Move.LOST, reason, now, rest=backoff_seconds(run.lost, settings.ZOO_BACKOFF_SECONDS))
    return State.QUEUED


def used_attempts(run: Run) -> int:
    """Attempts that count against the most there may be: those that a worker gave back unharmed do not."""
    return run.attempts - run.events.filter(kind=Move.RELEASED.value).count()


def locked(lease: Lease) -> Run:
    """The run held under the lease, locked until the transaction ends. Raises LeaseLost."""
    # An update of nothing takes the row's lock on Postgres; SQLite's transaction has the lock already.
    held = Run.objects.filter(pk=lease.run_id, token=lease.token, state__in=sorted(HELD))
    if not held.update(token=F("token")):
        raise LeaseLost("this worker no longer holds the run", remedy="Stop, and claim again.")
    return Run.objects.get(pk=lease.run_id)


def end(run: Run, move: Move, *, reason: Failure | None, now: datetime, user: User | None = None) -> State:
    """Brings a run that this transaction has locked to its end."""
    before = run.state
    run.state = target(move)
    run.reason = as_reason(reason) if reason else None
    run.lease_until = None
    run.finished_at = now
    run.save(update_fields=["state", "reason", "lost", "lease_until", "finished_at"])
    if run.state != State.FAILED:
        LogTail.objects.filter(run=run).delete()
    events.note_move(
        run, move, from_state=before, now=now, user=user, **({"reason": run.reason} if reason else {})
    )
    events.settle(run, now=now)
    return State(run.state)


def as_reason(failure: Failure) -> dict[str, str]:
    """A failure as it is stored: without the NUL characters that Postgres takes nowhere."""
    return {key: str(value).replace("\0", "") for key, value in failure.model_dump(mode="json").items()}


def _back(run: Run, move: Move, reason: Failure, now: datetime, *, rest: int) -> None:
    before = run.state
    run.state = target(move)
    run.reason = as_reason(reason)
    run.lease_until = None
    run.queued_at = now
    run.not_before = now + timedelta(seconds=rest)
    run.save(update_fields=["state", "reason", "lost", "lease_until", "queued_at", "not_before"])
    events.note_move(run, move, from_state=before, now=now, reason=run.reason, rest_seconds=rest)
    events.ring(run, now=now, due_at=run.not_before)


@transaction.atomic
def cancel(*, run_id: UUID, acting_user: User | None, now: datetime) -> State:
    """Cancels a queued run at once; asks the holder of a held one to stop. Asking again is harmless.

    Raises RunNotFound; AlreadyFinished for a run that has succeeded or failed, even after a wish to cancel.
    """
    Run.objects.filter(pk=run_id).update(token=F("token"))
    run = Run.objects.filter(pk=run_id).first()
    if run is None:
        raise RunNotFound("there is no such run")
    if run.state == State.CANCELLED:
        return State.CANCELLED
    if run.state in FINAL:
        raise AlreadyFinished(f"the run has {run.state} and cannot be cancelled", state=run.state)
    if run.cancel_requested:
        return State(run.state)
    record(action="run.cancel", subject=f"run:{run.pk}", acting_user=acting_user, now=now)
    Run.objects.filter(pk=run_id).update(cancel_requested=True)
    run.cancel_requested = True
    if run.state == State.QUEUED:
        return end(run, Move.CANCELLED, reason=_CANCELLED, now=now, user=acting_user)
    events.note(run, events.CANCEL_REQUESTED, now=now, user=acting_user)
    return State(run.state)


@transaction.atomic
def retry(*, run_id: UUID, acting_user: User, now: datetime) -> Run:
    """Queues a failed or cancelled run again; it goes on from its last finished task where it can.

    Raises RunNotFound, and CannotRetry with the reason.
    """
    Run.objects.filter(pk=run_id).update(token=F("token"))
    run = Run.objects.filter(pk=run_id).first()
    if run is None:
        raise RunNotFound("there is no such run")
    if run.state not in sources(Move.RETRIED):
        raise CannotRetry(f"the run is {run.state}; only a failed or cancelled run can be tried again")
    if used_attempts(run) >= settings.ZOO_MAX_ATTEMPTS:
        raise CannotRetry(f"the run has had {run.attempts} attempts, which is the most there are")
    other = _live(run.identity)
    if other is not None:
        raise _measured_by(other)
    record(action="run.retry", subject=f"run:{run.pk}", acting_user=acting_user, now=now)
    before = run.state
    run.state, run.lost, run.cancel_requested = target(Move.RETRIED), 0, False
    run.finished_at, run.queued_at, run.not_before = None, now, now
    try:
        with transaction.atomic():
            run.save()
    except IntegrityError:
        # Somebody asked for the same measurement since we looked.
        raise _measured_by(_live(run.identity)) from None
    events.note_move(run, Move.RETRIED, from_state=before, now=now, user=acting_user)
    events.ring(run, now=now)
    return run


def _measured_by(other: Run | None) -> CannotRetry:
    known = {"run": str(other.pk)} if other is not None else {}
    return CannotRetry("another run measures the same already", **known)


@transaction.atomic
def supersede(*, run_id: UUID, acting_user: User | None, now: datetime, why: str) -> bool:
    """Takes a success out of service: its result stays, but the same can be measured anew. Repeating is harmless."""
    stands = Run.objects.filter(pk=run_id, state=State.SUCCEEDED, superseded_at=None)
    if not stands.update(superseded_at=now):
        return False
    events.note(Run.objects.get(pk=run_id), events.SUPERSEDED, now=now, user=acting_user, why=why)
    record(
        action="run.superseded",
        subject=f"run:{run_id}",
        acting_user=acting_user,
        now=now,
        detail={"why": why},
    )
    return True


_CANCELLED = Failure(
    code="cancelled",
    fault=Fault.SUBMITTER,
    message="The run was cancelled.",
    remedy="Retry it to go on where it stopped.",
)


def _given_up(last: Failure, lost: int) -> Failure:
    return Failure(
        code=last.code,
        fault=last.fault,
        message=f"Given up after {lost} attempts that ended the same way or worse. The last: {last.message}"[
            :4000
        ],
        remedy=last.remedy,
    )
