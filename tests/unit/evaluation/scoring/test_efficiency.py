"""Size, speed, cost, and retention per unit of them."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.scoring.efficiency import (
    Efficiency,
    Footprint,
    Timing,
    cost_per_million,
    efficiency,
    per_unit,
    speed,
)
from evaluation.scoring.retention import Options
from evaluation.scoring.values import BadInput, Estimate, Undefined, plain

OPTIONS = Options(resamples=2_000)
RETENTION = Estimate(0.97, 0.95, 0.99, 0.95, "score")


def distilbert(**more: object) -> Efficiency:
    """The arithmetic of "40 % smaller, 60 % faster, 97 %" on made-up rounds."""
    rng = np.random.default_rng(0)
    timing = Timing.of(0.41 * rng.uniform(0.95, 1.05, 30), 0.656 * rng.uniform(0.95, 1.05, 30), 128)
    student = Footprint(66_000_000, 264_000_000, 300_000_000, 1e8, 0.5)
    teacher = Footprint(110_000_000, 440_000_000, 600_000_000, 2e8, 1.0)
    return efficiency(student, teacher, OPTIONS, latency=timing, decode=timing, retention=RETENTION, **more)  # type: ignore[arg-type]


def test_three_measured_numbers_in_place_of_a_slogan() -> None:
    found = distilbert()
    assert found.parameter_share == pytest.approx(0.6)
    assert found.latency is not None
    assert isinstance(found.latency.speed_up, Estimate)
    assert found.latency.speed_up.value == pytest.approx(1.6, rel=0.03)
    assert found.latency.speed_up.ci_low < found.latency.speed_up.value < found.latency.speed_up.ci_high
    shares = {one.resource: one.retention_per_unit for one in found.per_unit}
    assert isinstance(shares["parameters"], Estimate)
    assert shares["parameters"].value == pytest.approx(0.97 / 0.6)
    assert shares["parameters"].ci_low == pytest.approx(0.95 / 0.6)
    assert set(shares) == {"parameters", "weights", "memory", "compute", "energy"}


def test_cost_follows_from_throughput_and_price() -> None:
    found = distilbert(price_per_hour=3.6)
    assert found.decode is not None
    assert found.student_cost_per_million == pytest.approx(1000 / found.decode.student_units_per_second)
    assert found.cost_share is not None
    assert found.cost_share == pytest.approx(1 / 1.6, rel=0.03)
    assert "cost" in {one.resource for one in found.per_unit}
    assert cost_per_million(100.0, 3.6) == pytest.approx(10.0)


def test_what_was_not_measured_stays_unknown() -> None:
    found = efficiency(Footprint(5), Footprint(10), OPTIONS, price_per_hour=1.0)
    assert found.weight_share is found.memory_share is found.energy_share is found.cost_share is None
    assert found.latency is found.decode is None
    assert found.per_unit == ()
    assert plain(found)["parameter_share"] == 0.5


def test_an_undefined_retention_stays_undefined_per_unit() -> None:
    reason = Undefined("teacher_at_chance", "")
    assert per_unit(reason, 0.5) is reason


def test_percentiles_and_throughput() -> None:
    found = speed(Timing.of([1.0] * 19 + [3.0], [2.0] * 20, 10), OPTIONS)
    assert found.student == (1.0, pytest.approx(1.1))
    assert found.teacher_units_per_second == pytest.approx(5.0)
    assert found.student_units_per_second == pytest.approx(200 / 22)
    assert found.rounds == 20


def test_few_rounds_have_no_interval() -> None:
    found = speed(Timing.of([1.0, 1.1], [2.0, 2.1], 1), OPTIONS).speed_up
    assert isinstance(found, Undefined)
    assert found.code == "too_few_samples"


@pytest.mark.parametrize(
    ("student", "teacher", "units"),
    [([1.0], [1.0, 2.0], 1), ([], [], 1), ([0.0], [1.0], 1), ([1.0], [1.0], 0), ([float("nan")], [1.0], 1)],
)
def test_bad_timings_are_refused(student: list[float], teacher: list[float], units: float) -> None:
    with pytest.raises(BadInput):
        Timing.of(student, teacher, units)


def test_resources_and_prices_that_make_no_sense_are_refused() -> None:
    with pytest.raises(BadInput, match="throughput"):
        cost_per_million(0.0, 1.0)
    with pytest.raises(BadInput, match="share"):
        per_unit(RETENTION, 0.0)
    with pytest.raises(BadInput, match="resource"):
        efficiency(Footprint(5), Footprint(0), OPTIONS)
    with pytest.raises(BadInput, match="resource"):
        efficiency(Footprint(5, 5), Footprint(5, -5), OPTIONS)
