"""The seeded paired bootstrap: both models in the same resample, clusters whole, tasks of a set jointly.

Right/wrong scores are resampled as a multinomial over their few outcome cells, which is the same
distribution at a fraction of the work; other scores are gathered in blocks of bounded memory. Intervals from
resamples are the percentile's and BCa's (Efron 1987).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from scipy import stats

from evaluation.scoring.fieller import Stratum, normalized, unit_sums
from evaluation.scoring.paired import PairedSamples
from evaluation.scoring.score_interval import Bounds
from evaluation.scoring.values import BadInput, FloatArray, check_level

_MOST_CELLS = 64
_BLOCK = 2_000_000
"""Numbers gathered at a time: 16 MB per array."""


def generator(seed: int, *names: str) -> np.random.Generator:
    """A generator that depends on the seed and on what it is for, and not on the order of calls."""
    digest = hashlib.sha256("\x1f".join(names).encode()).digest()
    words = np.frombuffer(digest, dtype="<u4").tolist()
    return np.random.default_rng([seed, *words])


def resample_means(samples: PairedSamples, resamples: int, rng: np.random.Generator) -> FloatArray:
    """Means of student and teacher in each resample, shape (2, resamples)."""
    if samples.n == 0 or resamples < 1:
        raise BadInput("a bootstrap needs samples and resamples")
    units = np.stack(unit_sums(samples), axis=1)
    cells, counts = np.unique(units, axis=0, return_counts=True)
    if len(cells) <= _MOST_CELLS:
        drawn = rng.multinomial(len(units), counts / len(units), size=resamples)
        sums = (drawn @ cells).T
    else:
        sums = _gathered(units, resamples, rng)
    return np.asarray(sums[:2] / sums[2], dtype=np.float64)


def _gathered(units: FloatArray, resamples: int, rng: np.random.Generator) -> FloatArray:
    """Sums of resampled rows, block by block; shape (columns, resamples)."""
    count = len(units)
    sums = np.empty((units.shape[1], resamples))
    block = max(1, _BLOCK // count)
    # One gather serves two columns when they travel as a complex number.
    both = units[:, 0] + 1j * units[:, 1]
    equal = bool((units[:, 2] == units[0, 2]).all())
    for start in range(0, resamples, block):
        stop = min(start + block, resamples)
        chosen = rng.integers(0, count, size=(stop - start, count), dtype=np.uint32)
        drawn = both[chosen].sum(axis=1)
        sums[0, start:stop], sums[1, start:stop] = drawn.real, drawn.imag
        sums[2, start:stop] = count * units[0, 2] if equal else units[chosen, 2].sum(axis=1)
    return sums


def resample_set(strata: Sequence[Stratum], names: Sequence[str], resamples: int, seed: int) -> FloatArray:
    """Weighted means above chance of both models over a set of tasks, shape (2, resamples).

    Each task is resampled within itself; its stream of random numbers depends on the seed and its name.
    """
    total = np.zeros((2, resamples))
    for stratum, name in sorted(zip(normalized(strata), names, strict=True), key=lambda pair: pair[1]):
        means = resample_means(stratum.samples, resamples, generator(seed, name))
        total += stratum.weight * (means - stratum.chance)
    return total


def percentile_bounds(values: FloatArray, level: float) -> Bounds:
    """The central `level` of the resampled values."""
    check_level(level)
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(values, [tail, 1.0 - tail])
    return Bounds(float(low), float(high))


def bca_bounds(values: FloatArray, estimate: float, effects: FloatArray, level: float) -> Bounds:
    """Bias-corrected and accelerated interval; `effects` are the units' influences on the estimate.

    Falls back on the percentile's where the resamples all agree or all lie on one side.
    """
    check_level(level)
    below = float((values < estimate).mean() + (values == estimate).mean() / 2.0)
    scale = float((effects**2).sum()) ** 1.5
    if scale == 0.0 or not 0.0 < below < 1.0:
        return percentile_bounds(values, level)
    bias = float(stats.norm.ppf(below))
    acceleration = float((effects**3).sum()) / (6.0 * scale)
    z = stats.norm.ppf([(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    moved = bias + (bias + z) / (1.0 - acceleration * (bias + z))
    low, high = np.quantile(values, stats.norm.cdf(moved))
    return Bounds(float(low), float(high))
