"""Comparisons for tests: real ones, made from two scripted runs that went through the queue of record."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from evaluation.contract import Engine, ModelSource, Protocol, RunSpec, SuiteRef
from tests.factories.runs import NOW, finish
from zoo.comparisons.models import Comparison
from zoo.comparisons.services import settle
from zoo.runs import queue
from zoo.runs.models import Pairing, Run

TASKS = ("scripted_choice.n-120", "scripted_pair.n-160", "scripted_generate.n-80", "scripted_rolling.n-40")


def measured_run(
    model: str,
    folder: Path,
    *,
    tasks: tuple[str, ...] = TASKS,
    suite: SuiteRef | None = None,
    limit: int | None = None,
    batch_size: int = 16,
    now: datetime = NOW,
) -> Run:
    """A finished scripted run; ``scripted/student-p70`` is right in about 70 % of the samples."""
    spec = RunSpec(
        model=ModelSource(name=model, revision="1"),
        suite=suite,
        tasks=tasks,
        protocol=Protocol(limit=limit, batch_size=batch_size),
        engine=Engine.SCRIPTED,
    )
    run = queue.request_run(spec=spec, acting_user=None, now=now, priority=0).run
    return run if run.is_final else finish(run, folder / str(run.pk), now=now)


def make_comparison(
    folder: Path,
    *,
    student: str = "scripted/student-p70",
    teacher: str = "scripted/teacher-p90",
    suite: SuiteRef | None = None,
    tasks: tuple[str, ...] = TASKS,
    limit: int | None = None,
    now: datetime = NOW,
) -> Comparison:
    """A stored comparison of two scripted models."""
    runs = [
        measured_run(model, folder, tasks=tasks, suite=suite, limit=limit, now=now)
        for model in (student, teacher)
    ]
    pairing, _ = Pairing.objects.get_or_create(
        student_run=runs[0], teacher_run=runs[1], defaults={"created_at": now}
    )
    comparison = settle(pairing_id=pairing.pk, now=now + timedelta(minutes=1))
    assert comparison is not None, pairing.reason
    return comparison
