"""Tests of a difference, against SciPy and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from evaluation.scoring import significance
from evaluation.scoring.bootstrap import generator
from evaluation.scoring.significance import holm, mcnemar, paired_test, permutation, unit_differences
from evaluation.scoring.values import BadInput
from tests.unit.evaluation.scoring.samples import clustered, counts, fractions, quick, right_wrong


@quick
@given(st.integers(0, 80), st.integers(0, 80))
def test_mcnemar_is_the_binomial_test_of_the_discordant_samples(lost: int, gained: int) -> None:
    found = mcnemar(counts(10, lost, gained, 3))
    expected = stats.binomtest(lost, lost + gained).pvalue if lost + gained else 1.0
    assert found == pytest.approx(expected)
    assert found == mcnemar(counts(99, gained, lost, 0))


def test_few_differences_are_permuted_exactly_as_scipy_does() -> None:
    differences = np.array([0.3, -0.1, 0.4, 0.25, 0.0, -0.05, 0.6, 0.1])
    theirs = stats.permutation_test(
        (differences,), np.sum, permutation_type="samples", n_resamples=np.inf, alternative="two-sided"
    )
    assert permutation(differences, 100, generator(0, "t")) == pytest.approx(theirs.pvalue)


def test_many_differences_are_sampled() -> None:
    differences = np.random.default_rng(0).normal(0.15, 1.0, 200)
    found = permutation(differences, 20_000, generator(0, "t"))
    assert found == pytest.approx(stats.ttest_1samp(differences, 0.0).pvalue, abs=0.01)
    assert found == permutation(differences, 20_000, generator(0, "t"))


def test_a_sampled_p_value_is_never_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(significance, "_BLOCK", 1_000)
    assert permutation(np.ones(100), 99, generator(0, "t")) == 0.01


def test_no_difference_has_p_value_one() -> None:
    assert permutation(np.zeros(50), 10, generator(0, "t")) == 1.0
    assert mcnemar(counts(5, 0, 0, 5)) == 1.0


def test_right_and_wrong_alone_gets_mcnemar_and_all_else_permutation() -> None:
    assert paired_test(right_wrong(5, 9, 1, 5), 100, 0, "t").name == "mcnemar_exact"
    assert paired_test(fractions(30), 100, 0, "t").name == "paired_permutation"
    assert paired_test(clustered(20, 3), 100, 0, "t").name == "paired_permutation"


def test_differences_are_summed_within_clusters() -> None:
    samples = clustered(8, 4)
    assert len(unit_differences(samples)) == 8
    assert unit_differences(samples).sum() == pytest.approx((samples.student - samples.teacher).sum())


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([0.9, 0.8]) == (1.0, 1.0)
    assert holm([]) == ()


@quick
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_lies_between_raw_and_bonferroni_and_keeps_the_order(values: list[float]) -> None:
    adjusted = holm(values)
    for raw, one in zip(values, adjusted, strict=True):
        assert raw - 1e-12 <= one <= min(1.0, raw * len(values)) + 1e-12
    order = np.argsort(values, kind="stable")
    assert (np.diff(np.array(adjusted)[order]) >= 0).all()


def test_p_values_outside_zero_to_one_are_refused() -> None:
    with pytest.raises(BadInput, match="between 0 and 1"):
        holm([0.5, 1.2])
    with pytest.raises(BadInput, match="between 0 and 1"):
        holm([float("nan")])
