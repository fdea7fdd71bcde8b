"""Grades: against closed forms and by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.runners.grades import grade, matthews

LABELS = ("no", "yes")


def test_two_classes_by_hand() -> None:
    graded = grade([1, 1, 0, 0, 1], [1, 0, 0, 1, 1], LABELS)
    assert graded.scores == [1, 0, 1, 0, 1]
    assert graded.metrics["acc"] == pytest.approx(3 / 5)
    assert graded.metrics["f1"] == pytest.approx(2 * 2 / (3 + 3))
    # (TP*TN - FP*FN) / sqrt(...) with TP 2, TN 1, FP 1, FN 1.
    assert graded.metrics["mcc"] == pytest.approx((2 * 1 - 1 * 1) / math.sqrt(3 * 3 * 2 * 2))


def test_always_the_same_class_knows_nothing() -> None:
    assert grade([1, 1, 1], [1, 0, 1], LABELS).metrics["mcc"] == 0.0
    assert grade([0, 0], [0, 0], LABELS).metrics["f1"] == 0.0


def test_numbers_are_ranked() -> None:
    metrics = grade([1.0, 2.0, 3.0, 10.0], [0.1, 0.2, 0.3, 0.4], None).metrics
    assert metrics["spearman"] == pytest.approx(1.0)
    assert metrics["pearson"] < 1.0
    assert grade([2.0, 2.0], [1.0, 3.0], None).metrics["spearman"] == 0.0


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=2, max_size=50))
def test_matthews_lies_between_minus_one_and_one_and_is_one_for_the_truth(
    pairs: list[tuple[int, int]],
) -> None:
    predictions, golds = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    assert -1 - 1e-9 <= matthews(predictions, golds, 3) <= 1 + 1e-9
    if len(set(golds)) > 1:
        assert matthews(golds, golds, 3) == pytest.approx(1.0)
