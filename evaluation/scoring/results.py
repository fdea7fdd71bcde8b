"""What a comparison is made from and what it consists of: frozen records, no computation.

Field names of the results are the keys of the JSON that pages, API, command line and releases share.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from evaluation.scoring.flips import AboveNoise, Agreement, Flips, NoiseFloor
from evaluation.scoring.paired import ModelSamples
from evaluation.scoring.power import Power
from evaluation.scoring.retention import IntervalChoice
from evaluation.scoring.values import Quantity
from evaluation.scoring.verdict import VerdictCode

Aggregation = Literal["mean", "per_size", "perplexity", "given"]


@dataclass(frozen=True, slots=True)
class Score:
    """A model's score with standard error and interval; None where not measured or not defined.

    `stderr` of a task is the harness's, s / sqrt(n); the interval is Wilson's for right/wrong scores and
    Student's t otherwise, and takes clusters into account. `tie_split` is the score with ties shared out.
    """

    value: float | None
    stderr: float | None
    ci_low: float | None = None
    ci_high: float | None = None
    tie_split: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class TaskInput:
    """One leaf task of both models. `student` or `teacher` is None when that run did not measure it.

    `groups` names the group tasks it belongs to, outermost first (`("blimp", "binding")`). `weight` is its
    share within its capability. `is_ratio`: higher is better and zero means nothing achieved. `chance` is 0.0
    for tasks that cannot be guessed and None where it is not known. With the aggregation `given` the score is
    no mean of samples (Matthews, corpus F1): `student_score` and `teacher_score` carry it. `teacher_again` is the
    teacher run once more at another batch size, from which the noise floor of flips is taken.
    """

    name: str
    metric: str
    student: ModelSamples | None
    teacher: ModelSamples | None
    capability: str | None = None
    groups: tuple[str, ...] = ()
    is_ratio: bool = True
    higher_is_better: bool = True
    chance: float | None = None
    aggregation: Aggregation = "mean"
    weight: float = 1.0
    student_score: Score | None = None
    teacher_score: Score | None = None
    teacher_again: ModelSamples | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """How to compare. `limited` says that a limit cut the tasks short: such results are never ranked.

    `capability_weights` is empty for equal weights. `groups_by_size` names groups whose leaves count by their
    number of samples. `interval` forces one method for the rows of tasks; `auto` takes what the coverage
    simulation supports for that kind of score.
    """

    seed: int = 0
    level: float = 0.95
    margin: float = 0.95
    resamples: int = 10_000
    limited: bool = False
    capability_weights: tuple[tuple[str, float], ...] = ()
    groups_by_size: tuple[str, ...] = ()
    interval: IntervalChoice = "auto"


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Right and wrong of the pair, counted over samples; `ties` counts samples with a tie in either model."""

    both: int
    lost: int
    gained: int
    neither: int
    ties: int


@dataclass(frozen=True, slots=True)
class Row:
    """One task: scores of both, retention and its relatives, test and verdict.

    `difference` is student minus teacher whichever is better. `retention_bootstrap` is the same retention
    under the plain paired bootstrap. `verdict` is read off `retention`, `verdict_above_chance` off the other.
    `samples` and `flips` are None where scores are not right or wrong, `noise` without a second run of the
    teacher, `agreement` without recorded choices. `clusters` counts the
    clusters that the samples name; `units` says whether they or the samples were taken as independent.
    """

    task: str
    capability: str | None
    metric: str
    higher_is_better: bool
    n: int
    chance: float | None
    student: Score
    teacher: Score
    retention: Quantity
    retention_above_chance: Quantity
    retention_bootstrap: Quantity
    difference: Quantity
    p_value: float | None
    p_adjusted: float | None
    test: str | None
    verdict: VerdictCode | None
    verdict_above_chance: VerdictCode | None
    samples: Outcomes | None
    flips: Flips | None
    noise: NoiseFloor | None
    above_noise: AboveNoise | None
    agreement: Agreement | None
    power: Power | None
    clusters: int
    units: Literal["samples", "clusters"]
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of a set a number rests on; `rankable` is False for anything partial or limited."""

    tasks: int
    of: int
    partial: bool
    limited: bool
    rankable: bool
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SetRow:
    """A group task or a capability: means over its tasks, and the ratio of the two models' means.

    `retention_over_tasks` takes the tasks themselves as the sample: what to expect of other such tasks.
    """

    name: str
    weight: float
    n: int
    chance: float | None
    student: Score
    teacher: Score
    retention: Quantity
    retention_above_chance: Quantity
    retention_over_tasks: Quantity
    difference: Quantity
    verdict: VerdictCode | None
    verdict_above_chance: VerdictCode | None
    samples: Outcomes | None
    coverage: Coverage
    tasks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Overall:
    """The whole suite: ratio of suite means, and beside it the mean of the tasks' ratios.

    `mean_of_tasks_of` is the number of tasks whose ratio is defined, which that mean rests on.
    """

    n: int
    chance: float | None
    student: Score
    teacher: Score
    retention: Quantity
    retention_above_chance: Quantity
    difference: Quantity
    mean_of_tasks: Quantity
    mean_of_tasks_of: int
    verdict: VerdictCode | None
    verdict_above_chance: VerdictCode | None
    samples: Outcomes | None
    coverage: Coverage


@dataclass(frozen=True, slots=True)
class Sign:
    """Something that should be looked at before the numbers are believed, with what it rests on."""

    kind: Literal["far_above_teacher", "out_of_line"]
    task: str
    message: str
    p_adjusted: float | None = None


@dataclass(frozen=True, slots=True)
class ComparisonBody:
    """The comparison without identity, engine and efficiency: `values.plain(body)` is the JSON of it."""

    tasks: tuple[Row, ...]
    groups: tuple[SetRow, ...]
    capabilities: tuple[SetRow, ...]
    overall: Overall
    signs: tuple[Sign, ...]
    settings: Settings
    verdict_convention: str


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One task, group, capability or suite of one model alone."""

    name: str
    capability: str | None
    metric: str
    n: int
    chance: float | None
    score: Score
    tasks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ScoresAlone:
    """One model without a teacher; nothing in it is a retention."""

    tasks: tuple[ScoreRow, ...]
    groups: tuple[ScoreRow, ...]
    capabilities: tuple[ScoreRow, ...]
    overall: ScoreRow
    coverage: Coverage
    settings: Settings
