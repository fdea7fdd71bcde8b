"""The seeded paired bootstrap: both models in the same resample, clusters whole, tasks of a set jointly.

Right/wrong scores are resampled as a multinomial over their few outcome cells, which is the same
distribution at a fraction of the work; other scores are gathered in blocks of bounded memory. Intervals from
resamples are the percentile's and BCa's (Efron 1987).
"""

from __future__ import annotations

import hashlib

import numpy as np
from scipy import stats

from evaluation.scoring.fieller import unit_sums
from evaluation.scoring.paired import PairedSamples
from evaluation.scoring.score_interval import Bounds
from evaluation.scoring.values import BadInput, FloatArray, check_level

_CELL_SCORES = np.array([[1.0, 0.0, 1.0, 0.0], [1.0, 1.0, 0.0, 0.0]])
"""Scores of student and teacher in the cells both, lost, gained, neither."""

_MOST_CELLS = 64
_BLOCK = 2_000_000
"""Numbers gathered at a time: 16 MB per array."""


def generator(seed: int, *names: str) -> np.random.Generator:
    """A generator that depends on the seed and on what it is for, and not on the order of calls."""
    digest = hashlib.sha256("\x1f".join(names).encode()).digest()
    words = np.frombuffer(digest, dtype="<u4").tolist()
    return np.random.default_rng([seed, *words])


def resample_sums(units: FloatArray, resamples: int, rng: np.random.Generator) -> FloatArray:
    """Column sums of resampled rows of `units` (rows are independent units), shape (columns, resamples)."""
    if len(units) == 0 or resamples < 1:
        raise BadInput("a bootstrap needs samples and resamples")
    cells, counts = np.unique(units, axis=0, return_counts=True)
    if len(cells) <= _MOST_CELLS:
        drawn = rng.multinomial(len(units), counts / len(units), size=resamples)
        return np.asarray((drawn @ cells).T, dtype=np.float64)
    return _gathered(units, resamples, rng)


def _gathered(units: FloatArray, resamples: int, rng: np.random.Generator) -> FloatArray:
    """The same for many different rows, block by block."""
    count, columns = units.shape
    constant = (units == units[0]).all(axis=0)
    varying = np.flatnonzero(~constant)
    sums = np.empty((columns, resamples))
    sums[constant] = (count * units[0, constant])[:, None]
    # One gather serves two columns when they travel as a complex number.
    pairs = [varying[i : i + 2] for i in range(0, len(varying), 2)]
    packed = [units[:, pair[0]] + 1j * units[:, pair[-1]] for pair in pairs]
    block = max(1, _BLOCK // count)
    for start in range(0, resamples, block):
        stop = min(start + block, resamples)
        chosen = rng.integers(0, count, size=(stop - start, count), dtype=np.uint32)
        for pair, column in zip(pairs, packed, strict=True):
            drawn = column[chosen].sum(axis=1)
            sums[pair[0], start:stop] = drawn.real
            sums[pair[-1], start:stop] = drawn.imag
    return sums


def resample_means(samples: PairedSamples, resamples: int, rng: np.random.Generator) -> FloatArray:
    """Means of student and teacher in each resample, shape (2, resamples)."""
    if samples.clusters is None and samples.n and samples.binary:
        shares = np.array(samples.counts()) / samples.n
        drawn = rng.multinomial(samples.n, shares, size=resamples)
        return np.asarray(_CELL_SCORES @ drawn.T / samples.n, dtype=np.float64)
    sums = resample_sums(np.stack(unit_sums(samples), axis=1), resamples, rng)
    return np.asarray(sums[:2] / sums[2], dtype=np.float64)


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


class Resamples:
    """Resampled means of each task, drawn once and shared by every number that is made from them.

    The random numbers of a task depend on the seed and its name alone, so their order does not matter.
    """

    def __init__(self, resamples: int, seed: int) -> None:
        self._resamples, self._seed = resamples, seed
        self._means: dict[str, FloatArray] = {}

    def means(self, name: str, samples: PairedSamples) -> FloatArray:
        """Means of student and teacher in each resample of the task `name`, shape (2, resamples)."""
        if name not in self._means:
            self._means[name] = resample_means(samples, self._resamples, generator(self._seed, name))
        return self._means[name]
