"""Reads about runs: one run whole, its place in the queue, when it should be done, its events, the workers."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from statistics import median
from typing import NamedTuple
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from evaluation.contract import Progress, current_engine_version
from evaluation.suites import harness_tasks
from zoo.core import storage
from zoo.core.errors import NotFound
from zoo.runs import turns
from zoo.runs.events import ISOLATED
from zoo.runs.lifecycle import FINAL, HELD, State
from zoo.runs.models import Artifact, Chain, LogTail, Result, Run, RunEvent, Worker
from zoo.runs.queue import RunNotFound
from zoo.runs.recording import link

SEEN_RECENTLY = timedelta(minutes=5)
PAST_RUNS = 20


class Place(NamedTuple):
    """Where a waiting run stands: 1 is next. ``eta_seconds`` is None while nothing is known to go by."""

    position: int | None
    eta_seconds: int | None


class Counts(NamedTuple):
    """Runs by state, for the status page."""

    queued: int
    running: int
    succeeded: int
    failed: int
    cancelled: int


def run_by_id(run_id: UUID | str) -> Run:
    """The run with its worker and requester. Raises RunNotFound."""
    run = Run.objects.select_related("worker", "requested_by", "result").filter(pk=run_id).first()
    if run is None:
        raise RunNotFound("there is no such run", remedy="Check the id; runs are never deleted.")
    return run


def isolation_of(run: Run) -> str | None:
    """What was around the runner of the last attempt; None while none was started."""
    told = run.events.filter(kind=ISOLATED, token=run.token).order_by("-pk").first()
    return told.data["isolation"] if told is not None else None


def is_wanted(model_name: str) -> bool:
    """Whether a run that has not ended needs the model, as the one it measures or as the teacher of a pair."""
    open_runs = Run.objects.exclude(state__in=sorted(FINAL))
    return open_runs.filter(Q(model_name=model_name) | Q(spec__teacher__name=model_name)).exists()


def recent_runs(*, state: str | None = None, model: str | None = None) -> QuerySet[Run]:
    """Runs, newest first."""
    runs = Run.objects.select_related("requested_by").order_by("-created_at", "-pk")
    if state:
        runs = runs.filter(state=state)
    if model:
        runs = runs.filter(model_name=model)
    return runs


def place(run: Run, *, now: datetime) -> Place:
    """Position in the queue and the seconds until the run should be done, learned from past runs."""
    if run.is_final:
        return Place(None, None)
    usual = _usual_seconds(run)
    if run.is_held:
        return Place(None, remaining(run, usual, now))
    position = turns.position(run)
    if usual is None:
        return Place(position, None)
    workers = max(1, live_workers(now=now).count())
    busy = Run.objects.filter(state__in=sorted(HELD)).count()
    rounds = (position - 1 + busy) / workers
    return Place(position, round(usual * (rounds + 1)))


def _usual_seconds(run: Run) -> float | None:
    """Median duration of the last runs of the same suite or, failing that, of the same engine."""
    done = Run.objects.filter(state=State.SUCCEEDED, kind=run.kind, started_at__isnull=False).order_by(
        "-finished_at"
    )
    same = done.filter(suite=run.suite, engine=run.engine, model_name=run.model_name)
    for past in (same, done.filter(suite=run.suite, engine=run.engine), done.filter(engine=run.engine)):
        seconds = [
            (finish - start).total_seconds()
            for start, finish in past.values_list("started_at", "finished_at")[:PAST_RUNS]
            if start is not None and finish is not None
        ]
        if seconds:
            return median(seconds)
    return None


def remaining(run: Run, usual: float | None, now: datetime) -> int | None:
    """Seconds that a run in work still needs: by its own rate, else by what runs like it usually take."""
    elapsed = (now - run.started_at).total_seconds() if run.started_at else 0.0
    if run.progress is not None:
        progress = Progress.model_validate(run.progress)
        if progress.total and progress.rate:
            return max(0, round((progress.total - progress.done) / progress.rate))
    return None if usual is None else max(0, round(usual - elapsed))


def log_of(run: Run) -> str:
    """The last lines that the runner printed, live while it runs; of a lost one, what was heard of it last.

    Raises NotFound.
    """
    tail = LogTail.objects.filter(run=run).first()
    if tail is not None and run.is_held:
        return tail.text
    kept = run.artifacts.filter(kind=Artifact.Kind.LOG).order_by("-id").first()
    if kept is not None and storage.exists(kept.sha256):
        with storage.open_artifact(kept.sha256) as file:
            return file.read().decode("utf-8", "replace")
    if tail is None:
        raise NotFound("this run has left no log")
    return tail.text


def outdated(run: Run) -> str | None:
    """Why a success was computed by superseded code, in words; None when it was not, or is no success."""
    if run.state != State.SUCCEEDED:
        return None
    engine = run.result.report.engine
    if engine is None:
        return None
    harness = harness_tasks.index().harness_version
    if engine.harness_version not in (None, harness):
        return f"measured with harness {engine.harness_version}; {harness} is in use now"
    current = current_engine_version(engine.engine, engine.engine_version)
    if engine.engine_version != current:
        return f"measured with engine version {engine.engine_version}; {current} is in use now"
    return None


def outdated_runs() -> list[Run]:
    """The successes that stand for their identity and were computed by superseded code, oldest first."""
    standing = Run.objects.filter(state=State.SUCCEEDED, superseded_at=None, kind=Run.Kind.RUN)
    return [run for run in standing.select_related("result").order_by("created_at") if outdated(run)]


def events_since(run_id: UUID, *, after: int, limit: int = 200) -> list[RunEvent]:
    """The run's events with an id above ``after``, oldest first."""
    return list(RunEvent.objects.filter(run_id=run_id, pk__gt=after).order_by("pk")[:limit])


class Pulse(NamedTuple):
    """What a stream of events looks at besides the events: the state, and when the log last grew."""

    state: str
    logged_at: datetime | None


def pulse(run_id: UUID) -> Pulse:
    """The state of a run and the time of its log."""
    return Pulse(*Run.objects.values_list("state", "log_tail__at").get(pk=run_id))


def live_workers(*, now: datetime) -> QuerySet[Worker]:
    """Workers seen within five minutes that have not said goodbye, with the number of runs they hold."""
    return (
        Worker.objects.filter(seen_at__gte=now - SEEN_RECENTLY, stopped_at=None)
        .annotate(held=Count("runs", filter=Q(runs__state__in=sorted(HELD))))
        .order_by("started_at", "id")
    )


def waiting(*, limit: int) -> list[Run]:
    """The runs that wait, in the order in which they will be claimed."""
    return turns.in_order(limit=limit)


def counts() -> Counts:
    """How many runs there are in each state."""
    found = dict(Run.objects.order_by().values_list("state").annotate(number=Count("pk")))
    return Counts(
        queued=found.get(State.QUEUED, 0),
        running=found.get(State.FETCHING, 0) + found.get(State.RUNNING, 0),
        succeeded=found.get(State.SUCCEEDED, 0),
        failed=found.get(State.FAILED, 0),
        cancelled=found.get(State.CANCELLED, 0),
    )


def chain() -> Chain:
    """The head of the chain of results."""
    return Chain.objects.get_or_create(pk=1)[0]


def chain_breaks() -> list[int]:
    """Sequence numbers at which the chain of results does not hold. Empty when nothing was tampered with."""
    broken, previous, expected = [], "0" * 64, 1
    for result in Result.objects.order_by("sequence").iterator():
        fine = (
            result.sequence == expected
            and result.previous_hash == previous
            and result.digest == hashlib.sha256(result.bundle.encode()).hexdigest()
            and result.hash == link(previous, result.digest)
        )
        if not fine:
            broken.append(result.sequence)
        previous, expected = result.hash, result.sequence + 1
    return broken
