"""The ledger of a model: each score that others report beside the one measured here, and how the two stand.

Reported and measured numbers never enter one ratio. What a student keeps of its teacher by reported scores alone
is a *reported* retention, of a type of its own and without an interval.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from evaluation.contract import RunReport, TaskResult
from evaluation.scoring.ledger import (
    LedgerEntry,
    MeasuredScore,
    ReportedRetention,
    ReportedScore,
    classify,
    reported_retention,
)
from zoo.catalog.models import Availability, Model
from zoo.catalog.models import ReportedScore as Published
from zoo.catalog.selectors import reported_scores_of
from zoo.comparisons.benchmarks import NO_SANDBOX, Equivalent, equivalent, is_ratio, runs_code, settings_of
from zoo.lineage.selectors import teachers_of
from zoo.runs.lifecycle import State
from zoo.runs.models import Run, Worker

LARGEST_MACHINE = 640 * 10**9
"""Memory of the largest machine that a worker is taken to be while none is known: eight GPUs of 80 GB."""
BYTES_A_PARAMETER = 2
_LOOKED_AT = 40
_SHUT = (Availability.CLOSED, Availability.UNRELEASED, Availability.WITHDRAWN)


_Key = tuple[str, str, str, str]


class LedgerRow(NamedTuple):
    """A reported score with its standing. `run` is the run that measured it here, None where there is none."""

    published: Published
    task: str
    entry: LedgerEntry
    run: Run | None


class RetentionRow(NamedTuple):
    """A reported retention: student and teacher as one document prints them."""

    teacher: Model
    student_score: Published
    teacher_score: Published
    retention: ReportedRetention


def ledger_of(model: Model, scores: Sequence[Published] | None = None) -> tuple[LedgerRow, ...]:
    """Every reported score that a task here measures too, or that cannot be run here, in the catalog's order.

    ``scores`` are all that are reported of the model, where they are at hand already.
    """
    scores = list(reported_scores_of(model)) if scores is None else scores
    if not scores:
        return ()
    named = [(score, equivalent(score.benchmark, score.metric)) for score in scores]
    measured = _measured(model, {found.task for _, found in named if found})
    unable = _cannot_run(model)
    rows = []
    for score, found in named:
        if score.unit not in ("percent", "ratio", "points"):
            continue
        if found is not None:
            rows.append(_row(score, found, measured, unable))
        elif runs_code(score.benchmark):
            reported = _reported(score, score.benchmark, score.metric)
            rows.append(LedgerRow(score, "", classify(reported, None, cannot_run=unable or NO_SANDBOX), None))
    return tuple(rows)


def reported_retentions(model: Model, scores: Sequence[Published] | None = None) -> tuple[RetentionRow, ...]:
    """What a student keeps of its teachers by what documents print of both, one document at a time.

    ``scores`` are all that are reported of the student, where they are at hand already.
    """
    mine = list(reported_scores_of(model)) if scores is None else scores
    teachers = teachers_of(model) if mine else []
    theirs = _printed(teachers)
    rows = []
    for teacher in teachers:
        for score in mine:
            other = theirs.get((teacher.pk, _key(score)))
            retention = _retention(score, other) if other is not None else None
            if other is not None and retention is not None:
                rows.append(RetentionRow(teacher, score, other, retention))
    return tuple(rows)


def _printed(models: list[Model]) -> dict[tuple[int, _Key], Published]:
    """What is reported of these models, by model and what it is of. One query, none for no model."""
    if not models:
        return {}
    rows = Published.objects.filter(model__in=models).order_by("group", "order", "id")
    return {(row.model_id or 0, _key(row)): row for row in rows}


def _key(score: Published) -> _Key:
    """What makes two printed scores be of one thing in one document."""
    return score.source_url or score.source, score.benchmark, score.metric, score.unit


def _retention(student: Published, teacher: Published) -> ReportedRetention | None:
    found = equivalent(student.benchmark, student.metric)
    return reported_retention(
        _reported(student, student.benchmark, student.metric),
        _reported(teacher, teacher.benchmark, teacher.metric),
        is_ratio=is_ratio(
            student.benchmark, student.metric, student.unit, lower_is_better=student.lower_is_better
        ),
        chance=found.chance if found is not None else None,
    )


def _reported(score: Published, task: str, metric: str) -> ReportedScore:
    scale = 1.0 if score.unit == "ratio" else 100.0
    digits = len(f"{score.value:.10g}".partition(".")[2])
    return ReportedScore(
        value=score.value / scale,
        source=score.source_url or score.source,
        task=task,
        metric=metric,
        settings=settings_of(score.settings),
        decimals=digits + (0 if score.unit == "ratio" else 2),
    )


class _Found(NamedTuple):
    run: Run
    result: TaskResult


def _measured(model: Model, tasks: Iterable[str]) -> dict[str, _Found]:
    """The newest whole measurement of each task."""
    wanted = set(tasks)
    runs = Run.objects.filter(model_name__iexact=model.slug, state=State.SUCCEEDED, superseded_at=None)
    found: dict[str, _Found] = {}
    for run in runs.select_related("result").order_by("-finished_at", "-pk")[:_LOOKED_AT]:
        report = run.result.report
        if not isinstance(report, RunReport) or run.spec["protocol"]["limit"] is not None:
            continue
        for result in report.results:
            if result.task in wanted:
                found.setdefault(result.task, _Found(run, result))
    return found


def _row(score: Published, found: Equivalent, measured: dict[str, _Found], unable: str | None) -> LedgerRow:
    own = measured.get(found.task)
    ours = None
    if own is not None:
        given = (("num_fewshot", str(own.result.num_fewshot)), *found.settings)
        value = own.result.score
        ours = MeasuredScore(value.value, value.stderr, found.task, own.result.metric, given)
    entry = classify(_reported(score, found.task, found.metric), ours, cannot_run=unable)
    return LedgerRow(score, found.task, entry, own.run if own else None)


def _cannot_run(model: Model) -> str | None:
    """Why no worker here can run a model; None where nothing speaks against it."""
    if model.availability in _SHUT:
        return f"its weights cannot be had ({model.get_availability_display()})"
    largest = max(Worker.objects.values_list("memory_bytes", flat=True), default=0) or LARGEST_MACHINE
    needed = (model.parameters or 0) * BYTES_A_PARAMETER
    if needed > largest:
        return f"{needed / 1e9:,.0f} GB of weights in 16 bits do not fit one worker"
    return None
