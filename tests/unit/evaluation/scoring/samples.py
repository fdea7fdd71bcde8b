"""Makers of paired samples for the tests of scoring."""

from __future__ import annotations

import numpy as np
from hypothesis import settings

from evaluation.scoring.paired import Counts, ModelSamples, PairedSamples

quick = settings(max_examples=40, deadline=None)
"""Property tests here are numeric and steady; a busy machine must not fail them."""


def right_wrong(both: int, lost: int, gained: int, neither: int) -> PairedSamples:
    """Pairs with the given outcome counts."""
    counts = [both, lost, gained, neither]
    return PairedSamples.of_arrays(np.repeat([1.0, 0, 1, 0], counts), np.repeat([1.0, 1, 0, 0], counts))


def counts(both: float, lost: float, gained: float, neither: float) -> Counts:
    """Outcome counts."""
    return Counts(both, lost, gained, neither)


def fractions(n: int, seed: int = 0, shift: float = 0.0) -> PairedSamples:
    """Correlated scores between 0 and 1, all different."""
    rng = np.random.default_rng(seed)
    teacher = rng.beta(4, 2, n)
    student = np.clip(teacher * rng.uniform(0.7, 1.1, n) + shift, 0.0, 1.0)
    return PairedSamples.of_arrays(student, teacher)


def clustered(groups: int, size: int, seed: int = 0) -> PairedSamples:
    """Right/wrong pairs in clusters of like difficulty."""
    rng = np.random.default_rng(seed)
    ease = np.repeat(rng.beta(4, 2, groups), size)
    teacher = (rng.random(groups * size) < ease).astype(float)
    student = (rng.random(groups * size) < ease * 0.9).astype(float)
    return PairedSamples.of_arrays(student, teacher, np.repeat(np.arange(groups), size).tolist())


def model(values: list[float] | np.ndarray, prefix: str = "doc", **columns: object) -> ModelSamples:
    """Samples of one model on documents numbered from 0."""
    docs = [f"{prefix}{index}" for index in range(len(values))]
    return ModelSamples.of(docs, ["prompt"] * len(values), values, **columns)  # type: ignore[arg-type]
