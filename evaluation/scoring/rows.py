"""The row of one task in a comparison: pairing, scores, retention, test, flips, power."""

from __future__ import annotations

from dataclasses import dataclass, replace

from evaluation.scoring.bits import rate_difference, rate_test
from evaluation.scoring.bootstrap import Resamples, generator
from evaluation.scoring.corpus import given_retention
from evaluation.scoring.flips import (
    Agreement,
    Flips,
    NoiseFloor,
    above_noise,
    agreement,
    flips,
    noise_floor,
)
from evaluation.scoring.paired import PairedSamples, pair
from evaluation.scoring.power import Power, samples_to_settle
from evaluation.scoring.results import Outcomes, Row, Score, Settings, TaskInput
from evaluation.scoring.retention import Options, Retention, difference_of, ratio_of, retention
from evaluation.scoring.scores import task_score
from evaluation.scoring.significance import Test, paired_test
from evaluation.scoring.values import Quantity, Undefined
from evaluation.scoring.verdict import VerdictCode, verdict


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """A task with its paired samples, or with the reason why there are none."""

    task: TaskInput
    samples: PairedSamples | Undefined

    @property
    def counts(self) -> bool:
        """Whether the task belongs into ratios of sets: a mean with a true zero, higher is better."""
        return self.task.is_ratio and self.task.higher_is_better and self.task.aggregation == "mean"


def leaf_of(task: TaskInput) -> Leaf:
    """Pair the samples of both models."""
    missing = [
        name
        for name, side in (("student", task.student), ("teacher", task.teacher))
        if side is None or not len(side)
    ]
    if task.student is None or task.teacher is None or missing:
        return Leaf(task, Undefined("not_measured", f"no samples of the {' and the '.join(missing)}"))
    return Leaf(task, pair(task.student, task.teacher))


def row_of(leaf: Leaf, settings: Settings, drawn: Resamples) -> Row:
    """The row of a task, its p-value not yet corrected; `drawn` keeps resamples for the sets."""
    task = leaf.task
    options = Options(settings.level, settings.resamples, settings.seed, task.name, settings.interval)
    student = task_score(task.student, task.aggregation, task.student_score, settings.level)
    teacher = task_score(task.teacher, task.aggregation, task.teacher_score, settings.level)
    found, test = _measure(leaf, student, teacher, options, drawn)
    verdict_found = verdict(found.ratio, settings.margin)
    flipped = _flips(leaf)
    noise = _noise(leaf.task, settings.level)
    return Row(
        task=task.name,
        capability=task.capability,
        metric=task.metric,
        higher_is_better=task.higher_is_better,
        n=_sample_count(leaf),
        chance=task.chance,
        student=student,
        teacher=teacher,
        retention=found.ratio,
        retention_above_chance=found.above_chance,
        retention_bootstrap=_bootstrapped(leaf, found.ratio, options, drawn),
        difference=found.difference,
        p_value=None if test is None else test.p_value,
        p_adjusted=None,
        test=None if test is None else test.name,
        verdict=verdict_found,
        verdict_above_chance=verdict(found.above_chance, settings.margin),
        samples=outcomes_of(leaf),
        flips=flipped,
        noise=noise,
        above_noise=None if flipped is None or noise is None else above_noise(flipped, noise),
        agreement=_agreement(leaf),
        power=_power(leaf, verdict_found, settings),
        clusters=_cluster_count(leaf),
        units="clusters" if _clustered(leaf) else "samples",
        groups=task.groups,
    )


def _measure(
    leaf: Leaf, student: Score, teacher: Score, options: Options, drawn: Resamples
) -> tuple[Retention, Test | None]:
    """Retention and test of a task, each kind of metric in its own way."""
    samples, task = leaf.samples, leaf.task
    no_ratio = Undefined("not_a_ratio_metric", f"{task.metric} has no true zero, or lower is better")
    if task.aggregation == "given":
        return given_retention(task, student, teacher, no_ratio, options.level), None
    if isinstance(samples, Undefined):
        first = samples if leaf.counts else no_ratio
        return Retention(first, first, samples), None
    if task.aggregation != "mean":
        difference = rate_difference(samples, task.aggregation, options)
        rng = generator(options.seed, "permutation", task.name)
        p_value = rate_test(samples, task.aggregation, options.resamples, rng)
        return Retention(no_ratio, no_ratio, difference), Test(p_value, "paired_permutation")
    test = paired_test(samples, options.resamples, options.seed, task.name)
    if not leaf.counts:
        return Retention(no_ratio, no_ratio, difference_of(samples, options, drawn)), test
    return retention(samples, task.chance, options, drawn), test


def _bootstrapped(leaf: Leaf, ratio: Quantity, options: Options, drawn: Resamples) -> Quantity:
    """The same retention under the paired bootstrap, where it is defined."""
    if isinstance(ratio, Undefined):
        return ratio
    if isinstance(leaf.samples, Undefined) or leaf.task.aggregation != "mean":
        return Undefined("not_measured", "the score is no mean of samples that could be resampled")
    return ratio_of(leaf.samples, 0.0, replace(options, choice="percentile"), drawn)


def _right_wrong(leaf: Leaf) -> bool:
    """Whether outcomes can be counted."""
    return leaf.task.aggregation == "mean" and isinstance(leaf.samples, PairedSamples) and leaf.samples.binary


def outcomes_of(leaf: Leaf) -> Outcomes | None:
    """Outcome counts of a task whose samples are right or wrong."""
    if not _right_wrong(leaf) or isinstance(leaf.samples, Undefined):
        return None
    counts = leaf.samples.counts()
    ties = 0 if leaf.samples.ties is None else int(leaf.samples.ties.sum())
    return Outcomes(int(counts.both), int(counts.lost), int(counts.gained), int(counts.neither), ties)


def _flips(leaf: Leaf) -> Flips | None:
    """Flips of a task whose samples are right or wrong."""
    if not _right_wrong(leaf) or isinstance(leaf.samples, Undefined):
        return None
    return flips(leaf.samples)


def _noise(task: TaskInput, level: float) -> NoiseFloor | None:
    """Flips of the teacher against itself, where it was run a second time on the same samples."""
    if task.teacher is None or task.teacher_again is None:
        return None
    run = pair(task.teacher, task.teacher_again)
    if isinstance(run, Undefined) or not run.n or not run.binary:
        return None
    return noise_floor(run, level)


def _agreement(leaf: Leaf) -> Agreement | None:
    """Agreement over the answers, where both runs recorded them."""
    student, teacher = leaf.task.student, leaf.task.teacher
    if isinstance(leaf.samples, Undefined) or student is None or teacher is None:
        return None
    if student.predictions is None or teacher.predictions is None:
        return None
    return agreement(student.predictions, teacher.predictions, teacher.gold)


def _power(leaf: Leaf, found: VerdictCode | None, settings: Settings) -> Power | None:
    """How many samples would settle an undecided verdict."""
    if found != "undecided" or isinstance(leaf.samples, Undefined) or leaf.samples.n < 2:
        return None
    return samples_to_settle(leaf.samples, settings.margin, settings.level)


def _sample_count(leaf: Leaf) -> int:
    """Pairs where there are any, else what was measured of either model."""
    if isinstance(leaf.samples, PairedSamples):
        return leaf.samples.n
    return max(len(side) if side is not None else 0 for side in (leaf.task.student, leaf.task.teacher))


def _cluster_count(leaf: Leaf) -> int:
    """Clusters that the student's samples name, 0 where they name none."""
    named = None if leaf.task.student is None else leaf.task.student.clusters
    return 0 if named is None else len(set(named))


def _clustered(leaf: Leaf) -> bool:
    """Whether clusters are the independent units."""
    return isinstance(leaf.samples, PairedSamples) and leaf.samples.clusters is not None
