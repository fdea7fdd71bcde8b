"""Score intervals: published examples, SciPy, and what must hold for any counts."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from evaluation.scoring.score_interval import difference_bounds, ratio_bounds, score_statistic
from tests.unit.evaluation.scoring.samples import counts, quick

CELLS = st.tuples(*[st.integers(0, 60)] * 4).filter(lambda cells: sum(cells) >= 10)


def test_a_published_example_of_paired_proportions() -> None:
    # Airway hyper-responsiveness before and after stem cell transplantation (Fagerland, Lydersen and Laake,
    # BMC Medical Research Methodology 2013, 13:91, and Statistics in Medicine 2014, 33:2850):
    # 1 both, 7 after alone, 1 before alone, 12 neither.
    found = counts(1, 7, 1, 12)
    ratio, difference = ratio_bounds(found, 0.95), difference_bounds(found, 0.95)
    assert (round(ratio.low, 3), round(ratio.high, 3)) == (0.065, 0.907)
    assert (round(difference.low, 3), round(difference.high, 3)) == (-0.517, -0.026)


@quick
@given(CELLS)
def test_equality_is_tested_as_mcnemar_tests_it(cells: tuple[int, int, int, int]) -> None:
    _both, lost, gained, _neither = cells
    assume(lost + gained > 0)
    found = score_statistic(counts(*cells), counts(0.0, -1.0, 1.0, 0.0))
    if lost and gained:
        assert found == pytest.approx((lost - gained) ** 2 / (lost + gained), rel=1e-6, abs=1e-9)
    else:
        assert found == pytest.approx(lost + gained, rel=1e-6)


@quick
@given(st.integers(1, 200), st.integers(1, 200), st.floats(0.05, 0.95))
def test_a_single_proportion_is_tested_as_wilson_tests_it(right: int, wrong: int, chance: float) -> None:
    n = right + wrong
    found = score_statistic(counts(0, right, 0, wrong), counts(1 - chance, 1 - chance, -chance, -chance))
    expected = (right / n - chance) ** 2 * n / (chance * (1 - chance))
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-9)


@quick
@given(CELLS, st.sampled_from([0.0, 0.25, 0.5]), st.floats(0.5, 0.99))
def test_bounds_are_where_the_statistic_meets_its_quantile(
    cells: tuple[int, int, int, int], chance: float, level: float
) -> None:
    found = counts(*cells)
    teacher = (found.both + found.lost) / found.total - chance
    assume(teacher > 1e-9)
    estimate = ((found.both + found.gained) / found.total - chance) / teacher
    bounds = ratio_bounds(found, level, chance)
    assert bounds.low <= estimate + 1e-9
    assert bounds.high >= estimate - 1e-9
    limit = stats.chi2.ppf(level, 1)
    up, down = 1 - chance, chance
    for bound in bounds:
        if math.isfinite(bound) and bound != 0.0:
            contrast = counts(up - bound * up, -down - bound * up, up + bound * down, -down + bound * down)
            assert score_statistic(found, contrast) == pytest.approx(limit, rel=1e-4)


@quick
@given(CELLS)
def test_swapping_the_models_inverts_the_ratio(cells: tuple[int, int, int, int]) -> None:
    both, lost, gained, neither = cells
    assume(both + min(lost, gained) > 0)
    forth = ratio_bounds(counts(both, lost, gained, neither), 0.95)
    back = ratio_bounds(counts(both, gained, lost, neither), 0.95)
    assert forth.low == pytest.approx(1 / back.high, rel=1e-5)
    assert forth.high == pytest.approx(1 / back.low, rel=1e-5)


@quick
@given(CELLS)
def test_swapping_the_models_mirrors_the_difference(cells: tuple[int, int, int, int]) -> None:
    both, lost, gained, neither = cells
    forth = difference_bounds(counts(both, lost, gained, neither), 0.95)
    back = difference_bounds(counts(both, gained, lost, neither), 0.95)
    assert forth.low == pytest.approx(-back.high, abs=1e-8)
    assert forth.high == pytest.approx(-back.low, abs=1e-8)


@quick
@given(CELLS)
def test_a_higher_level_never_gives_a_shorter_interval(cells: tuple[int, int, int, int]) -> None:
    assume(cells[0] + cells[1] > 0)
    narrow, wide = ratio_bounds(counts(*cells), 0.8), ratio_bounds(counts(*cells), 0.99)
    assert wide.low <= narrow.low + 1e-9
    assert wide.high >= narrow.high - 1e-9


def test_more_samples_give_a_shorter_interval() -> None:
    widths = []
    for scale in (1, 4, 16):
        bounds = ratio_bounds(counts(*(scale * cell for cell in (60, 10, 5, 25))), 0.95)
        widths.append(bounds.high - bounds.low)
    assert widths[0] > 1.9 * widths[1] > 3.6 * widths[2]


def test_equal_models_still_get_an_interval_with_length() -> None:
    bounds = ratio_bounds(counts(100, 0, 0, 0), 0.95)
    # The lower end is the share that a hundred right answers leave open.
    assert bounds.low == pytest.approx(1 - 3.8415 / 103.8415, abs=1e-4)
    assert bounds.high == pytest.approx(1 / bounds.low, rel=1e-5)


def test_a_student_that_gets_nothing_right_has_zero_as_its_lower_end() -> None:
    bounds = ratio_bounds(counts(0, 80, 0, 20), 0.95)
    assert bounds.low == 0.0
    assert 0.0 < bounds.high < 0.1


def test_a_teacher_at_chance_leaves_the_ratio_unbounded() -> None:
    bounds = ratio_bounds(counts(30, 25, 20, 25), 0.95, 0.5)
    assert math.isinf(bounds.high) or math.isinf(bounds.low)


def test_a_difference_can_reach_its_extreme() -> None:
    assert difference_bounds(counts(0, 50, 0, 0), 0.95).low == -1.0
    assert difference_bounds(counts(0, 0, 50, 0), 0.95).high == 1.0


def test_a_contrast_that_no_probabilities_can_zero_is_infinitely_unlikely() -> None:
    assert score_statistic(counts(5, 5, 5, 5), counts(1.0, 1.0, 1.0, 0.0)) == math.inf
    assert score_statistic(counts(5, 5, 5, 5), counts(-1.0, -1.0, -1.0, 0.0)) == math.inf
    assert score_statistic(counts(5, 5, 5, 5), counts(1.0, -1.0, 1.0, -1.0)) == 0.0
