"""From two runs' per-sample scores to the body of a comparison: rows, capabilities, overall.

The one entry for those who compare: `compare(tasks, settings)` for a student and its teacher,
`score_alone(tasks, settings)` for one model. The caller adds identity, engine, fidelity, efficiency and the
command that repeats it. Which sample belongs to which is decided by hashes here, never by position.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy.typing as npt

from evaluation.scoring.values import BoolArray, FloatArray, Quantity, Undefined

Aggregation = Literal["mean", "per_size", "perplexity"]
VerdictCode = Literal["kept", "not_kept", "undecided"]
IntervalChoice = Literal["auto", "percentile", "bca", "fieller", "score"]


@dataclass(frozen=True, slots=True, eq=False)
class ModelSamples:
    """One model's scores on one task, a value per sample, in any order. Build it with `of`.

    `values` is the harness's own per-sample metric (0 or 1 for accuracies, the mean over draws for sampled
    answers, the total bits of a document for bits per byte). `sizes` is what the sum is divided by when the
    aggregation is `per_size` or `perplexity` (bytes, words or tokens). `ties` marks samples in which the
    best choices tied exactly; `tie_split` is the score with such ties shared out.
    """

    doc_hashes: tuple[str, ...]
    prompt_hashes: tuple[str, ...]
    values: FloatArray
    sizes: FloatArray | None = None
    ties: BoolArray | None = None
    tie_split: FloatArray | None = None
    clusters: tuple[str, ...] | None = None

    @classmethod
    def of(
        cls,
        doc_hashes: Sequence[str],
        prompt_hashes: Sequence[str],
        values: npt.ArrayLike,
        *,
        sizes: npt.ArrayLike | None = None,
        ties: npt.ArrayLike | None = None,
        tie_split: npt.ArrayLike | None = None,
        clusters: Sequence[str] | None = None,
    ) -> ModelSamples:
        """Check and freeze; NaN, infinities and unequal lengths raise `BadInput`."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, eq=False)
class TaskInput:
    """One leaf task of both models. `student` or `teacher` is None when that run did not measure it.

    `groups` names the group tasks it belongs to, outermost first (`("blimp", "binding")`). `weight` is its
    share within its capability. `is_ratio`: higher is better and zero means nothing achieved.
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


@dataclass(frozen=True, slots=True)
class Settings:
    """How to compare. `limited` says that a limit cut the tasks short: such results are never ranked.

    `capability_weights` is empty for equal weights. `interval` forces one method for the rows of tasks;
    `auto` takes the one that the coverage simulation supports for that kind of score.
    """

    seed: int = 0
    level: float = 0.95
    margin: float = 0.95
    resamples: int = 10_000
    limited: bool = False
    capability_weights: tuple[tuple[str, float], ...] = ()
    interval: IntervalChoice = "auto"


@dataclass(frozen=True, slots=True)
class Score:
    """A model's score on a task with its standard error; both None when not measured."""

    value: float | None
    stderr: float | None
    tie_split: float | None = None


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
    """One task or one group: scores of both, retention and its relatives, test and verdict."""

    task: str
    capability: str | None
    metric: str
    n: int
    chance: float | None
    student: Score
    teacher: Score
    retention: Quantity
    retention_above_chance: Quantity
    difference: Quantity
    p_value: float | None
    p_adjusted: float | None
    test: str | None
    verdict: VerdictCode | None
    samples: Outcomes | Undefined
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of the suite the overall number rests on; `rankable` is False for anything partial."""

    tasks: int
    of: int
    partial: bool
    limited: bool
    rankable: bool
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CapabilityRow:
    """One capability: the weighted mean of its tasks for both models, and the ratio of the two."""

    capability: str
    weight: float
    tasks: int
    student: Score
    teacher: Score
    retention: Quantity
    retention_above_chance: Quantity
    difference: Quantity
    verdict: VerdictCode | None
    coverage: Coverage


@dataclass(frozen=True, slots=True)
class Overall:
    """The whole suite: ratio of suite means, and beside it the mean of the tasks' ratios."""

    student: Score
    teacher: Score
    retention: Quantity
    retention_above_chance: Quantity
    difference: Quantity
    mean_of_tasks: Quantity
    verdict: VerdictCode | None
    coverage: Coverage


@dataclass(frozen=True, slots=True)
class ComparisonBody:
    """The comparison without identity: `plain(body)` is the JSON of it."""

    tasks: tuple[Row, ...]
    groups: tuple[Row, ...]
    capabilities: tuple[CapabilityRow, ...]
    overall: Overall
    settings: Settings


def compare(tasks: Sequence[TaskInput], settings: Settings) -> ComparisonBody:
    """Compare a student with its teacher, task by task, by capability and overall."""
    raise NotImplementedError
