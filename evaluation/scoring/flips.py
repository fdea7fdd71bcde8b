"""Where two models part: flips both ways, agreement, shared errors, and the noise they are seen against.

Equal accuracy can hide many flips (Dutta et al. 2024, "Accuracy is Not All You Need"), so lost and gained are
never merged. The noise floor is the same model against itself under a harmless change (another batch size).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from evaluation.scoring.paired import Counts, PairedSamples
from evaluation.scoring.values import BadInput, FloatArray, check_level


@dataclass(frozen=True, slots=True)
class SharedErrors:
    """Samples that both get wrong, beside what two models of these scores would share by accident.

    `p_value` is Fisher's exact, one-sided: so many shared errors or more, were the errors independent.
    `share` is the part of the teacher's errors that the student makes too, None when there are none.
    """

    observed: int
    expected: float
    excess: float
    share: float | None
    p_value: float


@dataclass(frozen=True, slots=True)
class Flips:
    """Outcomes of a pair on one task. `kappa` is Cohen's, on right and wrong; None when it has no meaning.

    `ties` counts samples in which either model had its best choices tied: their outcome hangs on the rule
    for ties, not on the models.
    """

    n: int
    both: int
    lost: int
    gained: int
    neither: int
    ties: int
    flip_rate: float
    agreement: float
    kappa: float | None
    shared_errors: SharedErrors


@dataclass(frozen=True, slots=True)
class NoiseFloor:
    """How often a model differs from itself, with the exact (Clopper-Pearson) interval of the rate."""

    n: int
    flips: int
    rate: float
    ci_low: float
    ci_high: float
    ci_level: float


@dataclass(frozen=True, slots=True)
class AboveNoise:
    """Flips of a pair against the noise floor; `p_value` is Fisher's exact, one-sided for more flips."""

    flip_rate: float
    noise_rate: float
    excess: float
    p_value: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """How often two models give the same answer, with Cohen's kappa over the answers.

    `same_wrong` counts samples on which both give one and the same wrong answer; None without gold answers.
    """

    n: int
    rate: float
    kappa: float | None
    same_wrong: int | None


def flips(samples: PairedSamples) -> Flips:
    """Count outcomes of right/wrong samples; other scores raise `BadInput`."""
    counts = samples.counts()
    n = samples.n
    if n == 0:
        raise BadInput("there are no samples to count")
    student, teacher = float(samples.student.mean()), float(samples.teacher.mean())
    agreement = (counts.both + counts.neither) / n
    return Flips(
        n=n,
        both=int(counts.both),
        lost=int(counts.lost),
        gained=int(counts.gained),
        neither=int(counts.neither),
        ties=0 if samples.ties is None else int(samples.ties.sum()),
        flip_rate=(counts.lost + counts.gained) / n,
        agreement=agreement,
        kappa=_kappa(agreement, np.array([student, 1 - student]), np.array([teacher, 1 - teacher])),
        shared_errors=_shared_errors(counts),
    )


def _kappa(observed: float, student: FloatArray, teacher: FloatArray) -> float | None:
    """Cohen's (1960) kappa from the agreement and both models' shares of each answer.

    None when both only ever give one and the same answer.
    """
    expected = float((student * teacher).sum())
    return None if expected >= 1.0 else (observed - expected) / (1.0 - expected)


def _shared_errors(counts: Counts) -> SharedErrors:
    """Compare shared errors with independence given both error counts."""
    n, both_wrong = int(counts.total), int(counts.neither)
    student, teacher = int(counts.lost + counts.neither), int(counts.gained + counts.neither)
    expected = student * teacher / n
    tail = float(stats.hypergeom.sf(both_wrong - 1, n, teacher, student))
    return SharedErrors(
        both_wrong,
        expected,
        both_wrong - expected,
        both_wrong / teacher if teacher else None,
        min(tail, 1.0),
    )


def noise_floor(run: PairedSamples, level: float = 0.95) -> NoiseFloor:
    """Flips of a model against itself: `run` pairs two runs of one model."""
    found = flips(run)
    return floor_of(found.lost + found.gained, found.n, level)


def floor_of(changed: int, n: int, level: float = 0.95) -> NoiseFloor:
    """The noise floor from counts: `changed` of `n` samples came out otherwise."""
    check_level(level)
    interval = stats.binomtest(changed, n).proportion_ci(level, "exact")
    return NoiseFloor(n, changed, changed / n, float(interval.low), float(interval.high), level)


def above_noise(pair: Flips, noise: NoiseFloor) -> AboveNoise:
    """Set a pair's flips beside the noise floor."""
    return flips_above(pair.lost + pair.gained, pair.n, noise)


def flips_above(changed: int, n: int, noise: NoiseFloor) -> AboveNoise:
    """The same from counts: `changed` of `n` samples have different outcomes."""
    table = [[changed, n - changed], [noise.flips, noise.n - noise.flips]]
    p_value = float(stats.fisher_exact(table, alternative="greater").pvalue)
    return AboveNoise(changed / n, noise.rate, changed / n - noise.rate, p_value)


def agreement(student: npt.ArrayLike, teacher: npt.ArrayLike, gold: npt.ArrayLike | None = None) -> Agreement:
    """Agreement of answers (choice numbers or texts), sample by sample in one order."""
    left, right = np.asarray(student), np.asarray(teacher)
    if left.shape != right.shape or left.ndim != 1 or len(left) == 0:
        raise BadInput("agreement needs two equally long lists of answers")
    same = left == right
    categories, codes = np.unique(np.concatenate([left, right]), return_inverse=True)
    shares = [np.bincount(half, minlength=len(categories)) / len(left) for half in np.split(codes, 2)]
    wrong = None if gold is None else int((same & (left != np.asarray(gold))).sum())
    return Agreement(len(left), float(same.mean()), _kappa(float(same.mean()), *shares), wrong)
