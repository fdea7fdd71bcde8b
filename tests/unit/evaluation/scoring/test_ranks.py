"""Ranks are ranges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.scoring.ranks import ranges_from_intervals, ranges_from_samples
from evaluation.scoring.values import BadInput, Estimate
from tests.unit.evaluation.scoring.samples import quick


def test_overlapping_intervals_share_their_places() -> None:
    bounds = [(0.9, 1.0), (0.85, 0.95), (0.5, 0.6)]
    found = ranges_from_intervals([Estimate((a + b) / 2, a, b, 0.95, "score") for a, b in bounds])
    assert found == ((1, 2), (1, 2), (3, 3))
    assert ranges_from_intervals([]) == ()


@quick
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 0.5)), min_size=1, max_size=12))
def test_every_range_holds_the_rank_of_the_value(points: list[tuple[float, float]]) -> None:
    estimates = [Estimate(value, value - half, value + half, 0.95, "score") for value, half in points]
    for place, one in zip(ranges_from_intervals(estimates), estimates, strict=True):
        ahead = sum(other.value > one.value for other in estimates)
        level = sum(other.value == one.value for other in estimates)
        assert 1 <= place.best <= ahead + level
        assert ahead + 1 <= place.worst <= len(points)


def test_paired_samples_tell_apart_what_intervals_cannot() -> None:
    rng = np.random.default_rng(0)
    hard = rng.random(400)
    scores = np.stack([hard < 0.70, hard < 0.65, hard < 0.65]).astype(float)
    scores[2] = np.roll(scores[1], 1)
    found = ranges_from_samples(scores, seed=1, resamples=2_000)
    assert found[0].best == 1
    assert found[1].best == 2
    assert found == ranges_from_samples(scores, seed=1, resamples=2_000)


def test_equal_models_may_take_any_place() -> None:
    scores = np.tile((np.arange(50) % 2).astype(float), (3, 1))
    assert ranges_from_samples(scores, seed=0, resamples=200) == ((1, 3),) * 3


def test_one_model_is_first() -> None:
    assert ranges_from_samples([[0.0, 1.0]], seed=0, resamples=10) == ((1, 1),)


@pytest.mark.parametrize("scores", [[1.0, 0.0], [[1.0]], [[1.0, float("nan")]]])
def test_what_is_no_table_is_refused(scores: list[object]) -> None:
    with pytest.raises(BadInput, match="table"):
        ranges_from_samples(scores, seed=0)  # type: ignore[arg-type]
