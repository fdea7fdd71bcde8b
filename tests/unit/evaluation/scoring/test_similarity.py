"""Linear CKA: invariances, the form with kernels, and unrelated features."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ortho_group

from evaluation.scoring.similarity import debiased_cka, layer_similarity, linear_cka
from evaluation.scoring.values import BadInput

RNG = np.random.default_rng(0)
FEATURES = RNG.normal(size=(60, 8))
OTHERS = FEATURES @ RNG.normal(size=(8, 5)) + 0.5 * RNG.normal(size=(60, 5))


def known(value: float | None) -> float:
    assert value is not None
    return value


def test_rotation_scale_and_shift_do_not_matter() -> None:
    turned = FEATURES @ ortho_group.rvs(8, random_state=1) * 3.0 + 7.0
    assert linear_cka(FEATURES, turned) == pytest.approx(1.0)
    assert debiased_cka(FEATURES, turned) == pytest.approx(1.0)
    assert linear_cka(turned, OTHERS) == pytest.approx(linear_cka(FEATURES, OTHERS))


def test_it_is_hsic_of_the_kernels_normalized() -> None:
    center = np.eye(60) - 1 / 60
    left, right = center @ FEATURES @ FEATURES.T @ center, center @ OTHERS @ OTHERS.T @ center
    expected = np.sum(left * right) / np.sqrt(np.sum(left**2) * np.sum(right**2))
    assert linear_cka(FEATURES, OTHERS) == pytest.approx(expected)


def test_the_debiased_form_is_the_published_estimator() -> None:
    def hsic(k: np.ndarray, m: np.ndarray) -> float:
        n = len(k)
        k, m = k - np.diag(np.diag(k)), m - np.diag(np.diag(m))
        one = np.ones(n)
        middle = (one @ k @ one) * (one @ m @ one) / ((n - 1) * (n - 2))
        return float((np.trace(k @ m) + middle - 2 / (n - 2) * (one @ k @ m @ one)) / (n * (n - 3)))

    k, m = FEATURES @ FEATURES.T, OTHERS @ OTHERS.T
    assert debiased_cka(FEATURES, OTHERS) == pytest.approx(hsic(k, m) / np.sqrt(hsic(k, k) * hsic(m, m)))


def test_wide_unrelated_features_look_alike_to_the_plain_form_only() -> None:
    left, right = RNG.normal(size=(30, 200)), RNG.normal(size=(30, 200))
    assert known(linear_cka(left, right)) > 0.7
    assert abs(known(debiased_cka(left, right))) < 0.2


def test_the_heat_map_finds_the_layer_that_was_copied() -> None:
    teacher = [RNG.normal(size=(50, 6)) for _ in range(4)]
    student = [teacher[1] @ ortho_group.rvs(6, random_state=2), teacher[3] * 2.0, np.ones((50, 3))]
    found = layer_similarity(student, teacher)
    assert found.closest == (1, 3, None)
    assert found.rows == 50
    assert found.cka[2] == (None,) * 4


def test_bad_tables_are_refused() -> None:
    with pytest.raises(BadInput, match="differ in rows"):
        linear_cka(FEATURES, OTHERS[:50])
    with pytest.raises(BadInput, match="finite table"):
        linear_cka([[1.0], [float("nan")]], [[1.0], [2.0]])
    with pytest.raises(BadInput, match="four rows"):
        debiased_cka(FEATURES[:3], OTHERS[:3])
    with pytest.raises(BadInput, match="a layer of each"):
        layer_similarity([], [FEATURES])
