"""Tests of "student and teacher score alike": exact McNemar, paired permutation, and Holm's correction.

Two-sided throughout. A p-value answers whether a difference is there, not whether the student is good enough;
that is the verdict's question.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from evaluation.scoring.bootstrap import generator
from evaluation.scoring.paired import Counts, PairedSamples
from evaluation.scoring.values import BadInput, FloatArray

_EXACT_UP_TO = 14
"""Units that differ, up to which all sign patterns are enumerated (2 to the 14)."""
_BLOCK = 2_000_000


class Test(NamedTuple):
    """A p-value and the name of the test that made it."""

    p_value: float
    name: str


def mcnemar(counts: Counts) -> float:
    """Exact two-sided McNemar: a fair coin over the samples in which exactly one model is right."""
    discordant = round(counts.lost + counts.gained)
    if discordant == 0:
        return 1.0
    return float(stats.binomtest(round(counts.gained), discordant, 0.5).pvalue)


def permutation(differences: FloatArray, resamples: int, rng: np.random.Generator) -> float:
    """Two-sided paired permutation test: the labels student and teacher are swapped unit by unit.

    All patterns are enumerated while few units differ; beyond that `resamples` are drawn, and the observed
    one counts as one of them (Phipson and Smyth 2010), so the p-value is never zero.
    """
    moved = differences[differences != 0.0]
    if len(moved) == 0:
        return 1.0
    observed = abs(float(moved.sum()))
    # Sums in another order differ in the last bits; those count as equal.
    threshold = observed - 1e-9 * max(observed, float(np.abs(moved).sum()))
    if len(moved) <= _EXACT_UP_TO:
        patterns = (np.arange(2 ** len(moved))[:, None] >> np.arange(len(moved))) & 1
        return float((np.abs((1.0 - 2.0 * patterns) @ moved) >= threshold).mean())
    return (1 + _extreme(moved, threshold, resamples, rng)) / (1 + resamples)


def _extreme(moved: FloatArray, threshold: float, resamples: int, rng: np.random.Generator) -> int:
    """How many random sign patterns reach the threshold, block by block."""
    block, extreme, total = max(1, _BLOCK // len(moved)), 0, float(moved.sum())
    for start in range(0, resamples, block):
        rows = min(block, resamples - start)
        drawn = np.frombuffer(rng.bytes(-(-rows * len(moved) // 8)), dtype=np.uint8)
        swapped = np.unpackbits(drawn, count=rows * len(moved)).reshape(rows, -1).astype(np.float64)
        extreme += int((np.abs(total - 2.0 * (swapped @ moved)) >= threshold).sum())
    return extreme


def paired_test(samples: PairedSamples, resamples: int, seed: int, name: str) -> Test:
    """McNemar for right/wrong samples that stand alone; else the permutation test over units."""
    if samples.binary and samples.clusters is None:
        return Test(mcnemar(samples.counts()), "mcnemar_exact")
    return Test(
        permutation(unit_differences(samples), resamples, generator(seed, "permutation", name)),
        "paired_permutation",
    )


def unit_differences(samples: PairedSamples) -> FloatArray:
    """Student minus teacher, summed within each independent unit."""
    differences = samples.student - samples.teacher
    if samples.clusters is None:
        return differences
    return np.bincount(samples.clusters, differences, samples.units).astype(np.float64)


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Holm's (1979) adjusted p-values, in the order given."""
    values = np.asarray(p_values, dtype=np.float64)
    if not ((values >= 0.0) & (values <= 1.0)).all():
        raise BadInput("p-values lie between 0 and 1")
    order = np.argsort(values, kind="stable")
    steps = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(steps, 1.0)
    return tuple(float(value) for value in adjusted)
