"""Retention of one task: student / teacher, the same above chance, and the difference, with intervals.

Which interval is used for what was decided by simulation (docs/statistics-coverage.md): right/wrong scores get
the score interval, other or clustered scores Fieller's with Student's t. `choice` forces another.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from evaluation.scoring import fieller, score_interval
from evaluation.scoring.bootstrap import Resamples, bca_bounds, percentile_bounds
from evaluation.scoring.fieller import Moments, Stratum, moments
from evaluation.scoring.paired import FEWEST_CLUSTERS, Counts, PairedSamples
from evaluation.scoring.score_interval import Bounds
from evaluation.scoring.values import Estimate, FloatArray, Quantity, Undefined, check_level

IntervalChoice = Literal["auto", "score", "fieller", "percentile", "bca"]

MINIMUM_SAMPLES = 20
"""Under this many samples intervals miss their level or are too wide to tell anything."""
MINIMUM_CLUSTERS = FEWEST_CLUSTERS
MOST_DROPPED = 0.01
"""Largest share of resamples that may lack a teacher above its floor before the ratio is undefined."""

NAMES = {
    "score": "score (constrained maximum likelihood)",
    "fieller": "Fieller, Student's t",
    "fieller_difference": "paired Student's t",
    "percentile": "paired bootstrap, expanded percentile",
    "bca": "paired bootstrap, BCa",
    "centered": "paired bootstrap, expanded percentile, bias taken off",
    "pooled": "score, outcomes pooled over tasks",
    "members": "Fieller, Student's t, tasks as the units",
}
_SAME = 1e-15


@dataclass(frozen=True, slots=True)
class Options:
    """Level, seed and number of resamples of a computation; `name` separates its random numbers."""

    level: float = 0.95
    resamples: int = 10_000
    seed: int = 0
    name: str = ""
    choice: IntervalChoice = "auto"


@dataclass(frozen=True, slots=True)
class Retention:
    """What is left of the teacher on one task, in three forms."""

    ratio: Quantity
    above_chance: Quantity
    difference: Quantity


def retention(
    samples: PairedSamples, chance: float | None, options: Options, drawn: Resamples | None = None
) -> Retention:
    """All three forms for a ratio metric. `chance` None means that the chance level is not known.

    Where the teacher is not separated from chance (from zero, if chance is not known) by the same interval
    that would be shown, both ratios are undefined and only the difference is left. `drawn` holds resamples
    that are made already.
    """
    difference = difference_of(samples, options, drawn)
    floor = 0.0 if chance is None else chance
    reason = too_few(samples) or teacher_at_floor(samples, floor, options.level)
    if reason is not None:
        return Retention(reason, reason, difference)
    ratio = ratio_of(samples, 0.0, options, drawn)
    if chance is None:
        return Retention(ratio, Undefined("not_measured", "the chance level is not known"), difference)
    above = ratio if chance == 0.0 else ratio_of(samples, chance, options, drawn)
    return Retention(ratio, above, difference)


def too_few(samples: PairedSamples) -> Undefined | None:
    """Say so when there are fewer independent samples than an interval needs."""
    if samples.n < MINIMUM_SAMPLES:
        return Undefined("too_few_samples", f"{samples.n} samples; at least {MINIMUM_SAMPLES} are needed")
    if samples.units < (MINIMUM_CLUSTERS if samples.clusters is not None else MINIMUM_SAMPLES):
        return Undefined("too_few_samples", f"{samples.units} clusters; {MINIMUM_CLUSTERS} are needed")
    return None


def teacher_at_floor(samples: PairedSamples, floor: float, level: float) -> Undefined | None:
    """Say so when the teacher's own two-sided interval reaches down to chance (or to zero)."""
    check_level(level)
    mean = float(samples.teacher.mean())
    where = f"the teacher's score {mean:.4g} is not above {floor:.4g} at level {level:.4g}"
    if mean <= floor or (floor == 0.0 and mean <= _SAME):
        return Undefined("teacher_at_chance", where)
    if uses_cells(samples):
        if floor == 0.0:
            return None
        contrast = Counts(1.0 - floor, 1.0 - floor, -floor, -floor)
        statistic = score_interval.score_statistic(samples.counts(), contrast)
        return None if statistic > stats.chi2.ppf(level, 1) else Undefined("teacher_at_chance", where)
    found = moments([Stratum(samples, 1.0, floor)])
    return None if separated(found, level) else Undefined("teacher_at_chance", where)


def separated(found: Moments, level: float) -> bool:
    """Whether the teacher's mean above chance is above zero at `level`."""
    reach = fieller.quantile(level, found.degrees) * math.sqrt(found.teacher_variance)
    return found.teacher > 0.0 and found.teacher > reach


def uses_cells(samples: PairedSamples) -> bool:
    """Whether the four outcome counts are all there is to know: right/wrong, and no clusters."""
    return samples.clusters is None and samples.binary


def ratio_of(
    samples: PairedSamples, chance: float, options: Options, drawn: Resamples | None = None
) -> Quantity:
    """The ratio above `chance` with its interval; the teacher must have been found above it."""
    stratum = Stratum(samples, 1.0, chance)
    found = moments([stratum])
    value = found.student / found.teacher
    chosen = _choose(samples, options)
    if chosen == "score":
        bounds = score_interval.ratio_bounds(samples.counts(), options.level, chance)
        return estimate(value, bounds, options, "score")
    if chosen == "fieller":
        if found.contrast_variance(value) <= _SAME:
            return no_spread(samples, chance, value, options)
        found = fieller.with_tails(found, stratum, value)
        return estimate(value, fieller.ratio_bounds(found, options.level), options, "fieller")
    means = _drawn(samples, options, drawn) - chance
    student, teacher = fieller.influences([stratum])[0]
    return ratio_from_resamples(value, means, (student - value * teacher) / found.teacher, found, options)


def _drawn(samples: PairedSamples, options: Options, drawn: Resamples | None) -> FloatArray:
    """Resampled means of the task, from those drawn already where they are given."""
    known = Resamples(options.resamples, options.seed) if drawn is None else drawn
    return known.means(options.name, samples)


def _choose(samples: PairedSamples, options: Options) -> IntervalChoice:
    """The method asked for, or the one that the simulation supports for such samples."""
    if options.choice == "auto" or (options.choice == "score" and not uses_cells(samples)):
        return "score" if uses_cells(samples) else "fieller"
    return options.choice


def ratio_from_resamples(
    value: float, means: FloatArray, effects: FloatArray, found: Moments, options: Options
) -> Quantity:
    """Bootstrap interval of a ratio from resampled means above chance, shape (2, resamples).

    Resamples whose teacher is not above its floor are counted and left out; too many, and the ratio is
    undefined.
    """
    usable = means[1] > 0.0
    dropped = int(len(usable) - usable.sum())
    if dropped > MOST_DROPPED * len(usable):
        text = f"in {dropped} of {len(usable)} resamples the teacher is not above chance"
        return Undefined("teacher_at_chance", text)
    ratios = means[0, usable] / means[1, usable]
    chosen: IntervalChoice = "bca" if options.choice == "bca" else "percentile"
    bounds = resampled_bounds(value, ratios, effects, found.degrees, options, chosen)
    return estimate(value, bounds, options, chosen, len(usable), dropped)


def resampled_bounds(
    value: float,
    values: FloatArray,
    effects: FloatArray,
    degrees: float,
    options: Options,
    chosen: IntervalChoice,
) -> Bounds:
    """Percentile interval, widened for small samples (Hesterberg 2015), or BCa as it is."""
    if chosen == "bca":
        return bca_bounds(values, value, effects, options.level)
    return percentile_bounds(values, expanded_level(options.level, degrees))


def expanded_level(level: float, degrees: float) -> float:
    """The nominal level at which a percentile interval reaches as far as Student's t does."""
    reach = fieller.quantile(level, degrees) * math.sqrt((degrees + 1.0) / degrees)
    return float(1.0 - 2.0 * stats.norm.sf(reach))


def difference_of(samples: PairedSamples, options: Options, drawn: Resamples | None = None) -> Quantity:
    """Student minus teacher with its interval (Tango's for right/wrong scores, else Student's t)."""
    reason = too_few(samples)
    if reason is not None:
        return reason
    found = moments([Stratum(samples)])
    value = found.student - found.teacher
    if uses_cells(samples) and options.choice in ("auto", "score"):
        bounds = score_interval.difference_bounds(samples.counts(), options.level)
        return estimate(value, bounds, options, "score")
    if options.choice in ("percentile", "bca"):
        return _difference_from_resamples(samples, value, found, options, _drawn(samples, options, drawn))
    if found.contrast_variance(1.0) <= _SAME:
        return no_spread_difference(samples, value, options)
    found = fieller.with_tails(found, Stratum(samples), 1.0)
    return estimate(value, fieller.difference_bounds(found, options.level), options, "fieller_difference")


def _difference_from_resamples(
    samples: PairedSamples, value: float, found: Moments, options: Options, means: FloatArray
) -> Quantity:
    """Bootstrap interval of the difference of one task."""
    student, teacher = fieller.influences([Stratum(samples)])[0]
    bounds = resampled_bounds(
        value, means[0] - means[1], student - teacher, found.degrees, options, options.choice
    )
    return estimate(value, bounds, options, options.choice, options.resamples)


def no_spread(samples: PairedSamples, chance: float, value: float, options: Options) -> Quantity:
    """Interval where no sample differs in a way that shows spread.

    For scores between 0 and 1 right/wrong samples of the same means are the widest case, so the score
    interval of as many units is conservative. Other scores have no such bound.
    """
    counts = _as_right_wrong(samples)
    if counts is None:
        return Undefined("too_few_samples", "no two samples differ, so the spread is not known")
    return estimate(value, score_interval.ratio_bounds(counts, options.level, chance), options, "score")


def no_spread_difference(samples: PairedSamples, value: float, options: Options) -> Quantity:
    """The same for the difference."""
    counts = _as_right_wrong(samples)
    if counts is None:
        return Undefined("too_few_samples", "no two samples differ, so the spread is not known")
    return estimate(value, score_interval.difference_bounds(counts, options.level), options, "score")


def _as_right_wrong(samples: PairedSamples) -> Counts | None:
    """Right/wrong counts with the means of scores between 0 and 1, as if as many units overlapped fully."""
    scores = np.concatenate([samples.student, samples.teacher])
    if scores.min() < 0.0 or scores.max() > 1.0:
        return None
    student, teacher = float(samples.student.mean()), float(samples.teacher.mean())
    both = min(student, teacher)
    parts = (both, teacher - both, student - both, 1.0 - max(student, teacher))
    return Counts(*(samples.units * part for part in parts))


def estimate(
    value: float, bounds: Bounds, options: Options, method: str, resamples: int = 0, dropped: int = 0
) -> Quantity:
    """Put a value and its bounds together; an unbounded interval means the teacher is at chance."""
    if not (math.isfinite(bounds.low) and math.isfinite(bounds.high)):
        return Undefined("teacher_at_chance", "the ratio has no bounds at this level")
    return Estimate(float(value), bounds.low, bounds.high, options.level, NAMES[method], resamples, dropped)
