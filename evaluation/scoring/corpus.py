"""Scores of a whole corpus (F1, Matthews) that are no mean of samples and come with a standard error alone.

Nothing pairs the samples here, so the two standard errors are taken as independent; for models that err alike
that makes the interval too wide, never too narrow.
"""

from __future__ import annotations

import math

from scipy import stats

from evaluation.scoring import fieller
from evaluation.scoring.fieller import Moments
from evaluation.scoring.results import Score, TaskInput
from evaluation.scoring.retention import Retention, separated
from evaluation.scoring.values import Estimate, Quantity, Undefined

_INDEPENDENT = "standard errors taken as independent"


def given_retention(
    task: TaskInput, student: Score, teacher: Score, no_ratio: Undefined, level: float
) -> Retention:
    """Retention and difference from two values and their standard errors.

    `no_ratio` is the reason that stands in for both ratios of a metric without a true zero.
    """
    ratio_metric = task.is_ratio and task.higher_is_better
    if student.value is None or teacher.value is None:
        missing = Undefined("not_measured", "the metric was not measured on both models")
        return _without(missing, None if ratio_metric else no_ratio)
    if student.stderr is None or teacher.stderr is None:
        missing = Undefined("not_measured", "the metric has no standard error, so there is no interval")
        return _without(missing, None if ratio_metric else no_ratio)
    found = Moments(student.value, teacher.value, student.stderr**2, teacher.stderr**2, 0.0, math.inf)
    difference = _difference(found, level)
    if not ratio_metric:
        return Retention(no_ratio, no_ratio, difference)
    at_floor = Undefined("teacher_at_chance", f"the teacher is not above its floor at level {level:.4g}")
    floor = task.chance or 0.0
    lowered = Moments(
        found.student - floor,
        found.teacher - floor,
        found.student_variance,
        found.teacher_variance,
        0.0,
        math.inf,
    )
    if not separated(lowered, level):
        return Retention(at_floor, at_floor, difference)
    if task.chance is None:
        above: Quantity = Undefined("not_measured", "the chance level is not known")
    else:
        above = _ratio(lowered, level)
    return Retention(_ratio(found, level), above, difference)


def _without(missing: Undefined, no_ratio: Undefined | None) -> Retention:
    """No number at all, with the reasons."""
    return Retention(no_ratio or missing, no_ratio or missing, missing)


def _ratio(found: Moments, level: float) -> Estimate:
    """Fieller's interval of two independent values; the teacher was found above zero."""
    bounds = fieller.ratio_bounds(found, level)
    return Estimate(found.student / found.teacher, bounds.low, bounds.high, level, f"Fieller, {_INDEPENDENT}")


def _difference(found: Moments, level: float) -> Estimate:
    """Normal interval of the difference of two independent values."""
    value = found.student - found.teacher
    half = float(stats.norm.ppf(0.5 + level / 2)) * math.sqrt(found.contrast_variance(1.0))
    return Estimate(value, value - half, value + half, level, f"normal, {_INDEPENDENT}")
