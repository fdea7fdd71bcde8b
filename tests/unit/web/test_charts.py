"""Positions in the drawings: inside the picture, in order, and honest about what is cut off."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from zoo.web import charts, scatter

calm = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
finite = st.floats(0.0, 2.0, allow_nan=False)


def estimate(value: float, low: float, high: float) -> dict[str, float]:
    return {"value": value, "ci_low": low, "ci_high": high}


@calm
@example([0.5, 0.5 + 1e-300])
@example([0.0, 5e-324])
@given(st.lists(finite, min_size=1, max_size=8))
def test_an_axis_holds_all_its_values_in_steps_of_one_two_or_five(values: list[float]) -> None:
    low, high, step = charts.nice_range(values)
    assert low <= min(values) + 1e-9
    assert high >= max(values) - 1e-9
    assert step > 0
    assert (high - low) / step < 15


@calm
@given(st.lists(st.tuples(finite, finite, finite), min_size=1, max_size=6))
def test_every_mark_lies_inside_the_picture(triples: list[tuple[float, float, float]]) -> None:
    rows = [charts.DotRow("t", estimate(sorted(t)[1], sorted(t)[0], sorted(t)[2])) for t in triples]
    for mark in charts.dot_plot(rows).marks:
        assert mark.x is not None
        assert mark.low is not None
        assert mark.high is not None
        assert 0 <= mark.low <= mark.x <= mark.high <= 100


def test_an_interval_far_outside_is_cut_and_says_so() -> None:
    plot = charts.dot_plot([charts.DotRow("wide", estimate(0.9, -3.0, 5.0))])
    assert plot.marks[0].cut_low
    assert plot.marks[0].cut_high


def test_an_undefined_row_has_no_mark_but_keeps_its_reason() -> None:
    mark = charts.dot_plot([charts.DotRow("t", {"undefined": "teacher_at_chance"})]).marks[0]
    assert mark.x is None
    assert mark.text == "teacher not above chance"


def test_the_bar_of_the_teacher_itself_ends_at_the_teachers_line() -> None:
    drawn = charts.bar(estimate(1.0, 0.98, 1.02))
    assert drawn.end == drawn.teacher
    assert drawn.text == "100.0%, interval 98.0% to 102.0%"


def point(name: str, cost: float | None, value: float, front: bool | None = True) -> scatter.ScatterPoint:
    return scatter.ScatterPoint(
        name, f"/models/{name}/", "a/t", cost, estimate(value, value - 0.01, value + 0.01), front
    )


def test_the_front_is_a_step_line_through_the_front_alone() -> None:
    plot = scatter.scatter(
        [point("a/s", 1e6, 0.7), point("a/m", 1e7, 0.9), point("a/x", 2e7, 0.8, front=False)],
        scatter.AXES["parameters"],
    )
    first, second, _ = plot.marks
    assert plot.front == f"M{first.x} {first.y}H{second.x}V{second.y}H776.0"
    assert first.x < second.x
    assert first.y > second.y


def test_a_single_point_has_no_front_and_a_point_without_cost_is_named() -> None:
    plot = scatter.scatter([point("a/s", 1e6, 0.7), point("a/m", None, 0.9, None)], scatter.AXES["bytes"])
    assert plot.front == ""
    assert plot.left_out == ("a/m",)


@pytest.mark.parametrize(("low", "high"), [(1e6, 1e6), (3e6, 7e6), (1e6, 7e10), (0.002, 0.9)])
def test_a_log_axis_has_at_least_one_tick(low: float, high: float) -> None:
    assert scatter.log_ticks(low, high)


def test_the_specification_for_the_client_names_the_same_points() -> None:
    points = [point("a/s", 1e6, 0.7), point("a/m", None, 0.9, None)]
    spec = scatter.vega_lite(points, scatter.AXES["parameters"])
    assert [row["name"] for row in spec["data"]["values"]] == ["a/s"]
    assert spec["data"]["values"][0]["href"] == "/models/a/s/"
