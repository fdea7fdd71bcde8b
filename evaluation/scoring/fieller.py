"""Moments of paired means over strata, and the intervals that follow from them without resampling.

A stratum is a leaf task with its weight; the score of a set of tasks is the weighted sum of their means.
The ratio's interval is Fieller's (1954): all ratios r for which student - r * teacher may be zero. Clusters
count as the independent units.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from evaluation.scoring.paired import PairedSamples
from evaluation.scoring.score_interval import Bounds
from evaluation.scoring.values import BadInput, FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Stratum:
    """One leaf task within a set: its samples, its share of the whole, and its chance level."""

    samples: PairedSamples
    weight: float = 1.0
    chance: float = 0.0


@dataclass(frozen=True, slots=True)
class Moments:
    """Weighted means above chance of both models, with their variances, covariance and degrees of freedom."""

    student: float
    teacher: float
    student_variance: float
    teacher_variance: float
    covariance: float
    degrees: float

    def contrast_variance(self, ratio: float) -> float:
        """Variance of student - ratio * teacher."""
        quadratic = ratio**2 * self.teacher_variance - 2.0 * ratio * self.covariance
        return max(self.student_variance + quadratic, 0.0)


def unit_sums(samples: PairedSamples) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Sums of student and teacher scores and number of samples, per independent unit."""
    if samples.clusters is None:
        return samples.student, samples.teacher, np.ones(samples.n)
    count = samples.units
    weights = (samples.student, samples.teacher, None)
    sums = [np.bincount(samples.clusters, weight, count).astype(np.float64) for weight in weights]
    return sums[0], sums[1], sums[2]


def normalized(strata: Sequence[Stratum]) -> list[Stratum]:
    """The same strata with weights that sum to one."""
    total = sum(stratum.weight for stratum in strata)
    if not strata or any(stratum.weight <= 0 for stratum in strata):
        raise BadInput("a set of tasks needs at least one task, and positive weights")
    return [Stratum(s.samples, s.weight / total, s.chance) for s in strata]


def influences(strata: Sequence[Stratum]) -> list[tuple[FloatArray, FloatArray]]:
    """Per stratum, each unit's first-order effect on the weighted means of student and teacher."""
    out = []
    for stratum in normalized(strata):
        student, teacher, sizes = unit_sums(stratum.samples)
        total = sizes.sum()
        scale = stratum.weight / total
        out.append(
            (
                scale * (student - sizes * (student.sum() / total)),
                scale * (teacher - sizes * (teacher.sum() / total)),
            )
        )
    return out


def moments(strata: Sequence[Stratum]) -> Moments:
    """Weighted means above chance and their covariance; units within a stratum are independent.

    The degrees of freedom are Satterthwaite's, for the difference of the two models.
    """
    means = np.zeros(2)
    covariance = np.zeros((2, 2))
    spread = 0.0
    for stratum, pair in zip(normalized(strata), influences(strata), strict=True):
        samples = stratum.samples
        above = np.array([samples.student.mean(), samples.teacher.mean()]) - stratum.chance
        means += stratum.weight * above
        effects = np.stack(pair)
        units = effects.shape[1]
        part = effects @ effects.T * (units / max(units - 1, 1))
        covariance += part
        spread += (part[0, 0] + part[1, 1] - 2 * part[0, 1]) ** 2 / max(units - 1, 1)
    total = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    least = min(stratum.samples.units for stratum in strata) - 1
    degrees = total**2 / spread if spread > 0 else float(max(least, 1))
    return Moments(
        float(means[0]),
        float(means[1]),
        float(covariance[0, 0]),
        float(covariance[1, 1]),
        float(covariance[0, 1]),
        float(degrees),
    )


def with_tails(found: Moments, stratum: Stratum, ratio: float) -> Moments:
    """The moments of one task with no more degrees of freedom than the tails of student - ratio * teacher leave.

    Satterthwaite's degrees are 2 / (relative variance of the variance), which is (kurtosis - 1) / units where units
    are many. Where a few hard items hold most of the spread, as in fractions that crowd near 1, a small sample
    has seen few of them, and units - 1 would promise too much.
    """
    student, teacher = influences([stratum])[0]
    effects = student - ratio * teacher
    units, squares = len(effects), float((effects**2).sum())
    if squares == 0.0:
        return found
    excess = units * float((effects**4).sum()) / squares**2 - 1.0
    tails = 2.0 * units / excess if excess > 0.0 else math.inf
    return replace(found, degrees=min(found.degrees, tails))


def quantile(level: float, degrees: float) -> float:
    """Student's t for a two-sided interval at `level`."""
    return float(stats.t.ppf(0.5 + level / 2.0, degrees))


def ratio_bounds(found: Moments, level: float) -> Bounds:
    """Fieller's interval of student / teacher; infinite when the teacher is not separated from zero."""
    t2 = quantile(level, found.degrees) ** 2
    a = found.teacher**2 - t2 * found.teacher_variance
    if a <= 0.0 or found.teacher <= 0.0:
        return Bounds(-math.inf, math.inf)
    half = found.student * found.teacher - t2 * found.covariance
    c = found.student**2 - t2 * found.student_variance
    root = math.sqrt(max(half**2 - a * c, 0.0))
    return Bounds((half - root) / a, (half + root) / a)


def difference_bounds(found: Moments, level: float) -> Bounds:
    """Student's t interval of the paired difference."""
    margin = quantile(level, found.degrees) * math.sqrt(found.contrast_variance(1.0))
    difference = found.student - found.teacher
    return Bounds(difference - margin, difference + margin)
