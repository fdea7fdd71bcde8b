"""Plain forms of results, and input that is refused."""

from __future__ import annotations

import enum
import json

import numpy as np
import pytest

from evaluation.scoring.values import BadInput, Estimate, Undefined, check_level, finite_array, plain


class Color(enum.Enum):
    RED = "red"


def test_an_estimate_keeps_its_field_names() -> None:
    found = plain(Estimate(0.9, 0.8, 1.0, 0.95, "score"))
    assert found == {
        "value": 0.9,
        "ci_low": 0.8,
        "ci_high": 1.0,
        "ci_level": 0.95,
        "method": "score",
        "resamples": 0,
        "dropped": 0,
    }


def test_an_undefined_number_becomes_its_code_and_message() -> None:
    found = plain(Undefined("teacher_at_chance", "why"))
    assert found == {"undefined": "teacher_at_chance", "message": "why"}


def test_containers_arrays_and_enumerations_become_json() -> None:
    value = {"a": (1, None, True), 2: np.array([1.5, 2.5]), "c": Color.RED, "d": np.float64(0.5)}
    assert json.loads(json.dumps(plain(value))) == {
        "a": [1, None, True],
        "2": [1.5, 2.5],
        "c": "red",
        "d": 0.5,
    }


@pytest.mark.parametrize("value", [float("nan"), float("inf"), np.float64("nan")])
def test_a_number_that_is_not_finite_is_refused(value: float) -> None:
    with pytest.raises(BadInput, match="not finite"):
        plain({"x": value})


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(TypeError, match="no plain form for object"):
        plain(object())


def test_a_class_is_no_result() -> None:
    with pytest.raises(TypeError, match="no plain form"):
        plain(Estimate)


@pytest.mark.parametrize("values", [[1.0, float("nan")], [float("inf")], [[1.0]]])
def test_arrays_with_nan_or_two_dimensions_are_refused(values: list[object]) -> None:
    with pytest.raises(BadInput, match="scores"):
        finite_array(values, "scores")  # type: ignore[arg-type]


@pytest.mark.parametrize("level", [0.0, 1.0, -0.5, 95.0, float("nan")])
def test_a_level_outside_zero_to_one_is_refused(level: float) -> None:
    with pytest.raises(BadInput, match="confidence level"):
        check_level(level)


def test_the_width_of_an_estimate_is_the_length_of_its_interval() -> None:
    assert Estimate(0.9, 0.8, 1.1, 0.95, "score").width == pytest.approx(0.3)
