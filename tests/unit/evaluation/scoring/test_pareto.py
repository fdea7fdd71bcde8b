"""The Pareto front."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.scoring.pareto import Direction, Point, pareto
from evaluation.scoring.values import BadInput
from tests.unit.evaluation.scoring.samples import quick

AXES: dict[str, Direction] = {"retention": "maximize", "bytes": "minimize"}


def point(name: str, retention: float | None, size: float | None) -> Point:
    return Point(name, {"retention": retention, "bytes": size})


def test_dominated_models_say_by_whom() -> None:
    found = pareto(
        [point("a", 0.97, 10), point("b", 0.95, 20), point("c", 0.90, 5), point("d", 0.9, 5)], AXES
    )
    assert [one.on_front for one in found] == [True, False, True, True]
    assert found[1].dominated_by == ("a",)


def test_a_model_with_a_missing_value_is_neither_placed_nor_counted() -> None:
    found = pareto([point("a", None, 1), point("b", 0.5, 20)], AXES)
    assert [one.on_front for one in found] == [None, True]


@quick
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=15))
def test_some_model_is_always_on_the_front_and_beats_every_other(values: list[tuple[int, int]]) -> None:
    found = pareto([point(str(i), a, b) for i, (a, b) in enumerate(values)], AXES)
    front = {one.name for one in found if one.on_front}
    assert front
    assert all(front & set(one.dominated_by) for one in found if not one.on_front)


def test_bad_input_is_refused() -> None:
    with pytest.raises(BadInput, match="axis"):
        pareto([point("a", 1, 1)], {})
    with pytest.raises(BadInput, match="one name"):
        pareto([point("a", 1, 1), point("a", 2, 2)], AXES)
    with pytest.raises(BadInput, match="not a number"):
        pareto([point("a", float("nan"), 1)], AXES)
