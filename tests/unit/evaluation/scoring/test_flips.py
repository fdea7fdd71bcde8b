"""Flips, agreement, shared errors and the noise floor."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from evaluation.scoring.flips import above_noise, agreement, flips, noise_floor
from evaluation.scoring.paired import PairedSamples
from evaluation.scoring.values import BadInput
from tests.unit.evaluation.scoring.samples import quick, right_wrong


def test_outcomes_and_kappa_by_hand() -> None:
    found = flips(right_wrong(20, 5, 10, 15))
    assert (found.both, found.lost, found.gained, found.neither, found.ties) == (20, 5, 10, 15, 0)
    assert found.flip_rate == pytest.approx(0.3)
    assert found.agreement == pytest.approx(0.7)
    # Cohen's own layout: both raters' shares of right are 0.6 and 0.5.
    assert found.kappa == pytest.approx((0.7 - 0.5) / 0.5)


def test_shared_errors_beyond_chance() -> None:
    shared = flips(right_wrong(60, 5, 5, 30)).shared_errors
    assert shared.observed == 30
    assert shared.expected == pytest.approx(35 * 35 / 100)
    assert shared.excess == pytest.approx(30 - 12.25)
    assert shared.share == pytest.approx(30 / 35)
    expected = stats.fisher_exact([[30, 5], [5, 60]], alternative="greater").pvalue
    assert shared.p_value == pytest.approx(expected)


@quick
@given(st.tuples(*[st.integers(0, 40)] * 4))
def test_swapping_the_models_swaps_lost_and_gained(cells: tuple[int, int, int, int]) -> None:
    assume(sum(cells) > 0)
    both, lost, gained, neither = cells
    forth, back = (
        flips(right_wrong(both, lost, gained, neither)),
        flips(right_wrong(both, gained, lost, neither)),
    )
    assert (forth.lost, forth.gained) == (back.gained, back.lost)
    assert forth.agreement == back.agreement
    if forth.kappa is None:
        assert back.kappa is None
    else:
        assert forth.kappa == pytest.approx(back.kappa)
    assert forth.shared_errors.p_value == pytest.approx(back.shared_errors.p_value)


def test_models_that_are_always_right_have_no_kappa_and_no_errors_to_share() -> None:
    found = flips(right_wrong(10, 0, 0, 0))
    assert found.kappa is None
    assert found.shared_errors.share is None
    assert found.shared_errors.p_value == 1.0


def test_ties_are_counted() -> None:
    samples = PairedSamples(np.array([1.0, 0.0]), np.array([1.0, 1.0]), ties=np.array([True, False]))
    assert flips(samples).ties == 1


def test_no_samples_are_refused() -> None:
    with pytest.raises(BadInput, match="no samples"):
        flips(PairedSamples.of_arrays([], []))


def test_the_noise_floor_has_the_exact_interval() -> None:
    floor = noise_floor(right_wrong(500, 2, 1, 497))
    expected = stats.binomtest(3, 1000).proportion_ci(0.95, "exact")
    assert (floor.flips, floor.rate) == (3, 0.003)
    assert (floor.ci_low, floor.ci_high) == pytest.approx((expected.low, expected.high))


def test_flips_are_set_against_the_noise() -> None:
    floor = noise_floor(right_wrong(500, 2, 1, 497))
    loud = above_noise(flips(right_wrong(400, 100, 50, 450)), floor)
    quiet = above_noise(flips(right_wrong(500, 1, 2, 497)), floor)
    assert loud.excess == pytest.approx(0.147)
    assert loud.p_value < 1e-6
    assert quiet.excess == 0.0
    assert quiet.p_value > 0.5


def test_agreement_over_answers() -> None:
    found = agreement([0, 1, 2, 3, 1], [0, 1, 1, 3, 0], [0, 0, 2, 3, 1])
    assert found.rate == pytest.approx(0.6)
    assert found.same_wrong == 1
    expected = (1 * 2 + 2 * 2 + 1 * 0 + 1 * 1) / 25
    assert found.kappa == pytest.approx((0.6 - expected) / (1 - expected))


def test_agreement_over_texts_needs_no_gold() -> None:
    found = agreement(["yes", "no"], ["yes", "no"])
    assert (found.rate, found.kappa, found.same_wrong) == (1.0, 1.0, None)
    assert agreement(["yes"], ["yes"]).kappa is None


def test_many_different_answers_need_little_memory() -> None:
    answers = [f"answer {i}" for i in range(20_000)]
    assert agreement(answers, answers).kappa == 1.0


@pytest.mark.parametrize(("left", "right"), [([1], [1, 2]), ([], [])])
def test_unequal_or_empty_answers_are_refused(left: list[int], right: list[int]) -> None:
    with pytest.raises(BadInput, match="equally long"):
        agreement(left, right)
