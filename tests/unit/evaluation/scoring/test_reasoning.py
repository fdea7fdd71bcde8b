"""Sampled answers: pass@1, pass@k, maj@k, truncation."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from evaluation.scoring.reasoning import Draws, majority_score, pass_at_k, reasoning
from evaluation.scoring.values import BadInput, Estimate, Quantity, Undefined
from tests.unit.evaluation.scoring.samples import quick


def known(quantity: Quantity) -> Estimate:
    assert isinstance(quantity, Estimate), quantity
    return quantity


def code(quantity: Quantity) -> str:
    assert isinstance(quantity, Undefined), quantity
    return quantity.code


def table(items: int, draws: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.random((items, draws)) < rng.beta(1, 1, items)[:, None]


def test_pass_at_1_over_items_is_students_t_of_the_item_means() -> None:
    correct = table(40, 8)
    found = reasoning(Draws.of(correct, asked=8), k=4, most_truncated=0.1)
    expected = stats.ttest_1samp(correct.mean(axis=1), 0).confidence_interval(0.95)
    interval = known(found.pass_at_1)
    assert interval.value == pytest.approx(correct.mean())
    assert (interval.ci_low, interval.ci_high) == pytest.approx((expected.low, expected.high))
    # The items given, only the noise of drawing is left.
    assert known(found.pass_at_1_given_items).width < interval.width


@quick
@given(st.integers(0, 6), st.integers(1, 6))
def test_pass_at_k_is_the_share_of_subsets_with_a_right_answer(right: int, k: int) -> None:
    row = [True] * right + [False] * (6 - right)
    expected = np.mean([any(subset) for subset in itertools.combinations(row, k)])
    assert pass_at_k(np.array([row]), k)[0] == pytest.approx(expected)


def test_the_interval_given_the_items_covers_repeated_drawing() -> None:
    ease = np.random.default_rng(1).beta(1, 1, 30)
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(400):
        drawn = Draws.of(rng.random((30, 16)) < ease[:, None], asked=16)
        found = known(reasoning(drawn, k=1, most_truncated=1.0).pass_at_1_given_items)
        hits += found.ci_low <= ease.mean() <= found.ci_high
    assert 0.92 <= hits / 400 <= 0.98


def test_majority_shares_ties_and_ignores_draws_without_an_answer() -> None:
    assert majority_score(["4", "4", "5", None], "4") == 1.0
    assert majority_score(["4", "5", None, None], "5") == 0.5
    assert majority_score(["4", "5"], "6") == 0.0
    assert majority_score([None, None], "6") == 0.0


def test_maj_at_k_over_all_draws_and_over_subsets() -> None:
    answers = [["4", "4", "5"], ["1", "2", "2"]] * 15
    correct = [[a == "4" for a in answers[0]], [a == "1" for a in answers[1]]] * 15
    draws = Draws.of(correct, asked=3, answers=answers, gold=["4", "1"] * 15)
    assert known(reasoning(draws, k=3, most_truncated=1.0).maj_at_k).value == pytest.approx(0.5)
    one = known(reasoning(draws, k=1, most_truncated=1.0, seed=3).maj_at_k)
    assert one.value == pytest.approx(0.5, abs=0.03)
    assert one == known(reasoning(draws, k=1, most_truncated=1.0, seed=3).maj_at_k)


def test_a_score_past_the_set_truncation_is_refused_with_the_rate() -> None:
    cut = np.zeros((20, 4), dtype=bool)
    cut[:, 0] = True
    draws = Draws.of(table(20, 4), asked=4, truncated=cut, tokens=np.full((20, 4), 100))
    found = reasoning(draws, k=2, most_truncated=0.2)
    assert found.truncation_rate == 0.25
    assert {code(found.pass_at_1), code(found.pass_at_k), code(found.maj_at_k)} == {"not_measured"}
    assert isinstance(found.pass_at_1, Undefined)
    assert "25.0%" in found.pass_at_1.message
    assert (found.mean_tokens, found.median_tokens) == (100.0, 100.0)
    assert known(reasoning(draws, k=2, most_truncated=0.25).pass_at_1)


def test_without_answers_there_is_nothing_to_vote_with() -> None:
    found = reasoning(Draws.of(table(30, 4), asked=4), k=2, most_truncated=0.1)
    assert code(found.maj_at_k) == "not_measured"
    assert found.truncation_rate is found.mean_tokens is None


@pytest.mark.parametrize("right", [True, False])
def test_items_that_are_all_alike_get_the_exact_bound(right: bool) -> None:
    found = known(reasoning(Draws.of(np.full((30, 4), right), asked=4), k=1, most_truncated=0.1).pass_at_1)
    expected = stats.binomtest(30 if right else 0, 30).proportion_ci(0.95, "exact")
    assert (found.ci_low, found.ci_high) == pytest.approx((expected.low, expected.high))


def test_items_that_are_alike_in_between_have_an_unknown_spread() -> None:
    correct = np.tile([True, False], (30, 1))
    found = reasoning(Draws.of(correct, asked=2), k=1, most_truncated=0.1)
    assert code(found.pass_at_1) == "too_few_samples"


def test_few_items_or_one_draw_are_too_few() -> None:
    assert (
        code(reasoning(Draws.of(table(10, 4), asked=4), k=1, most_truncated=0.1).pass_at_1)
        == "too_few_samples"
    )
    single = reasoning(Draws.of(table(30, 1), asked=1), k=1, most_truncated=0.1)
    assert code(single.pass_at_1_given_items) == "too_few_samples"


@pytest.mark.parametrize(
    ("correct", "columns"),
    [
        ([[1, 0], [1]], {}),
        ([[1, 0, 1], [1, 0, 1]], {}),
        ([], {}),
        ([[1, 0]], {"truncated": [[1]]}),
        ([[1, 0]], {"tokens": [[1, float("nan")]]}),
        ([[1, 0]], {"answers": [["a"]]}),
        ([[1, 0]], {"answers": []}),
        ([[1, 0]], {"gold": []}),
    ],
)
def test_other_draws_than_asked_for_are_refused(correct: list[list[int]], columns: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        Draws.of(correct, asked=2, **columns)  # type: ignore[arg-type]


def test_k_beyond_the_draws_is_refused() -> None:
    with pytest.raises(BadInput, match="number of draws"):
        reasoning(Draws.of(table(30, 4), asked=4), k=5, most_truncated=0.1)
    with pytest.raises(BadInput, match="number of draws"):
        pass_at_k(table(30, 4), 0)
