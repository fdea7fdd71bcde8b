"""What a monitor wants to know about the queue, the runs and the workers, read from the database.

Read there and not counted in a process, so that every web process gives the same answer and none forgets at a
restart. Only the time that each stage of a run took is told run by run.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db.models import Count, Min

from evaluation.contract import Progress, Requirements
from evaluation.exchange import queue_for
from zoo.runs import events, reaper
from zoo.runs.lifecycle import HELD, Move, State
from zoo.runs.models import Chain, Outbox, Run, RunEvent, Worker

KNOWN_WORKERS = timedelta(hours=1)
"""A worker that has been silent for longer is no news any more: an alert has had its time."""
ENDS = (Move.RECORDED, Move.FAILED)


class Depth(NamedTuple):
    """How many there are, and how long the oldest has been there, in seconds."""

    number: int
    oldest_seconds: float


class Pulse(NamedTuple):
    """A worker, and how long ago it was heard from, in seconds."""

    worker: str
    device: str
    silent_seconds: float


class StageTime(NamedTuple):
    """How long one stage of one attempt took, in seconds."""

    stage: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How things stand at one moment."""

    states: dict[str, Depth]
    """Every state. Of final ones only the number is told; their age is 0."""
    queues: dict[str, Depth]
    """Waiting runs by the queue that their hints go to."""
    outbox: Depth
    """Messages that are due and have not been sent."""
    items_per_second: float
    """Requests that the runs in work answer per second together, as their last progress said."""
    workers: tuple[Pulse, ...]
    lost: int
    """Leases that ended without a word from their holder, ever."""
    refused: int
    """Deliveries under a lease that had been lost, ever."""
    results: int
    alarms: dict[str, bool]
    """Every alarm that there is, and whether it is raised."""


def snapshot(*, now: datetime) -> Snapshot:
    """Everything, in about a dozen queries, each by an index."""
    raised = {alarm.code for alarm in reaper.alarms(now=now)}
    notable = dict(
        RunEvent.objects.exclude(kind=events.PROGRESS)
        .filter(kind__in=[Move.LOST.value, events.REFUSED])
        .order_by()
        .values_list("kind")
        .annotate(number=Count("pk"))
    )
    return Snapshot(
        states=_states(now),
        queues=_queues(now),
        outbox=_outbox(now),
        items_per_second=_items_per_second(),
        workers=_workers(now),
        lost=notable.get(Move.LOST.value, 0),
        refused=notable.get(events.REFUSED, 0),
        results=Chain.objects.filter(pk=1).values_list("sequence", flat=True).first() or 0,
        alarms={code: code in raised for code in reaper.ALARMS},
    )


def _states(now: datetime) -> dict[str, Depth]:
    numbers = dict(Run.objects.order_by().values_list("state").annotate(number=Count("pk")))
    waits = Run.objects.filter(state=State.QUEUED).aggregate(since=Min("queued_at"))["since"]
    since = {State.QUEUED.value: waits} | dict(
        Run.objects.filter(state__in=sorted(HELD))
        .order_by()
        .values_list("state")
        .annotate(since=Min("started_at"))
    )
    return {
        state.value: Depth(numbers.get(state.value, 0), _age(since.get(state.value), now)) for state in State
    }


def _queues(now: datetime) -> dict[str, Depth]:
    """Runs that wait, by queue. Only sizes that occur are looked at, so this stays small however many wait."""
    rows = (
        Run.objects.filter(state=State.QUEUED)
        .order_by()
        .values_list("device", "memory_bytes")
        .annotate(number=Count("pk"), since=Min("queued_at"))
    )
    found: dict[str, Depth] = {}
    for device, memory, number, since in rows:
        name = queue_for(Requirements.model_validate({"device": device, "memory_bytes": memory}))
        before = found.get(name, Depth(0, 0.0))
        found[name] = Depth(before.number + number, max(before.oldest_seconds, _age(since, now)))
    return found


def _outbox(now: datetime) -> Depth:
    unsent = Outbox.objects.filter(sent_at__isnull=True, due_at__lte=now)
    found = unsent.aggregate(number=Count("pk"), since=Min("due_at"))
    return Depth(found["number"], _age(found["since"], now))


def _items_per_second() -> float:
    held = Run.objects.filter(state__in=sorted(HELD), progress__isnull=False)
    told = [Progress.model_validate(progress) for progress in held.values_list("progress", flat=True)]
    return sum(progress.rate or 0.0 for progress in told)


def _workers(now: datetime) -> tuple[Pulse, ...]:
    known = Worker.objects.filter(seen_at__gte=now - KNOWN_WORKERS, stopped_at=None).order_by("id")
    return tuple(
        Pulse(worker, device, _age(seen, now))
        for worker, device, seen in known.values_list("id", "device", "seen_at")
    )


def stage_times(*, run_id: UUID, token: int) -> tuple[StageTime, ...]:
    """How long the attempt under this token waited, fetched and measured; only what it came to."""
    run = Run.objects.filter(pk=run_id).only("queued_at").first()
    moves = dict(
        RunEvent.objects.filter(run_id=run_id, token=token)
        .exclude(kind=events.PROGRESS)
        .values_list("kind", "at")
    )
    claimed, started = moves.get(Move.CLAIMED.value), moves.get(Move.STARTED.value)
    end = next((moves[move.value] for move in ENDS if move.value in moves), None)
    found = []
    if run is not None and claimed is not None:
        found.append(StageTime("waiting", _age(run.queued_at, claimed)))
    if claimed is not None and (until := started or end) is not None:
        found.append(StageTime("fetching", _age(claimed, until)))
    if started is not None and end is not None:
        found.append(StageTime("measuring", _age(started, end)))
    return tuple(found)


def _age(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since is not None else 0.0
