"""Grades predictions against labels: accuracy, F1, Matthews, Spearman. Pure; checked against closed forms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats


class Graded(NamedTuple):
    """Metrics of one set of predictions, and a score per example: right or wrong, or for numbers the prediction."""

    metrics: dict[str, float]
    scores: list[float]


def grade(predictions: Sequence[float], golds: Sequence[float], labels: Sequence[str] | None) -> Graded:
    """Grades classes (``labels`` named) or numbers (``labels`` None).

    Classes: ``acc``, ``mcc``, and for two classes ``f1`` of class 1. Numbers: ``spearman`` and ``pearson``, 0.0 where
    all predictions are equal, as such predictions rank nothing.
    """
    if labels is None:
        return Graded(_correlations(predictions, golds), [float(value) for value in predictions])
    mine, theirs = np.asarray(predictions, dtype=int), np.asarray(golds, dtype=int)
    scores = [float(right) for right in mine == theirs]
    metrics = {
        "acc": float(np.mean(mine == theirs)),
        "mcc": matthews(mine.tolist(), theirs.tolist(), len(labels)),
    }
    if len(labels) == 2:
        hits = int(np.sum((mine == 1) & (theirs == 1)))
        named = int(np.sum(mine == 1) + np.sum(theirs == 1))
        metrics["f1"] = 2 * hits / named if named else 0.0
    return Graded(metrics, scores)


def matthews(predictions: Sequence[int], golds: Sequence[int], classes: int) -> float:
    """Matthews correlation in its form for many classes (Gorodkin 2004); 0.0 where a side has one class alone."""
    table = np.zeros((classes, classes))
    for gold, prediction in zip(golds, predictions, strict=True):
        table[gold, prediction] += 1
    total, right = table.sum(), np.trace(table)
    truth, said = table.sum(axis=1), table.sum(axis=0)
    spread = (total**2 - float(said @ said)) * (total**2 - float(truth @ truth))
    return float((right * total - said @ truth) / math.sqrt(spread)) if spread > 0 else 0.0


def _correlations(predictions: Sequence[float], golds: Sequence[float]) -> dict[str, float]:
    if len(set(predictions)) < 2 or len(set(golds)) < 2:
        return {"spearman": 0.0, "pearson": 0.0}
    return {
        "spearman": float(stats.spearmanr(predictions, golds).statistic),
        "pearson": float(stats.pearsonr(predictions, golds).statistic),
    }
