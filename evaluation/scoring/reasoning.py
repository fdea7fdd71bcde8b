"""Sampled answers: pass@1 over draws, pass@k, maj@k, trace length and truncation.

Every item has as many draws as the protocol asked for, or nothing is computed. The interval over items also
holds the noise of drawing; the interval over draws alone takes the items as given (AIME's thirty problems).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evaluation.scoring.bootstrap import generator
from evaluation.scoring.fieller import quantile
from evaluation.scoring.values import (
    BadInput,
    BoolArray,
    Estimate,
    FloatArray,
    Quantity,
    Undefined,
    check_level,
)

FEWEST_ITEMS = 20


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """Drawn answers, shape (items, draws). `answers` are the extracted ones, None where none was found.

    `tokens` counts generated tokens, `truncated` marks answers cut off at the length limit.
    """

    correct: BoolArray
    truncated: BoolArray | None = None
    tokens: FloatArray | None = None
    answers: tuple[tuple[str | None, ...], ...] | None = None
    gold: tuple[str, ...] | None = None

    @classmethod
    def of(
        cls,
        correct: npt.ArrayLike,
        *,
        asked: int,
        truncated: npt.ArrayLike | None = None,
        tokens: npt.ArrayLike | None = None,
        answers: Sequence[Sequence[str | None]] | None = None,
        gold: Sequence[str] | None = None,
    ) -> Draws:
        """Check shapes and that every item has the `asked` number of draws."""
        try:
            table = np.asarray(correct, dtype=np.bool_)
        except ValueError as error:
            raise BadInput("items have different numbers of draws") from error
        if table.ndim != 2 or table.shape[1] != asked or 0 in table.shape:
            raise BadInput(f"every item needs exactly the {asked} draws that were asked for")
        cut = None if truncated is None else np.asarray(truncated, dtype=np.bool_)
        lengths = None if tokens is None else np.asarray(tokens, dtype=np.float64)
        if any(other is not None and other.shape != table.shape for other in (cut, lengths)):
            raise BadInput("the columns of the draws differ in shape")
        if lengths is not None and not np.isfinite(lengths).all():
            raise BadInput("token counts hold values that are not finite")
        texts = None if answers is None else tuple(tuple(row) for row in answers)
        if texts is not None and (len(texts) != len(table) or any(len(row) != asked for row in texts)):
            raise BadInput("the columns of the draws differ in shape")
        if gold is not None and len(gold) != len(table):
            raise BadInput("gold answers and items differ in number")
        return cls(table, cut, lengths, texts, None if gold is None else tuple(gold))


@dataclass(frozen=True, slots=True)
class Reasoning:
    """Sampled answers of one model on one task. All of the scores are undefined past the set truncation."""

    items: int
    draws: int
    pass_at_1: Quantity
    pass_at_1_given_items: Quantity
    pass_at_k: Quantity
    maj_at_k: Quantity
    k: int
    truncation_rate: float | None
    mean_tokens: float | None
    median_tokens: float | None


def reasoning(
    draws: Draws, *, k: int, most_truncated: float, level: float = 0.95, seed: int = 0, subsets: int = 200
) -> Reasoning:
    """All numbers of one model. More than `most_truncated` of the answers cut off refuses the scores."""
    check_level(level)
    items, count = draws.correct.shape
    if not 1 <= k <= count:
        raise BadInput(f"k must lie between 1 and the number of draws, {count}")
    rate = None if draws.truncated is None else float(draws.truncated.mean())
    refused = None
    if rate is not None and rate > most_truncated:
        text = f"{rate:.1%} of the answers were cut off; a score is given up to {most_truncated:.1%}"
        refused = Undefined("not_measured", text)
    majority = Undefined("not_measured", "no extracted answers to vote with")
    return Reasoning(
        items=items,
        draws=count,
        pass_at_1=refused or _over_items(draws.correct.mean(axis=1), level),
        pass_at_1_given_items=refused or _over_draws(draws.correct, level),
        pass_at_k=refused or _over_items(pass_at_k(draws.correct, k), level),
        maj_at_k=refused or _majority(draws, k, level, seed, subsets) or majority,
        k=k,
        truncation_rate=rate,
        mean_tokens=None if draws.tokens is None else float(draws.tokens.mean()),
        median_tokens=None if draws.tokens is None else float(np.median(draws.tokens)),
    )


def pass_at_k(correct: BoolArray, k: int) -> FloatArray:
    """Unbiased chance, per item, that one of k draws is right: 1 - C(n-c, k) / C(n, k) (Chen et al. 2021)."""
    count = correct.shape[1]
    if not 1 <= k <= count:
        raise BadInput(f"k must lie between 1 and the number of draws, {count}")
    table = [1.0 - math.comb(count - right, k) / math.comb(count, k) for right in range(count + 1)]
    return np.asarray(np.array(table)[correct.sum(axis=1)], dtype=np.float64)


def majority_score(answers: Sequence[str | None], gold: str) -> float:
    """Whether the most frequent answer is right; ties are shared out, draws without an answer do not vote."""
    votes = Counter(answer for answer in answers if answer is not None)
    if not votes:
        return 0.0
    most = max(votes.values())
    leaders = [answer for answer, number in votes.items() if number == most]
    return 1.0 / len(leaders) if gold in leaders else 0.0


def _majority(draws: Draws, k: int, level: float, seed: int, subsets: int) -> Quantity | None:
    """maj@k over items; with k under n it is the mean over `subsets` random subsets, seeded."""
    if draws.answers is None or draws.gold is None:
        return None
    rng = generator(seed, "majority")
    count = draws.correct.shape[1]
    scores = []
    for answers, gold in zip(draws.answers, draws.gold, strict=True):
        if k == count:
            scores.append(majority_score(answers, gold))
            continue
        chosen = rng.permuted(np.tile(np.arange(count), (subsets, 1)), axis=1)[:, :k]
        votes = [majority_score([answers[i] for i in subset], gold) for subset in chosen.tolist()]
        scores.append(math.fsum(votes) / len(votes))
    return _over_items(np.array(scores), level)


def _over_items(scores: FloatArray, level: float) -> Quantity:
    """Mean over items with Student's t; items are the independent units."""
    n, value = len(scores), float(scores.mean())
    if n < FEWEST_ITEMS:
        return Undefined("too_few_samples", f"{n} items; at least {FEWEST_ITEMS} are needed")
    spread = float(scores.std(ddof=1))
    if spread == 0.0 and value in (0.0, 1.0):
        # Every item alike: the rule of three's exact form bounds the other side.
        edge = ((1.0 - level) / 2.0) ** (1.0 / n)
        low, high = (edge, 1.0) if value == 1.0 else (0.0, 1.0 - edge)
        return Estimate(value, low, high, level, "Clopper-Pearson over items")
    if spread == 0.0:
        return Undefined("too_few_samples", "no two items differ, so the spread is not known")
    reach = quantile(level, n - 1.0) * spread / math.sqrt(n)
    return Estimate(value, value - reach, value + reach, level, "Student's t over items")


def _over_draws(correct: BoolArray, level: float) -> Quantity:
    """Mean with the noise of drawing alone, the items being fixed."""
    items, count = correct.shape
    if count < 2:
        return Undefined("too_few_samples", "one draw an item shows no noise of drawing")
    variance = float(correct.var(axis=1, ddof=1).sum()) / count / items**2
    value = float(correct.mean())
    reach = quantile(level, items * (count - 1.0)) * math.sqrt(variance)
    return Estimate(value, value - reach, value + reach, level, "Student's t over draws, items given")
