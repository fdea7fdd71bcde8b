"""Places in the queue, and times until the end, of many runs at once: as many queries for a page as for one run.

``selectors.place`` says the same of one run. Usual durations come from the newest successes alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from statistics import median
from uuid import UUID

from zoo.runs import turns
from zoo.runs.lifecycle import HELD, State
from zoo.runs.models import Run
from zoo.runs.selectors import PAST_RUNS, Place, live_workers, remaining

_LOOKED_AT = 2000
_Alike = tuple[str, ...]


def places(runs: Iterable[Run], *, now: datetime) -> dict[UUID, Place]:
    """Where each of the runs stands, by its key."""
    runs = list(runs)
    found = {run.pk: Place(None, None) for run in runs}
    going = [run for run in runs if not run.is_final]
    if not going:
        return found
    usual = _usual(going)
    found |= {run.pk: Place(None, remaining(run, usual[run.pk], now)) for run in going if run.is_held}
    waiting = [run for run in going if not run.is_held]
    if waiting:
        workers = max(1, live_workers(now=now).count())
        busy = Run.objects.filter(state__in=sorted(HELD)).count()
        for pk, position in turns.positions(waiting).items():
            seconds = usual[pk]
            rounds = (position - 1 + busy) / workers
            found[pk] = Place(position, None if seconds is None else round(seconds * (rounds + 1)))
    return found


def _usual(runs: Sequence[Run]) -> dict[UUID, float | None]:
    """Median duration of past runs: of the same model, else of the same suite, else of the same engine."""
    done = Run.objects.filter(state=State.SUCCEEDED, started_at__isnull=False, finished_at__isnull=False)
    rows = done.order_by("-finished_at").values_list(
        "kind", "engine", "suite", "model_name", "started_at", "finished_at"
    )
    seconds: defaultdict[_Alike, list[float]] = defaultdict(list)
    for kind, engine, suite, model, started, finished in rows[:_LOOKED_AT]:
        if started is not None and finished is not None:
            for alike in ((kind, engine), (kind, engine, suite), (kind, engine, suite, model)):
                seconds[alike].append((finished - started).total_seconds())
    return {run.pk: _median(seconds, run) for run in runs}


def _median(seconds: defaultdict[_Alike, list[float]], run: Run) -> float | None:
    whole: _Alike = (run.kind, run.engine, run.suite, run.model_name)
    for length in (4, 3, 2):
        if past := seconds.get(whole[:length]):
            return median(past[:PAST_RUNS])
    return None
