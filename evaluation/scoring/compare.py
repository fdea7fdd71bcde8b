"""From two runs' per-sample scores to the body of a comparison: rows, groups, capabilities, overall.

The one entry for those who compare: `compare(tasks, settings)` for a student and its teacher,
`score_alone(tasks, settings)` for one model. The caller adds identity, engine, fidelity, efficiency and the
command that repeats it. Which sample belongs to which is decided by hashes here, never by position.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from evaluation.scoring.aggregate import Member, mean_of_ratios, over_members, set_retention
from evaluation.scoring.bootstrap import Resamples
from evaluation.scoring.fieller import Stratum
from evaluation.scoring.paired import ModelSamples, PairedSamples
from evaluation.scoring.results import (
    Aggregation,
    ComparisonBody,
    Coverage,
    Outcomes,
    Overall,
    Row,
    Score,
    ScoreRow,
    ScoresAlone,
    SetRow,
    Settings,
    Sign,
    TaskInput,
)
from evaluation.scoring.retention import Options
from evaluation.scoring.rows import Leaf, leaf_of, outcomes_of, row_of
from evaluation.scoring.scores import set_scores, task_score
from evaluation.scoring.significance import holm
from evaluation.scoring.signs import laundering_signs
from evaluation.scoring.values import BadInput, Estimate, Undefined
from evaluation.scoring.verdict import CONVENTION, verdict

__all__ = [
    "Aggregation",
    "ComparisonBody",
    "Coverage",
    "ModelSamples",
    "Outcomes",
    "Overall",
    "Row",
    "Score",
    "ScoreRow",
    "ScoresAlone",
    "SetRow",
    "Settings",
    "Sign",
    "TaskInput",
    "compare",
    "score_alone",
]

UNASSIGNED = "unassigned"
"""Capability of tasks that name none."""


def compare(tasks: Sequence[TaskInput], settings: Settings) -> ComparisonBody:
    """Compare a student with its teacher, task by task, by group, by capability and overall.

    Tasks that one run lacks stay in the result as `not_measured` and make their sets partial. Raises `BadInput`
    for no tasks, two tasks of one name, weights that are not positive, and what the samples themselves refuse.
    The order of tasks decides the order of rows and nothing else.
    """
    _check(tasks)
    given = [leaf_of(task) for task in tasks]
    # Sums are taken in the order of names, so that the order of tasks does not move the last digit.
    leaves = sorted(given, key=lambda leaf: leaf.task.name)
    resamples = Resamples(settings.resamples, settings.seed)
    rows = _adjusted([row_of(leaf, settings, resamples) for leaf in given])
    weights = _suite_weights([leaf for leaf in leaves if leaf.counts], settings)
    capabilities = tuple(
        _set_row(name, [leaf for leaf in leaves if _capability(leaf) == name], None, resamples, settings)
        for name in _in_order(_capability(leaf) for leaf in given if leaf.counts)
    )
    groups = tuple(
        _set_row(name, [leaf for leaf in leaves if name in leaf.task.groups], name, resamples, settings)
        for name in _in_order(group for leaf in given if leaf.counts for group in leaf.task.groups)
    )
    overall = _overall(leaves, rows, weights, resamples, settings)
    return ComparisonBody(
        tasks=rows,
        groups=groups,
        capabilities=tuple(
            replace(row, weight=_capability_weight(row.name, capabilities, settings)) for row in capabilities
        ),
        overall=overall,
        signs=laundering_signs(rows, overall.retention, settings.level),
        settings=settings,
        verdict_convention=CONVENTION,
    )


def score_alone(tasks: Sequence[TaskInput], settings: Settings) -> ScoresAlone:
    """Scores of one model, given as the tasks' `student`; the teacher's side is not looked at."""
    _check(tasks)
    alone = [replace(task, teacher=task.student, teacher_score=task.student_score) for task in tasks]
    leaves = [leaf_of(task) for task in alone]
    counted = sorted((leaf for leaf in leaves if leaf.counts), key=lambda leaf: leaf.task.name)
    weights = _suite_weights(counted, settings)
    names = _in_order(group for leaf in leaves if leaf.counts for group in leaf.task.groups)
    kinds = _in_order(_capability(leaf) for leaf in leaves if leaf.counts)
    return ScoresAlone(
        tasks=tuple(_alone_row(leaf.task, settings) for leaf in leaves),
        groups=tuple(
            _alone_set(
                name,
                _members([leaf for leaf in counted if name in leaf.task.groups], name, settings),
                settings,
            )
            for name in names
        ),
        capabilities=tuple(
            _alone_set(
                kind,
                _members([leaf for leaf in counted if _capability(leaf) == kind], None, settings),
                settings,
            )
            for kind in kinds
        ),
        overall=_alone_set("overall", _weighted(counted, weights), settings),
        coverage=_coverage(counted, settings),
        settings=settings,
    )


def _check(tasks: Sequence[TaskInput]) -> None:
    """Refuse what no comparison can be made of."""
    if not tasks:
        raise BadInput("a comparison needs at least one task")
    if len({task.name for task in tasks}) != len(tasks):
        raise BadInput("two tasks have one name")
    if any(not task.weight > 0 or math.isinf(task.weight) for task in tasks):
        raise BadInput("weights of tasks must be positive")


def _in_order(names: Iterable[str]) -> list[str]:
    """Each name once, in order of first appearance."""
    return list(dict.fromkeys(names))


def _capability(leaf: Leaf) -> str:
    """The capability that a task counts for."""
    return leaf.task.capability or UNASSIGNED


def _adjusted(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Holm's correction over all tasks that have a test."""
    tested = [row.p_value for row in rows if row.p_value is not None]
    corrected = iter(holm(tested))
    return tuple(row if row.p_value is None else replace(row, p_adjusted=next(corrected)) for row in rows)


def _measured(leaves: Iterable[Leaf]) -> list[Leaf]:
    """The tasks that have pairs."""
    return [leaf for leaf in leaves if isinstance(leaf.samples, PairedSamples)]


def _suite_weights(counted: Sequence[Leaf], settings: Settings) -> dict[str, float]:
    """Each measured task's share of the suite: capabilities by their weights, tasks within them by theirs."""
    measured = _measured(counted)
    given = dict(settings.capability_weights)
    inside: dict[str, float] = {}
    for leaf in measured:
        inside[_capability(leaf)] = inside.get(_capability(leaf), 0.0) + leaf.task.weight
    if any(not given.get(kind, 1.0) > 0 for kind in inside):
        raise BadInput("weights of capabilities must be positive")
    total = math.fsum(given.get(kind, 1.0) for kind in inside)
    return {
        leaf.task.name: given.get(_capability(leaf), 1.0)
        / total
        * leaf.task.weight
        / inside[_capability(leaf)]
        for leaf in measured
    }


def _capability_weight(name: str, rows: Sequence[SetRow], settings: Settings) -> float:
    """A capability's share of the suite; zero when none of its tasks was measured."""
    given = dict(settings.capability_weights)
    live = [row.name for row in rows if row.tasks]
    return given.get(name, 1.0) / math.fsum(given.get(one, 1.0) for one in live) if name in live else 0.0


def _members(leaves: Sequence[Leaf], group: str | None, settings: Settings) -> list[Member]:
    """Members of a capability (weighted as the suite says) or of a group (equal, or by size)."""
    members = []
    for leaf in _measured(leaves):
        assert isinstance(leaf.samples, PairedSamples)
        weight = leaf.task.weight if group is None else 1.0
        if group is not None and group in settings.groups_by_size:
            weight = float(leaf.samples.n)
        members.append(Member(leaf.task.name, leaf.samples, weight, leaf.task.chance))
    return members


def _weighted(counted: Sequence[Leaf], weights: dict[str, float]) -> list[Member]:
    """Members of the whole suite."""
    return [
        Member(leaf.task.name, leaf.samples, weights[leaf.task.name], leaf.task.chance)
        for leaf in counted
        if isinstance(leaf.samples, PairedSamples)
    ]


def _coverage(counted: Sequence[Leaf], settings: Settings) -> Coverage:
    """How many of a set's tasks have pairs."""
    missing = tuple(leaf.task.name for leaf in counted if isinstance(leaf.samples, Undefined))
    partial = bool(missing) or not counted
    whole = not partial and not settings.limited
    return Coverage(len(counted) - len(missing), len(counted), partial, settings.limited, whole, missing)


def _chance(members: Sequence[Member]) -> float | None:
    """Weighted chance level of a set, None when one of them is not known."""
    known = [(member.weight, member.chance) for member in members if member.chance is not None]
    if not members or len(known) < len(members):
        return None
    return math.fsum(w * c for w, c in known) / math.fsum(w for w, _ in known)


def _outcomes(leaves: Sequence[Leaf]) -> Outcomes | None:
    """Outcome counts summed over tasks, None unless all of them can be counted."""
    parts = [part for part in map(outcomes_of, leaves) if part is not None]
    if not parts or len(parts) < len(leaves):
        return None
    return Outcomes(
        sum(part.both for part in parts),
        sum(part.lost for part in parts),
        sum(part.gained for part in parts),
        sum(part.neither for part in parts),
        sum(part.ties for part in parts),
    )


def _scores(members: Sequence[Member], settings: Settings) -> tuple[Score, Score]:
    """Set scores of student and teacher."""
    return set_scores([Stratum(member.samples, member.weight) for member in members], settings.level)


def _options(settings: Settings) -> Options:
    """The settings as the pure functions take them."""
    return Options(settings.level, settings.resamples, settings.seed, "", settings.interval)


def _set_row(
    name: str, leaves: Sequence[Leaf], group: str | None, resamples: Resamples, settings: Settings
) -> SetRow:
    """The row of a group (`group` is its name) or of a capability."""
    counted = [leaf for leaf in leaves if leaf.counts]
    members = _members(counted, group, settings)
    found = set_retention(members, resamples, _options(settings))
    student, teacher = _scores(members, settings)
    return SetRow(
        name=name,
        weight=1.0,
        n=sum(member.samples.n for member in members),
        chance=_chance(members),
        student=student,
        teacher=teacher,
        retention=found.ratio,
        retention_above_chance=found.above_chance,
        retention_over_tasks=over_members(members, _options(settings)),
        difference=found.difference,
        verdict=verdict(found.ratio, settings.margin),
        verdict_above_chance=verdict(found.above_chance, settings.margin),
        samples=_outcomes(_measured(counted)),
        coverage=_coverage(counted, settings),
        tasks=tuple(member.name for member in members),
    )


def _overall(
    leaves: Sequence[Leaf],
    rows: Sequence[Row],
    weights: dict[str, float],
    resamples: Resamples,
    settings: Settings,
) -> Overall:
    """The whole suite."""
    counted = [leaf for leaf in leaves if leaf.counts]
    members = _weighted(counted, weights)
    found = set_retention(members, resamples, _options(settings))
    with_ratio = {row.task for row in rows if isinstance(row.retention, Estimate)}
    defined = [member for member in members if member.name in with_ratio]
    student, teacher = _scores(members, settings)
    return Overall(
        n=sum(member.samples.n for member in members),
        chance=_chance(members),
        student=student,
        teacher=teacher,
        retention=found.ratio,
        retention_above_chance=found.above_chance,
        difference=found.difference,
        mean_of_tasks=mean_of_ratios(defined, resamples, _options(settings)),
        mean_of_tasks_of=len(defined),
        verdict=verdict(found.ratio, settings.margin),
        verdict_above_chance=verdict(found.above_chance, settings.margin),
        samples=_outcomes(_measured(counted)),
        coverage=_coverage(counted, settings),
    )


def _alone_row(task: TaskInput, settings: Settings) -> ScoreRow:
    """One task of one model."""
    score = task_score(task.student, task.aggregation, task.student_score, settings.level)
    n = 0 if task.student is None else len(task.student)
    return ScoreRow(task.name, task.capability, task.metric, n, task.chance, score)


def _alone_set(name: str, members: Sequence[Member], settings: Settings) -> ScoreRow:
    """One group, capability or suite of one model."""
    score, _ = _scores(members, settings)
    n = sum(member.samples.n for member in members)
    tasks = tuple(member.name for member in members)
    return ScoreRow(name, None, "mean of tasks", n, _chance(members), score, tasks)
