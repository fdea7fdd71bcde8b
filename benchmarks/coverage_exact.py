"""The coverage of right/wrong tasks without simulation: every outcome there can be, times its probability.

An interval holds the truth where the score test does not reject it, so the product's own statistic at the truth is
all that is asked. Works for a few hundred samples; outcomes of less than 1e-9 are left out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import stats

from evaluation.scoring.paired import Counts
from evaluation.scoring.score_interval import difference_contrast, ratio_contrast, score_statistic
from evaluation.scoring.values import FloatArray

LEAST = 1e-9


class Outcomes(NamedTuple):
    """A right/wrong task: samples, the probabilities of both, lost, gained and neither, and what guessing gives."""

    n: int
    cells: tuple[float, float, float, float]
    chance: float = 0.0


class Covered(NamedTuple):
    """Probabilities, given that the interval is defined: of holding the truth, and of lying above or below it."""

    coverage: float
    truth_under: float
    truth_over: float


def exact(found: Outcomes, truth: float, level: float, *, difference: bool) -> Covered:
    """Coverage of the score interval of the ratio above chance, or of the difference, at this true value."""
    limit = float(stats.chi2.ppf(level, 1))
    contrast = difference_contrast(truth) if difference else ratio_contrast(truth, found.chance)
    floor = None if difference else Counts(*(1.0 - found.chance,) * 2, *(-found.chance,) * 2)
    held = under = over = 0.0
    for counts, probability in outcomes_of(found):
        if floor is not None and not _above_floor(counts, floor, found.chance, limit):
            continue
        if score_statistic(counts, contrast) <= limit:
            held += probability
        elif sum(n * d for n, d in zip(counts, contrast, strict=True)) > 0.0:
            under += probability
        else:
            over += probability
    whole = held + under + over
    return Covered(held / whole, under / whole, over / whole)


def _above_floor(counts: Counts, floor: Counts, chance: float, limit: float) -> bool:
    """Whether the product gives a ratio: the teacher is above zero, or separated from chance by the same test."""
    if counts.both + counts.lost <= chance * counts.total:
        return False
    return chance == 0.0 or score_statistic(counts, floor) > limit


def outcomes_of(found: Outcomes) -> list[tuple[Counts, float]]:
    """Every table of counts that is likely enough, with its probability."""
    n, (both, lost, gained, _) = found.n, found.cells
    out = []
    for differ in range(n + 1):
        likely = stats.binom.pmf(differ, n, lost + gained)
        if likely < LEAST:
            continue
        split = np.arange(differ + 1)
        losses = stats.binom.pmf(split, differ, lost / (lost + gained))
        right = np.arange(n - differ + 1)
        agreeing = stats.binom.pmf(right, n - differ, both / (1.0 - lost - gained))
        table: FloatArray = likely * np.outer(losses, agreeing)
        for x, y in np.argwhere(table >= LEAST).tolist():
            counts = Counts(float(y), float(x), float(differ - x), float(n - differ - y))
            out.append((counts, float(table[x, y])))
    return out
