"""Retention of one task in its three forms, its edges, and the verdict."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from evaluation.scoring.bootstrap import Resamples
from evaluation.scoring.paired import PairedSamples
from evaluation.scoring.retention import (
    NAMES,
    IntervalChoice,
    Options,
    difference_of,
    expanded_level,
    ratio_of,
    retention,
)
from evaluation.scoring.values import BadInput, Estimate, Quantity, Undefined
from evaluation.scoring.verdict import verdict
from tests.unit.evaluation.scoring.samples import clustered, fractions, quick, right_wrong

FAST = Options(resamples=500)


def known(quantity: Quantity) -> Estimate:
    assert isinstance(quantity, Estimate), quantity
    return quantity


def code(quantity: Quantity) -> str:
    assert isinstance(quantity, Undefined), quantity
    return quantity.code


@quick
@given(st.tuples(*[st.integers(0, 200)] * 4))
def test_a_right_wrong_task_has_the_ratio_of_its_counts(cells: tuple[int, int, int, int]) -> None:
    both, lost, gained, _neither = cells
    assume(sum(cells) >= 20 and both + lost > 0)
    found = retention(right_wrong(*cells), 0.0, FAST)
    ratio = known(found.ratio)
    assert ratio.value == pytest.approx((both + gained) / (both + lost))
    assert ratio.ci_low <= ratio.value + 1e-9
    assert ratio.value <= ratio.ci_high + 1e-9
    assert found.above_chance == ratio
    assert known(found.difference).value == pytest.approx((gained - lost) / sum(cells))
    assert ratio.method == NAMES["score"]


def test_retention_above_chance_takes_chance_off_both() -> None:
    found = retention(right_wrong(600, 200, 100, 100), 0.5, FAST)
    assert known(found.above_chance).value == pytest.approx((0.7 - 0.5) / (0.8 - 0.5))
    assert known(found.ratio).value == pytest.approx(0.7 / 0.8)


def test_a_teacher_within_noise_of_chance_leaves_the_difference_alone() -> None:
    found = retention(right_wrong(40, 15, 10, 35), 0.5, FAST)
    assert code(found.ratio) == code(found.above_chance) == "teacher_at_chance"
    assert known(found.difference).value == pytest.approx(-0.05)
    assert verdict(found.ratio, 0.95) == "undecided"


def test_a_teacher_below_chance_has_no_ratio() -> None:
    assert code(retention(right_wrong(10, 10, 30, 50), 0.5, FAST).ratio) == "teacher_at_chance"


def test_a_teacher_that_gets_nothing_right_has_no_ratio() -> None:
    for samples in (right_wrong(0, 0, 30, 20), PairedSamples.of_arrays(np.linspace(0, 1, 40), np.zeros(40))):
        found = retention(samples, 0.0, FAST)
        assert code(found.ratio) == "teacher_at_chance"
        assert known(found.difference).value > 0


def test_noisy_fractions_of_a_teacher_near_zero_have_no_ratio() -> None:
    teacher = np.zeros(40)
    teacher[0] = 0.5
    assert (
        code(retention(PairedSamples.of_arrays(np.full(40, 0.1), teacher), 0.0, FAST).ratio)
        == "teacher_at_chance"
    )


def test_unknown_chance_leaves_the_ratio_above_chance_open() -> None:
    found = retention(right_wrong(60, 20, 10, 10), None, FAST)
    assert known(found.ratio).value == pytest.approx(0.875)
    assert code(found.above_chance) == "not_measured"


def test_too_few_samples_are_said_to_be_so() -> None:
    found = retention(right_wrong(10, 5, 2, 2), 0.0, FAST)
    assert code(found.ratio) == code(found.difference) == "too_few_samples"
    assert code(retention(clustered(9, 10), 0.0, FAST).ratio) == "too_few_samples"
    assert code(retention(PairedSamples.of_arrays([], []), None, FAST).ratio) == "too_few_samples"


def test_equal_models_are_not_claimed_to_be_certainly_equal() -> None:
    ratio = known(retention(right_wrong(80, 0, 0, 20), 0.0, FAST).ratio)
    assert ratio.value == 1.0
    assert ratio.ci_low < 0.97
    assert ratio.ci_high > 1.03


def test_a_perfect_teacher_and_a_near_perfect_student() -> None:
    ratio = known(retention(right_wrong(99, 1, 0, 0), 0.0, FAST).ratio)
    assert ratio.value == pytest.approx(0.99)
    assert ratio.ci_low < 0.96 < ratio.value < ratio.ci_high


def test_equal_fractions_get_the_interval_of_the_widest_scores_with_their_means() -> None:
    scores = np.linspace(0.2, 0.8, 50)
    found = retention(PairedSamples.of_arrays(scores, scores), 0.0, FAST)
    ratio, difference = known(found.ratio), known(found.difference)
    assert (ratio.value, difference.value) == (1.0, 0.0)
    assert ratio.ci_low < 0.95
    assert difference.ci_low < 0.0 < difference.ci_high
    assert ratio.method == difference.method == NAMES["score"]


def test_equal_scores_without_bounds_have_an_unknown_spread() -> None:
    scores = np.linspace(2.0, 8.0, 50)
    found = retention(PairedSamples.of_arrays(scores, scores), 0.0, FAST)
    assert code(found.ratio) == code(found.difference) == "too_few_samples"


def test_fractions_and_clusters_get_fiellers_interval() -> None:
    for samples in (fractions(50), clustered(30, 5)):
        found = retention(samples, 0.0, FAST)
        assert known(found.ratio).method == NAMES["fieller"]
        assert known(found.difference).method == NAMES["fieller_difference"]


@pytest.mark.parametrize("choice", ["score", "fieller", "percentile", "bca"])
def test_methods_agree_where_samples_are_many(choice: IntervalChoice) -> None:
    samples = right_wrong(3000, 600, 400, 1000)
    options = Options(resamples=10_000, choice=choice)
    found = retention(samples, 0.5, options)
    automatic = retention(samples, 0.5, Options())
    for one, other in (
        (found.ratio, automatic.ratio),
        (found.above_chance, automatic.above_chance),
        (found.difference, automatic.difference),
    ):
        width = known(other).width
        assert known(one).ci_low == pytest.approx(known(other).ci_low, abs=0.05 * width)
        assert known(one).ci_high == pytest.approx(known(other).ci_high, abs=0.05 * width)


def test_the_score_interval_is_not_forced_on_fractions() -> None:
    assert known(ratio_of(fractions(50), 0.0, Options(choice="score"))).method == NAMES["fieller"]


def test_resamples_without_a_teacher_above_its_floor_are_counted() -> None:
    # The teacher is right in 6 of 100: about 0.2 % of the resamples hold none of them.
    ratio = known(
        ratio_of(right_wrong(3, 3, 2, 92), 0.0, Options(resamples=5_000, choice="percentile", seed=3))
    )
    assert 0 < ratio.dropped < 50
    assert ratio.resamples == 5_000


def test_too_many_such_resamples_make_the_ratio_undefined() -> None:
    found = ratio_of(right_wrong(1, 1, 2, 96), 0.0, Options(resamples=1_000, choice="percentile"))
    assert code(found) == "teacher_at_chance"


def test_a_ratio_asked_for_although_the_teacher_is_at_chance_has_no_bounds() -> None:
    assert code(ratio_of(right_wrong(30, 25, 20, 25), 0.5, FAST)) == "teacher_at_chance"


def test_resamples_already_drawn_are_used() -> None:
    drawn = Resamples(200, 9)
    options = Options(resamples=200, seed=9, name="task", choice="percentile")
    assert ratio_of(fractions(40), 0.0, options, drawn) == ratio_of(fractions(40), 0.0, options)
    assert difference_of(fractions(40), options, drawn) == difference_of(fractions(40), options)


@quick
@given(st.integers(0, 30), st.floats(0.2, 5.0))
def test_a_common_scale_of_both_models_does_not_change_the_ratio(seed: int, scale: float) -> None:
    samples = fractions(40, seed)
    scaled = PairedSamples.of_arrays(samples.student * scale, samples.teacher * scale)
    before, after = known(ratio_of(samples, 0.0, FAST)), known(ratio_of(scaled, 0.0, FAST))
    assert after.value == pytest.approx(before.value)
    assert after.ci_low == pytest.approx(before.ci_low)
    assert after.ci_high == pytest.approx(before.ci_high)


@quick
@given(st.integers(0, 60), st.integers(1, 40))
def test_a_student_that_loses_more_keeps_less(lost: int, more: int) -> None:
    before = known(retention(right_wrong(200 - lost, lost, 5, 40), 0.0, FAST).ratio)
    after = known(retention(right_wrong(200 - lost - more, lost + more, 5, 40), 0.0, FAST).ratio)
    assert after.value < before.value
    assert after.ci_low < before.ci_low
    assert after.ci_high < before.ci_high


def test_the_expanded_level_reaches_as_far_as_students_t() -> None:
    assert expanded_level(0.95, 1e9) == pytest.approx(0.95, abs=1e-6)
    assert expanded_level(0.95, 19) > 0.96


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.95, 1.0, "kept"),
        (0.96, 0.99, "kept"),
        (0.80, 0.949, "not_kept"),
        (0.90, 0.95, "undecided"),
        (0.9, 1.1, "undecided"),
    ],
)
def test_the_verdict_is_read_off_the_interval(low: float, high: float, expected: str) -> None:
    assert verdict(Estimate(0.95, low, high, 0.95, "score"), 0.95) == expected


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("teacher_at_chance", "undecided"),
        ("too_few_samples", "undecided"),
        ("not_a_ratio_metric", None),
        ("prompts_differ", None),
        ("not_measured", None),
    ],
)
def test_without_retention_the_verdict_is_open_or_absent(reason: str, expected: str | None) -> None:
    assert verdict(Undefined(reason, ""), 0.95) == expected  # type: ignore[arg-type]


def test_a_margin_outside_its_range_is_refused() -> None:
    with pytest.raises(BadInput, match="margin"):
        verdict(Estimate(1.0, 0.9, 1.1, 0.95, "score"), 95.0)


def test_a_level_outside_its_range_is_refused() -> None:
    with pytest.raises(BadInput, match="level"):
        retention(right_wrong(60, 20, 10, 10), 0.5, Options(level=95.0))
