"""Scores of single models, of one task or a set, with standard error and interval."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

from evaluation.scoring.bits import rate_score
from evaluation.scoring.fieller import Stratum, moments, quantile
from evaluation.scoring.paired import ModelSamples, PairedSamples, usable_clusters
from evaluation.scoring.results import Aggregation, Score
from evaluation.scoring.values import BadInput

UNKNOWN = Score(None, None)


def task_score(
    samples: ModelSamples | None, aggregation: Aggregation, given: Score | None, level: float
) -> Score:
    """A model's score on one task, formed as the harness forms it."""
    if given is not None or samples is None or len(samples) == 0:
        return given or UNKNOWN
    if aggregation == "given":
        return UNKNOWN
    if aggregation == "mean":
        return _mean_score(samples, level)
    if samples.sizes is None:
        raise BadInput("a rate needs the sizes of its documents")
    value, stderr = rate_score(samples.values, samples.sizes, aggregation)
    if stderr is None:
        return Score(value, None)
    reach = quantile(level, len(samples) - 1.0) * stderr
    return Score(value, stderr, value - reach, value + reach)


def _mean_score(samples: ModelSamples, level: float) -> Score:
    """Mean with s / sqrt(n), as the harness has it, and an interval that respects clusters."""
    n, value = len(samples), float(samples.values.mean())
    split = None if samples.tie_split is None else float(samples.tie_split.mean())
    if n < 2:
        return Score(value, None, tie_split=split)
    stderr = float(samples.values.std(ddof=1)) / math.sqrt(n)
    clusters = usable_clusters(samples.clusters)
    if clusters is None and bool(np.isin(samples.values, (0.0, 1.0)).all()):
        wilson = stats.binomtest(round(value * n), n).proportion_ci(level, "wilson")
        return Score(value, stderr, float(wilson.low), float(wilson.high), split)
    alone = PairedSamples(samples.values, samples.values, clusters=clusters)
    found = moments([Stratum(alone)])
    reach = quantile(level, alone.units - 1.0) * math.sqrt(found.student_variance)
    return Score(value, stderr, value - reach, value + reach, split)


def set_scores(strata: Sequence[Stratum], level: float) -> tuple[Score, Score]:
    """Scores of student and teacher on a set of tasks: weighted means with Student's t intervals."""
    if not strata:
        return UNKNOWN, UNKNOWN
    found = moments([Stratum(stratum.samples, stratum.weight) for stratum in strata])
    pairs = ((found.student, found.student_variance), (found.teacher, found.teacher_variance))
    if any(stratum.samples.units < 2 for stratum in strata):
        return Score(found.student, None), Score(found.teacher, None)
    reach = quantile(level, found.degrees)
    student, teacher = (
        Score(value, spread, value - reach * spread, value + reach * spread)
        for value, spread in ((value, math.sqrt(variance)) for value, variance in pairs)
    )
    return student, teacher
