"""Fidelity: divergences by closed form, intervals over documents, and speculative decoding."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.scoring.fidelity import (
    DocumentDivergences,
    divergences,
    expected_tokens,
    fidelity,
    speculation,
)
from evaluation.scoring.retention import Options
from evaluation.scoring.values import BadInput, Estimate, Undefined
from tests.unit.evaluation.scoring.samples import quick

OPTIONS = Options(resamples=1_000)


def logs(rows: list[list[float]]) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.log(np.array(rows))


def document(rng: np.random.Generator, positions: int) -> DocumentDivergences:
    teacher, student = rng.dirichlet(np.ones(6), positions), rng.dirichlet(np.ones(6), positions)
    mixed = 0.7 * teacher + 0.3 * student
    return divergences(np.log(teacher), np.log(mixed))


def test_divergences_by_hand() -> None:
    found = divergences(logs([[0.5, 0.5, 0.0]]), logs([[0.25, 0.75, 0.0]]))
    assert found.kl[0] == pytest.approx(0.5 * math.log(2) + 0.5 * math.log(2 / 3))
    assert found.kl_reverse[0] == pytest.approx(0.25 * math.log(1 / 2) + 0.75 * math.log(3 / 2))
    assert found.tv[0] == pytest.approx(0.25)
    left = 0.5 * math.log(0.5 / 0.375) + 0.5 * math.log(0.5 / 0.625)
    right = 0.25 * math.log(0.25 / 0.375) + 0.75 * math.log(0.75 / 0.625)
    assert found.js[0] == pytest.approx((left + right) / 2)
    assert found.top1[0] == 0.0


def test_an_infinite_divergence_is_refused() -> None:
    with pytest.raises(BadInput, match="kl"):
        divergences(logs([[0.5, 0.5]]), logs([[1.0, 0.0]]))


@quick
@given(st.integers(0, 1_000))
def test_divergences_keep_their_inequalities(seed: int) -> None:
    found = document(np.random.default_rng(seed), 20)
    # Pinsker: TV is at most the root of half the KL; JS is at most ln 2 times TV.
    assert (found.tv <= np.sqrt(found.kl / 2) + 1e-9).all()
    assert (found.tv <= np.sqrt(found.kl_reverse / 2) + 1e-9).all()
    assert (found.js <= math.log(2) * found.tv + 1e-9).all()


def test_means_are_over_positions_and_intervals_over_documents() -> None:
    rng = np.random.default_rng(0)
    documents = [document(rng, size) for size in rng.integers(5, 60, 30)]
    found = fidelity(documents, OPTIONS, cost_ratio=0.2, temperature=2.0)
    stacked = np.concatenate([one.kl for one in documents])
    assert (found.documents, found.positions, found.temperature) == (30, len(stacked), 2.0)
    assert isinstance(found.kl, Estimate)
    assert found.kl.value == pytest.approx(stacked.mean())
    assert found.kl.ci_low < found.kl.value < found.kl.ci_high
    assert found.kl_quantiles.p90 == pytest.approx(np.quantile(stacked, 0.9))
    assert isinstance(found.acceptance, Estimate)
    assert found.acceptance.value == pytest.approx(1 - np.concatenate([one.tv for one in documents]).mean())
    assert found.acceptance.ci_low < found.acceptance.value < found.acceptance.ci_high
    assert found.speculation.acceptance == pytest.approx(found.acceptance.value)


def test_equal_models_have_no_divergence() -> None:
    same = [divergences(logs([[0.5, 0.5]] * 4), logs([[0.5, 0.5]] * 4)) for _ in range(10)]
    found = fidelity(same, OPTIONS)
    assert isinstance(found.kl, Estimate)
    assert (found.kl.value, found.kl.ci_high) == (0.0, 0.0)
    assert isinstance(found.top1, Estimate)
    assert found.top1.value == 1.0


def test_few_documents_have_no_interval() -> None:
    found = fidelity([document(np.random.default_rng(0), 10)] * 3, OPTIONS)
    for quantity in (found.kl, found.acceptance):
        assert isinstance(quantity, Undefined)
        assert quantity.code == "too_few_samples"
        assert "the mean is" in quantity.message


@pytest.mark.parametrize(
    "columns",
    [
        {"tv": [1.5, 0.5]},
        {"kl": [-0.5, 0.5]},
        {"kl": [float("nan"), 0.5]},
        {"js": [0.1]},
        {"top1": []},
    ],
)
def test_columns_out_of_range_are_refused(columns: dict[str, list[float]]) -> None:
    good = {"kl": [0.1, 0.2], "kl_reverse": [0.1, 0.2], "js": [0.1, 0.2], "tv": [0.1, 0.2], "top1": [1, 0]}
    with pytest.raises(BadInput):
        DocumentDivergences.of(**{**good, **columns})  # type: ignore[arg-type]


def test_no_documents_and_unequal_shapes_are_refused() -> None:
    with pytest.raises(BadInput, match="at least one document"):
        fidelity([], OPTIONS)
    with pytest.raises(BadInput, match="shape"):
        divergences(logs([[0.5, 0.5]]), logs([[0.5, 0.5, 0.0]]))


@quick
@given(st.floats(0.0, 0.999), st.integers(0, 12))
def test_expected_tokens_is_the_geometric_sum(acceptance: float, drafted: int) -> None:
    assert expected_tokens(acceptance, drafted) == pytest.approx(
        sum(acceptance**i for i in range(drafted + 1))
    )


def test_perfect_acceptance_yields_every_drafted_token_and_one_more() -> None:
    assert expected_tokens(1.0, 4) == 5.0


def test_the_predicted_speed_up_is_that_of_leviathan_et_al() -> None:
    # Their table 1: acceptance 0.8, five drafted tokens, a draft that costs nothing: 3.69 tokens a step.
    found = speculation(0.8, 0.0, 5)
    assert found.tokens_per_step == pytest.approx(3.69, abs=0.005)
    assert found.speed_up == pytest.approx(found.tokens_per_step)
    slow = speculation(0.8, 0.1, 5)
    assert slow.speed_up == pytest.approx(3.689 / 1.5, abs=0.001)


def test_a_draft_that_is_no_faster_is_not_used() -> None:
    found = speculation(0.5, 1.0)
    assert (found.draft_tokens, found.speed_up) == (0, 1.0)


def test_the_best_number_of_drafted_tokens_is_found() -> None:
    best = speculation(0.8, 0.05)
    others = [speculation(0.8, 0.05, drafted).speed_up for drafted in range(17)]
    assert best.speed_up == max(one for one in others if one is not None)


def test_without_a_cost_there_is_no_speed_up() -> None:
    found = speculation(0.8, None)
    assert (found.draft_tokens, found.speed_up) == (4, None)
    assert speculation(0.8, None, 7).draft_tokens == 7


def test_impossible_acceptance_and_cost_are_refused() -> None:
    with pytest.raises(BadInput, match="acceptance"):
        expected_tokens(1.5, 4)
    with pytest.raises(BadInput, match="acceptance"):
        expected_tokens(0.5, -1)
    with pytest.raises(BadInput, match="cost"):
        speculation(0.5, -1.0)
