"""Score intervals for right/wrong pairs: the values that Pearson's chi-square test does not reject.

For a linear contrast of the four outcome cells set to zero, the constrained maximum-likelihood cell
probabilities need one Lagrange multiplier, and the score statistic is that multiplier times the contrast.
With chance 0 the ratio is Tang, Tang and Chan (2003) and the difference Tango (1998). It needs no resampling,
respects the range of probabilities, and stays honest where no sample differs. One task, no clusters.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from scipy import optimize, stats

from evaluation.scoring.paired import Counts
from evaluation.scoring.values import check_level

Contrast = Callable[[float], Counts]
"""The contrast's value in each outcome cell, as a function of the parameter under test."""

_INSIDE = 1.0 - 1e-12
_FURTHEST = 1e9


class Bounds(NamedTuple):
    """Lower and upper end of an interval; infinite where the data set no bound."""

    low: float
    high: float


def ratio_bounds(counts: Counts, level: float, chance: float = 0.0) -> Bounds:
    """Bounds of (student - chance) / (teacher - chance); needs a teacher mean above `chance`.

    Infinite ends mean that the teacher is not separated from chance at this level.
    """

    teacher = (counts.both + counts.lost) / counts.total - chance
    student = (counts.both + counts.gained) / counts.total - chance
    floor = 0.0 if chance == 0.0 else -_FURTHEST
    contrast = partial(ratio_contrast, chance=chance)
    return _bounds(counts, contrast, student / teacher, level, floor, _FURTHEST)


def ratio_contrast(ratio: float, chance: float = 0.0) -> Counts:
    """The contrast whose mean is zero where (student - chance) / (teacher - chance) is `ratio`."""
    up, down = 1.0 - chance, chance
    return Counts(up - ratio * up, -down - ratio * up, up + ratio * down, -down + ratio * down)


def difference_bounds(counts: Counts, level: float) -> Bounds:
    """Bounds of student minus teacher, between -1 and 1."""
    seen = (counts.gained - counts.lost) / counts.total
    return _bounds(counts, difference_contrast, seen, level, -1.0, 1.0)


def difference_contrast(difference: float) -> Counts:
    """The contrast whose mean is zero where student minus teacher is `difference`."""
    return Counts(-difference, -1.0 - difference, 1.0 - difference, -difference)


def score_statistic(counts: Counts, values: Counts) -> float:
    """Pearson's X² (one degree of freedom) of the hypothesis that the contrast `values` has mean zero."""
    total = sum(n * d for n, d in zip(counts, values, strict=True))
    if total == 0.0:
        return 0.0
    if total < 0.0:
        return score_statistic(counts, Counts(*(-d for d in values)))
    smallest = min(values)
    if smallest >= 0.0:
        return math.inf
    edge = -_INSIDE / smallest

    def slope(multiplier: float) -> float:
        return sum(n * d / (1.0 + multiplier * d) for n, d in zip(counts, values, strict=True))

    # An empty cell can hold probability under the hypothesis: the multiplier then stops at the edge.
    multiplier = edge if slope(edge) >= 0.0 else optimize.brentq(slope, 0.0, edge, xtol=1e-14, rtol=1e-13)
    return float(multiplier * total)


def _bounds(
    counts: Counts, contrast: Contrast, estimate: float, level: float, low: float, high: float
) -> Bounds:
    """Invert the score test on both sides of the estimate."""
    check_level(level)
    limit = float(stats.chi2.ppf(level, 1))

    def excess(value: float) -> float:
        return min(score_statistic(counts, contrast(value)), 1e12) - limit

    return Bounds(_cross(excess, estimate, low), _cross(excess, estimate, high))


def _cross(excess: Callable[[float], float], start: float, end: float) -> float:
    """Where `excess` rises through zero between `start` and `end`; `end` itself if a range ends there."""
    step = max(0.05, 0.05 * abs(start))
    sign = 1.0 if end > start else -1.0
    inside, outside = start, start
    while excess(outside) < 0.0:
        if outside == end:
            return sign * math.inf if abs(end) == _FURTHEST else end
        inside, outside = outside, sign * min(sign * (outside + sign * step), sign * end)
        step *= 2.0
    # Rounding of weighted counts may put the estimate itself outside, by less than anyone can see.
    root = outside if inside == outside else optimize.brentq(excess, inside, outside, xtol=1e-12, rtol=1e-12)
    return float(root)
