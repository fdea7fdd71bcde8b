"""Sets of tasks: groups, capabilities and the whole suite.

The score of a set is the weighted mean of its tasks' means; its retention is the ratio of the two models' set
scores. Tasks are resampled within themselves and jointly for both models. Where hardly any outcome differs the
bootstrap is too narrow (docs/statistics-coverage.md) and the score interval of the pooled outcomes is used.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from evaluation.scoring import fieller, score_interval
from evaluation.scoring.bootstrap import Resamples
from evaluation.scoring.fieller import Stratum, influences, moments, normalized
from evaluation.scoring.paired import Counts, PairedSamples
from evaluation.scoring.retention import (
    MINIMUM_SAMPLES,
    NAMES,
    IntervalChoice,
    Options,
    Retention,
    estimate,
    ratio_from_resamples,
    resampled_bounds,
    retention,
    separated,
    uses_cells,
)
from evaluation.scoring.values import BadInput, FloatArray, Quantity, Undefined

FEW_DISCORDANT = 30
"""Under this many samples with different outcomes the bootstrap of a set covers too little."""
FEWEST_MEMBERS = 10


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """A leaf task in a set. `weight` is its share (any positive scale); `chance` None is unknown."""

    name: str
    samples: PairedSamples
    weight: float = 1.0
    chance: float | None = None


def set_retention(members: Sequence[Member], resamples: Resamples, options: Options) -> Retention:
    """Ratio of set means, the same above chance, and the difference. A set of one task is that task."""
    if not members:
        missing = Undefined("not_measured", "no task of the set was measured by both models")
        return Retention(missing, missing, missing)
    if len({member.name for member in members}) != len(members):
        raise BadInput("two tasks of a set have one name")
    if len(members) == 1:
        (only,) = members
        return retention(only.samples, only.chance, _named(options, only.name), resamples)
    reason = _too_few(members)
    if reason is not None:
        return Retention(reason, reason, reason)
    difference = _difference(members, resamples, options)
    unknown = [member.name for member in members if member.chance is None]
    floors = [0.0 if unknown else member.chance or 0.0 for member in members]
    reason = _teacher_at_floor(members, floors, options)
    if reason is not None:
        return Retention(reason, reason, difference)
    ratio = _ratio(members, [0.0] * len(members), resamples, options)
    if unknown:
        text = f"the chance level is not known for {', '.join(unknown[:5])}"
        return Retention(ratio, Undefined("not_measured", text), difference)
    above = _ratio(members, floors, resamples, options) if any(floors) else ratio
    return Retention(ratio, above, difference)


def mean_of_ratios(members: Sequence[Member], resamples: Resamples, options: Options) -> Quantity:
    """Weighted mean of the tasks' ratios student / teacher; callers leave out tasks without a ratio.

    It is a ratio of sums with weights divided by each teacher's score, and where few outcomes differ its
    interval is made so. A ratio of noisy means lies too high by a little; over many small tasks that outgrows the
    noise, so the resamples are moved back by twice the bias (once for the value, once for the resampling).
    """
    if not members:
        return Undefined("not_measured", "no task has a ratio")
    if len(members) == 1:
        (only,) = members
        return retention(only.samples, None, _named(options, only.name), resamples).ratio
    tilted = [
        Member(m.name, m.samples, m.weight / float(m.samples.teacher.mean()), m.chance) for m in members
    ]
    if _pooled_applies(members):
        return _pooled_ratio(tilted, [0.0] * len(tilted), options)
    weights = np.array([member.weight for member in members]) / sum(member.weight for member in members)
    total, usable = np.zeros(options.resamples), np.ones(options.resamples, dtype=np.bool_)
    for weight, member in zip(weights, members, strict=True):
        means = resamples.means(member.name, member.samples)
        usable &= means[1] > 0.0
        total += weight * means[0] / np.where(means[1] > 0.0, means[1], 1.0)
    strata = _strata(tilted, [0.0] * len(tilted))
    found = moments(strata)
    value = found.student / found.teacher
    effects = _effects(strata, value, found.teacher)
    if options.choice != "bca":
        total -= 2.0 * _bias_of_ratios(members, weights)
    # A numerator of the usable resamples over one keeps the counting of dropped ones in one place.
    stacked = np.stack([total, np.where(usable, 1.0, 0.0)])
    made = ratio_from_resamples(value, stacked, effects, found, options)
    if isinstance(made, Undefined) or options.choice == "bca":
        return made
    return replace(made, method=NAMES["centered"])


def _bias_of_ratios(members: Sequence[Member], weights: FloatArray) -> float:
    """Second-order bias of the mean of ratios: (ratio * variance of teacher - covariance) / teacher squared."""
    bias = 0.0
    for member, weight in zip(members, weights.tolist(), strict=True):
        found = moments([Stratum(member.samples)])
        ratio = found.student / found.teacher
        bias += weight * (ratio * found.teacher_variance - found.covariance) / found.teacher**2
    return bias


def over_members(members: Sequence[Member], options: Options) -> Quantity:
    """The ratio of set means with the tasks themselves as the sample: what to expect on other such tasks."""
    if len(members) < FEWEST_MEMBERS:
        return Undefined("too_few_samples", f"{len(members)} tasks; at least {FEWEST_MEMBERS} are needed")
    weights = np.array([member.weight for member in members])
    if not np.allclose(weights, weights[0]):
        return Undefined("too_few_samples", "tasks of unequal weight are not taken as a sample of tasks")
    student = [float(member.samples.student.mean()) for member in members]
    teacher = [float(member.samples.teacher.mean()) for member in members]
    found = moments([Stratum(PairedSamples.of_arrays(student, teacher))])
    if not separated(found, options.level):
        return Undefined("teacher_at_chance", "the teacher's scores on the tasks do not lie above zero")
    bounds = fieller.ratio_bounds(found, options.level)
    return estimate(found.student / found.teacher, bounds, options, "members")


def _named(options: Options, name: str) -> Options:
    """The same options with the random numbers of one task."""
    return Options(options.level, options.resamples, options.seed, name, options.choice)


def _too_few(members: Sequence[Member]) -> Undefined | None:
    """Say so when the whole set has fewer independent samples than an interval needs."""
    units = sum(member.samples.units for member in members)
    if units >= MINIMUM_SAMPLES:
        return None
    return Undefined("too_few_samples", f"{units} samples in all; at least {MINIMUM_SAMPLES} are needed")


def _strata(members: Sequence[Member], floors: Sequence[float]) -> list[Stratum]:
    """Members as weighted strata above the given floors."""
    return [Stratum(m.samples, m.weight, floor) for m, floor in zip(members, floors, strict=True)]


def _teacher_at_floor(
    members: Sequence[Member], floors: Sequence[float], options: Options
) -> Undefined | None:
    """Say so when the teacher's set score is not separated from the set's chance level."""
    found = moments(_strata(members, floors))
    if separated(found, options.level):
        return None
    text = f"the teacher's mean over the tasks is not above chance at level {options.level:.4g}"
    return Undefined("teacher_at_chance", text)


def _ratio(
    members: Sequence[Member], floors: Sequence[float], resamples: Resamples, options: Options
) -> Quantity:
    """Ratio of set means above the floors."""
    if _pooled_applies(members):
        return _pooled_ratio(members, floors, options)
    strata = _strata(members, floors)
    found = moments(strata)
    value = found.student / found.teacher
    if options.choice == "fieller":
        return estimate(value, fieller.ratio_bounds(found, options.level), options, "fieller")
    means = _set_means(strata, members, resamples)
    return ratio_from_resamples(value, means, _effects(strata, value, found.teacher), found, options)


def _set_means(strata: Sequence[Stratum], members: Sequence[Member], resamples: Resamples) -> FloatArray:
    """Weighted means above chance in each resample, shape (2, resamples), summed in the order of names."""
    paired = zip(normalized(strata), members, strict=True)
    parts = sorted(paired, key=lambda pair: pair[1].name)
    first, member = parts[0]
    total = first.weight * (resamples.means(member.name, member.samples) - first.chance)
    for stratum, member in parts[1:]:
        total += stratum.weight * (resamples.means(member.name, member.samples) - stratum.chance)
    return total


def _effects(strata: Sequence[Stratum], ratio: float, teacher: float) -> FloatArray:
    """Each unit's influence on the ratio of set means."""
    return np.concatenate([(left - ratio * right) / teacher for left, right in influences(strata)])


def _difference(members: Sequence[Member], resamples: Resamples, options: Options) -> Quantity:
    """Difference of set means."""
    strata = _strata(members, [0.0] * len(members))
    found = moments(strata)
    value = found.student - found.teacher
    if _pooled_applies(members):
        counts = _pooled_counts(members)
        return estimate(value, score_interval.difference_bounds(counts, options.level), options, "pooled")
    means = _set_means(strata, members, resamples)
    effects = np.concatenate([left - right for left, right in influences(strata)])
    chosen: IntervalChoice = "bca" if options.choice == "bca" else "percentile"
    bounds = resampled_bounds(value, means[0] - means[1], effects, found.degrees, options, chosen)
    return estimate(value, bounds, options, chosen, options.resamples)


def _pooled_applies(members: Sequence[Member]) -> bool:
    """Whether all tasks are right/wrong and hardly any sample has different outcomes."""
    if not all(uses_cells(member.samples) for member in members):
        return False
    counts = [member.samples.counts() for member in members]
    return sum(one.lost + one.gained for one in counts) < FEW_DISCORDANT


def _pooled_counts(members: Sequence[Member]) -> Counts:
    """Weighted outcome shares times the number of samples that an unweighted sample would need."""
    total = sum(member.weight for member in members)
    shares = np.zeros(4)
    spread = 0.0
    for member in members:
        weight = member.weight / total
        shares += weight * np.array(member.samples.counts()) / member.samples.n
        spread += weight**2 / member.samples.n
    return Counts(*(shares / spread).tolist())


def _pooled_ratio(members: Sequence[Member], floors: Sequence[float], options: Options) -> Quantity:
    """Score interval of the pooled outcomes; between-task spread makes it wider, never narrower."""
    counts = _pooled_counts(members)
    weights = [member.weight for member in members]
    floor = math.fsum(w * f for w, f in zip(weights, floors, strict=True)) / math.fsum(weights)
    found = moments(_strata(members, floors))
    bounds = score_interval.ratio_bounds(counts, options.level, floor)
    return estimate(found.student / found.teacher, bounds, options, "pooled")
