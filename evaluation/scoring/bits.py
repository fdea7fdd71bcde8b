"""Rates of text (bits per byte, perplexity): the paired difference, resampled over documents.

Such metrics have no true zero or are better when lower, so they have no retention. A document's parts are
not independent; documents are the units.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np

from evaluation.scoring.bootstrap import generator, resample_sums
from evaluation.scoring.paired import PairedSamples
from evaluation.scoring.retention import MINIMUM_CLUSTERS, Options, estimate, resampled_bounds
from evaluation.scoring.values import BadInput, FloatArray, Quantity, Undefined

Rate = Literal["per_size", "perplexity"]
_BLOCK = 2_000_000
"""Numbers of one block of swaps: 16 MB."""


class RateScore(NamedTuple):
    """A corpus-level rate with its standard error over documents."""

    value: float
    stderr: float | None


def rate(sums: FloatArray, sizes: FloatArray, kind: Rate) -> FloatArray:
    """`per_size`: sum / size (bits per byte from bits and bytes). `perplexity`: exp(-sum / size)."""
    per = sums / sizes
    return per if kind == "per_size" else np.exp(-per)


def rate_score(values: FloatArray, sizes: FloatArray, kind: Rate) -> RateScore:
    """One model's rate over all documents; the standard error is the linearized one."""
    value = float(rate(np.array(values.sum()), np.array(sizes.sum()), kind))
    if len(values) < 2:
        return RateScore(value, None)
    effects = _effects(values, sizes, kind)
    n = len(effects)
    return RateScore(value, math.sqrt(float((effects**2).sum()) * n / (n - 1)))


def rate_effects(samples: PairedSamples, kind: Rate) -> FloatArray:
    """Each document's first-order effect on the difference of the two rates."""
    student_sizes, teacher_sizes = _sizes(samples)
    return _effects(samples.student, student_sizes, kind) - _effects(samples.teacher, teacher_sizes, kind)


def rate_test(samples: PairedSamples, kind: Rate, resamples: int, rng: np.random.Generator) -> float:
    """Two-sided paired permutation test of the difference: a document's value and size change sides together.

    `resamples` patterns are drawn, and the observed one counts as one of them (Phipson and Smyth 2010). Effects
    centered on each model's own rate will not do here: they sum to zero whatever the difference is.
    """
    student_sizes, teacher_sizes = _sizes(samples)
    student = np.array([samples.student.sum(), student_sizes.sum()])
    teacher = np.array([samples.teacher.sum(), teacher_sizes.sum()])
    moves: FloatArray = np.stack([samples.teacher - samples.student, teacher_sizes - student_sizes], axis=1)
    gap = rate(student[:1], student[1:], kind) - rate(teacher[:1], teacher[1:], kind)
    observed = float(np.abs(gap)[0])
    block, extreme = max(1, _BLOCK // samples.n), 0
    for start in range(0, resamples, block):
        swapped = rng.integers(0, 2, size=(min(block, resamples - start), samples.n)).astype(np.float64)
        moved: FloatArray = swapped @ moves
        left, right = student + moved, teacher - moved
        found = np.abs(rate(left[:, 0], left[:, 1], kind) - rate(right[:, 0], right[:, 1], kind))
        # Sums in another order differ in the last bits; those count as equal.
        extreme += int((found >= observed * (1 - 1e-9)).sum())
    return (1 + extreme) / (1 + resamples)


def rate_difference(samples: PairedSamples, kind: Rate, options: Options) -> Quantity:
    """Student's rate minus the teacher's, with a paired bootstrap over documents."""
    if samples.n < MINIMUM_CLUSTERS:
        text = f"{samples.n} documents; at least {MINIMUM_CLUSTERS} are needed"
        return Undefined("too_few_samples", text)
    student_sizes, teacher_sizes = _sizes(samples)
    units = np.stack([samples.student, samples.teacher, student_sizes, teacher_sizes], axis=1)
    drawn = resample_sums(units, options.resamples, generator(options.seed, options.name))
    values = rate(drawn[0], drawn[2], kind) - rate(drawn[1], drawn[3], kind)
    total = units.sum(axis=0)
    value = float(rate(total[0], total[2], kind) - rate(total[1], total[3], kind))
    bounds = resampled_bounds(
        value, values, rate_effects(samples, kind), samples.n - 1.0, options, "percentile"
    )
    return estimate(value, bounds, options, "percentile", options.resamples)


def _sizes(samples: PairedSamples) -> tuple[FloatArray, FloatArray]:
    """Sizes of both models' documents; a rate cannot be formed without."""
    if samples.student_sizes is None or samples.teacher_sizes is None:
        raise BadInput("a rate needs the sizes of its documents")
    return samples.student_sizes, samples.teacher_sizes


def _effects(values: FloatArray, sizes: FloatArray, kind: Rate) -> FloatArray:
    """Linearized effect of each document on one model's rate."""
    total = sizes.sum()
    per = values.sum() / total
    effects = (values - per * sizes) / total
    return np.asarray(effects if kind == "per_size" else -math.exp(-per) * effects, dtype=np.float64)
