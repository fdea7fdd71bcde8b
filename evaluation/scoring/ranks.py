"""Ranks as ranges: how good and how bad a model's place may be, given the noise.

A model is placed before another only where their paired difference is beyond noise for all pairs at once
(Bonferroni over pairs, as in Mogstad et al. 2024); models measured on other samples are told apart by intervals.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from evaluation.scoring.bootstrap import generator, percentile_bounds
from evaluation.scoring.values import BadInput, Estimate, FloatArray, check_level


class RankRange(NamedTuple):
    """Best and worst place that the data leave open, 1 being first."""

    best: int
    worst: int


def ranges_from_intervals(estimates: Sequence[Estimate]) -> tuple[RankRange, ...]:
    """Rank ranges of values with separate intervals, higher is better; overlapping intervals stay unordered."""
    low = np.array([one.ci_low for one in estimates])
    high = np.array([one.ci_high for one in estimates])
    return _ranges(low[:, None] > high[None, :])


def ranges_from_samples(
    scores: npt.ArrayLike, *, seed: int, level: float = 0.95, resamples: int = 10_000
) -> tuple[RankRange, ...]:
    """Rank ranges of models scored on the same samples, shape (models, samples), higher is better.

    Samples are resampled jointly; an order counts where the pair's difference keeps its sign at the level that
    Bonferroni gives each pair.
    """
    check_level(level)
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] < 2 or not np.isfinite(table).all():
        raise BadInput("scores must be a finite table of models by samples")
    means = _joint_means(table, resamples, generator(seed, "ranks"))
    models = len(table)
    pairs = max(models * (models - 1) // 2, 1)
    ahead = np.zeros((models, models), dtype=np.bool_)
    for one in range(models):
        for other in range(one + 1, models):
            bounds = percentile_bounds(means[one] - means[other], 1.0 - (1.0 - level) / pairs)
            ahead[one, other], ahead[other, one] = bounds.low > 0.0, bounds.high < 0.0
    return _ranges(ahead)


def _joint_means(table: FloatArray, resamples: int, rng: np.random.Generator) -> FloatArray:
    """Means of all models in each resample of the samples, in blocks; shape (models, resamples)."""
    count = table.shape[1]
    block = max(1, 2_000_000 // count)
    parts = []
    for start in range(0, resamples, block):
        rows = min(block, resamples - start)
        drawn = rng.multinomial(count, np.full(count, 1.0 / count), size=rows)
        parts.append(table @ drawn.T / count)
    return np.concatenate(parts, axis=1)


def _ranges(ahead: npt.NDArray[np.bool_]) -> tuple[RankRange, ...]:
    """Ranges from who is surely ahead of whom."""
    better, worse = ahead.sum(axis=0), ahead.sum(axis=1)
    return tuple(
        RankRange(int(1 + up), int(len(ahead) - down)) for up, down in zip(better, worse, strict=True)
    )
