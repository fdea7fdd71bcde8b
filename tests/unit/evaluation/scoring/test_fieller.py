"""Moments of sets of tasks and Fieller's interval."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from evaluation.scoring.fieller import (
    Stratum,
    difference_bounds,
    influences,
    moments,
    normalized,
    quantile,
    ratio_bounds,
    unit_sums,
    with_tails,
)
from evaluation.scoring.paired import PairedSamples
from evaluation.scoring.values import BadInput
from tests.unit.evaluation.scoring.samples import clustered, fractions, quick


def test_moments_of_one_task_are_the_usual_ones() -> None:
    samples = fractions(40)
    found = moments([Stratum(samples, 3.0, 0.1)])
    covariance = np.cov(samples.student, samples.teacher) / 40
    assert found.student == pytest.approx(samples.student.mean() - 0.1)
    assert found.teacher == pytest.approx(samples.teacher.mean() - 0.1)
    assert found.student_variance == pytest.approx(covariance[0, 0])
    assert found.teacher_variance == pytest.approx(covariance[1, 1])
    assert found.covariance == pytest.approx(covariance[0, 1])
    assert found.degrees == pytest.approx(39)


def test_the_difference_has_students_t_interval() -> None:
    samples = fractions(30)
    bounds = difference_bounds(moments([Stratum(samples)]), 0.9)
    expected = stats.ttest_rel(samples.student, samples.teacher).confidence_interval(0.9)
    assert bounds == pytest.approx((expected.low, expected.high))


def test_two_tasks_have_satterthwaites_degrees_of_freedom() -> None:
    one, other = fractions(20, 1), fractions(50, 2)
    zero = [PairedSamples.of_arrays(np.zeros(s.n), s.teacher) for s in (one, other)]
    found = moments([Stratum(zero[0], 0.5), Stratum(zero[1], 0.5)])
    first, second = (s.teacher.var(ddof=1) / s.n for s in (one, other))
    expected = (first + second) ** 2 / (first**2 / 19 + second**2 / 49)
    assert found.degrees == pytest.approx(expected)
    assert found.teacher == pytest.approx((one.teacher.mean() + other.teacher.mean()) / 2)


def test_clusters_of_one_are_no_clusters() -> None:
    plain = fractions(25)
    single = PairedSamples.of_arrays(plain.student, plain.teacher, list(range(25)))
    assert moments([Stratum(single)]) == pytest.approx(moments([Stratum(plain)]))


def test_repeating_each_sample_within_a_cluster_adds_no_information() -> None:
    plain = fractions(25)
    repeated = PairedSamples.of_arrays(
        np.repeat(plain.student, 4), np.repeat(plain.teacher, 4), np.repeat(np.arange(25), 4).tolist()
    )
    once, often = moments([Stratum(plain)]), moments([Stratum(repeated)])
    assert often.student_variance == pytest.approx(once.student_variance)
    assert often.degrees == pytest.approx(once.degrees)


def test_unit_sums_add_up_within_clusters() -> None:
    student, teacher, sizes = unit_sums(clustered(6, 5))
    assert sizes.tolist() == [5.0] * 6
    assert student.sum() == clustered(6, 5).student.sum()
    assert teacher.sum() == clustered(6, 5).teacher.sum()


@quick
@given(st.floats(0.1, 10.0), st.integers(0, 50))
def test_scaling_the_students_scores_scales_the_ratio(scale: float, seed: int) -> None:
    samples = fractions(40, seed)
    scaled = PairedSamples.of_arrays(samples.student * scale, samples.teacher)
    before = ratio_bounds(moments([Stratum(samples)]), 0.95)
    # The degrees of freedom of one task do not depend on the scale.
    after = ratio_bounds(moments([Stratum(scaled)]), 0.95)
    assert after == pytest.approx((before.low * scale, before.high * scale))


@quick
@given(st.integers(0, 50), st.floats(0.5, 0.99))
def test_fiellers_ends_are_where_the_contrast_meets_its_quantile(seed: int, level: float) -> None:
    found = moments([Stratum(fractions(30, seed))])
    for bound in ratio_bounds(found, level):
        reach = quantile(level, found.degrees) * math.sqrt(found.contrast_variance(bound))
        assert abs(found.student - bound * found.teacher) == pytest.approx(reach, rel=1e-6)


def test_a_few_outlying_items_leave_fewer_degrees_of_freedom() -> None:
    even = PairedSamples.of_arrays([0.4, 0.6] * 15, [0.5] * 30)
    assert with_tails(moments([Stratum(even)]), Stratum(even), 1.0).degrees == pytest.approx(29)
    rare = PairedSamples.of_arrays([0.0] + [0.99, 1.0] * 15, [1.0] * 31)
    found = with_tails(moments([Stratum(rare)]), Stratum(rare), 1.0)
    effects = np.array(rare.student) - np.mean(rare.student)
    kurtosis = stats.kurtosis(effects, fisher=False)
    assert found.degrees == pytest.approx(2 * 31 / (kurtosis - 1))
    assert found.degrees < 3


def test_a_teacher_that_is_not_above_zero_leaves_the_ratio_open() -> None:
    noisy = PairedSamples.of_arrays([1, 0, 1, 0], [0.1, -0.1, 0.1, -0.1])
    negative = PairedSamples.of_arrays([1, 2, 1, 2], [-5, -5.1, -5.2, -5])
    for samples in (noisy, negative):
        assert ratio_bounds(moments([Stratum(samples)]), 0.95) == (-math.inf, math.inf)


def test_influences_sum_to_zero_within_a_task() -> None:
    for left, right in influences([Stratum(fractions(10)), Stratum(clustered(5, 3), 2.0)]):
        assert left.sum() == pytest.approx(0.0, abs=1e-12)
        assert right.sum() == pytest.approx(0.0, abs=1e-12)


def test_equal_models_have_a_difference_without_variance() -> None:
    samples = PairedSamples.of_arrays([0.5, 0.7, 0.9], [0.5, 0.7, 0.9])
    found = moments([Stratum(samples)])
    assert found.contrast_variance(1.0) == pytest.approx(0.0, abs=1e-15)
    assert found.degrees == 2.0


def test_weights_are_normalized_and_must_be_positive() -> None:
    strata = normalized([Stratum(fractions(5), 1.0), Stratum(fractions(5), 3.0)])
    assert [stratum.weight for stratum in strata] == [0.25, 0.75]
    with pytest.raises(BadInput, match="positive weights"):
        normalized([Stratum(fractions(5), 0.0)])
    with pytest.raises(BadInput, match="at least one task"):
        normalized([])
