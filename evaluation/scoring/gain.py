"""Distillation gain: the student against a model of its size trained without the teacher.

Retention alone does not say what distillation did, for a small model keeps something anyway. The three models
are paired by sample: gain is student minus reference, and the gap closed is that over teacher minus reference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.scoring import fieller
from evaluation.scoring.aggregate import FEW_DISCORDANT
from evaluation.scoring.compare import compare
from evaluation.scoring.fieller import Stratum, moments
from evaluation.scoring.paired import ModelSamples, PairedSamples, pair
from evaluation.scoring.results import ComparisonBody, Settings, TaskInput
from evaluation.scoring.retention import NAMES, separated
from evaluation.scoring.values import BadInput, Estimate, Quantity, Undefined


@dataclass(frozen=True, slots=True)
class GainRow:
    """Gain on one task (in its metric) with Holm's adjusted p-value."""

    task: str
    gain: Quantity
    p_adjusted: float | None


@dataclass(frozen=True, slots=True)
class Gain:
    """Gain over the suite, per capability and per task.

    `separated` says whether the overall interval leaves out zero; `gap_closed` is the share of the way from the
    reference to the teacher that the student has gone.
    """

    overall: Quantity
    separated: bool | None
    gap_closed: Quantity
    capabilities: tuple[tuple[str, Quantity], ...]
    tasks: tuple[GainRow, ...]


def distillation_gain(
    tasks: Sequence[TaskInput], reference: Sequence[ModelSamples | None], settings: Settings
) -> Gain:
    """Compare the student with `reference` (samples per task, in the order of `tasks`), teacher beside them."""
    if len(tasks) != len(reference):
        raise BadInput("the reference needs an entry for each task")
    against = [_with_teacher(task, other) for task, other in zip(tasks, reference, strict=True)]
    body = compare(against, settings)
    overall = body.overall.difference
    apart = None if isinstance(overall, Undefined) else overall.ci_low > 0 or overall.ci_high < 0
    return Gain(
        overall=overall,
        separated=apart,
        gap_closed=_gap_closed(tasks, reference, body, settings),
        capabilities=tuple((row.name, row.difference) for row in body.capabilities),
        tasks=tuple(GainRow(row.task, row.difference, row.p_adjusted) for row in body.tasks),
    )


def _with_teacher(task: TaskInput, other: ModelSamples | None) -> TaskInput:
    """The task with the reference in the teacher's place."""
    return TaskInput(
        task.name,
        task.metric,
        task.student,
        other,
        task.capability,
        task.groups,
        task.is_ratio,
        task.higher_is_better,
        task.chance,
        task.aggregation,
        task.weight,
    )


def _gap_closed(
    tasks: Sequence[TaskInput],
    reference: Sequence[ModelSamples | None],
    body: ComparisonBody,
    settings: Settings,
) -> Quantity:
    """(student - reference) / (teacher - reference) over the tasks that count, by Fieller."""
    weights = {name: row.weight for row in body.capabilities for name in row.tasks}
    inside = {row.name: [t.weight for t in tasks if t.name in row.tasks] for row in body.capabilities}
    strata: list[Stratum] = []
    for task, other in zip(tasks, reference, strict=True):
        if task.name not in weights:
            continue
        found = _three(task, other)
        if isinstance(found, Undefined):
            return found
        row = next(row for row in body.capabilities if task.name in row.tasks)
        strata.append(Stratum(found, weights[task.name] * task.weight / sum(inside[row.name])))
    if not strata:
        return Undefined("not_measured", "no task was measured on the student and the reference")
    differing = sum(int((s.samples.student != 0).sum()) for s in strata)
    if differing < FEW_DISCORDANT:
        return Undefined("too_few_samples", f"student and reference differ on {differing} samples only")
    moved = moments(strata)
    if not separated(moved, settings.level):
        return Undefined("teacher_at_chance", "the teacher is not separated from the reference model")
    bounds = fieller.ratio_bounds(moved, settings.level)
    ratio = moved.student / moved.teacher
    return Estimate(ratio, bounds.low, bounds.high, settings.level, NAMES["fieller"])


def _three(task: TaskInput, reference: ModelSamples | None) -> PairedSamples | Undefined:
    """Student and teacher, each minus the reference, sample by sample."""
    if task.student is None or task.teacher is None or reference is None:
        return Undefined("not_measured", f"{task.name} was not measured on all three models")
    first, second = pair(task.student, reference), pair(task.teacher, reference)
    for side in (first, second):
        if isinstance(side, Undefined):
            return side
    assert isinstance(first, PairedSamples)
    assert isinstance(second, PairedSamples)
    gains, gaps = first.student - first.teacher, second.student - second.teacher
    return PairedSamples(gains, gaps, clusters=first.clusters)
