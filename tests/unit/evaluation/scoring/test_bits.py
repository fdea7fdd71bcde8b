"""Rates of text: bits per byte and perplexity."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import pytest

from evaluation.scoring.bits import rate_difference, rate_effects, rate_score, rate_test
from evaluation.scoring.paired import PairedSamples
from evaluation.scoring.retention import Options
from evaluation.scoring.significance import permutation
from evaluation.scoring.values import BadInput, Estimate, Undefined
from tests.unit.evaluation.scoring.samples import fractions

OPTIONS = Options(resamples=4_000)


def documents(n: int, gap: float = 0.2, seed: int = 0) -> PairedSamples:
    """Documents of unlike length, about 2 bits per byte for the teacher and `gap` more for the student."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(200, 2_000, n).astype(float)
    teacher = sizes * rng.normal(2.0, 0.3, n)
    student = teacher + sizes * rng.normal(gap, 0.05, n)
    return PairedSamples(student, teacher, student_sizes=sizes, teacher_sizes=sizes)


def test_bits_per_byte_divides_sums() -> None:
    samples = documents(40)
    found = rate_difference(samples, "per_size", OPTIONS)
    assert isinstance(found, Estimate)
    assert samples.student_sizes is not None
    expected = (samples.student.sum() - samples.teacher.sum()) / samples.student_sizes.sum()
    assert found.value == pytest.approx(expected)
    assert found.ci_low < 0.2 < found.ci_high
    # The models are paired: the interval is far narrower than the spread of the documents would make it.
    assert found.width < 0.05


def test_perplexity_is_the_exponential_of_the_mean() -> None:
    sizes = np.array([10.0, 30.0])
    found = rate_score(np.array([-20.0, -90.0]), sizes, "perplexity")
    assert found.value == pytest.approx(math.exp(110 / 40))
    assert found.stderr is not None
    per = rate_score(np.array([-20.0, -90.0]), sizes, "per_size")
    assert per.stderr is not None
    assert found.stderr == pytest.approx(found.value * per.stderr)


def test_linearized_effects_predict_the_bootstrap() -> None:
    for kind, scale in (("per_size", 1.0), ("perplexity", -0.5)):
        base = documents(60)
        samples = PairedSamples(
            base.student * scale,
            base.teacher * scale,
            student_sizes=base.student_sizes,
            teacher_sizes=base.teacher_sizes,
        )
        found = rate_difference(samples, kind, OPTIONS)  # type: ignore[arg-type]
        assert isinstance(found, Estimate)
        stderr = math.sqrt((rate_effects(samples, kind) ** 2).sum())  # type: ignore[arg-type]
        assert found.width == pytest.approx(2 * 2.0 * stderr, rel=0.15)


def test_few_documents_are_too_few() -> None:
    found = rate_difference(documents(9), "per_size", OPTIONS)
    assert isinstance(found, Undefined)
    assert found.code == "too_few_samples"


def test_one_document_has_no_standard_error() -> None:
    assert rate_score(np.array([10.0]), np.array([5.0]), "per_size") == (2.0, None)


def test_a_rate_without_sizes_is_refused() -> None:
    with pytest.raises(BadInput, match="sizes"):
        rate_difference(fractions(30), "per_size", OPTIONS)


def p_of(samples: PairedSamples, kind: Literal["per_size", "perplexity"] = "per_size") -> float:
    return rate_test(samples, kind, 4_000, np.random.default_rng(1))


@pytest.mark.parametrize("kind", ["per_size", "perplexity"])
def test_a_clear_difference_of_rates_is_significant(kind: Literal["per_size", "perplexity"]) -> None:
    sign = 1 if kind == "per_size" else -1
    samples = documents(60, gap=0.5)
    given = PairedSamples(
        sign * samples.student,
        sign * samples.teacher,
        student_sizes=samples.student_sizes,
        teacher_sizes=samples.teacher_sizes,
    )
    assert p_of(given, kind) < 0.001


def test_equal_rates_are_not_and_p_is_level_under_no_difference() -> None:
    same = documents(60, gap=0.0)
    equal = PairedSamples(
        same.teacher, same.teacher, student_sizes=same.student_sizes, teacher_sizes=same.teacher_sizes
    )
    assert p_of(equal) == 1.0
    found = [p_of(documents(40, gap=0.0, seed=seed)) for seed in range(200)]
    assert 0.01 <= np.mean([p < 0.05 for p in found]) <= 0.10


def test_with_equal_sizes_it_is_the_permutation_test_of_the_differences() -> None:
    samples = documents(30, gap=0.01, seed=4)
    expected = permutation(samples.student - samples.teacher, 20_000, np.random.default_rng(2))
    found = rate_test(samples, "per_size", 20_000, np.random.default_rng(3))
    assert found == pytest.approx(expected, abs=0.02)
