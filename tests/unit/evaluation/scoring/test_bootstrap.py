"""The bootstrap: SciPy's intervals, the multinomial shortcut, seeds, and bounded blocks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from evaluation.scoring import bootstrap
from evaluation.scoring.bootstrap import (
    Resamples,
    bca_bounds,
    generator,
    percentile_bounds,
    resample_means,
    resample_sums,
)
from evaluation.scoring.fieller import Stratum, influences
from evaluation.scoring.paired import PairedSamples
from evaluation.scoring.values import BadInput
from tests.unit.evaluation.scoring.samples import clustered, fractions, right_wrong


def ratio(student: np.ndarray, teacher: np.ndarray, axis: int = -1) -> np.ndarray:
    return student.mean(axis=axis) / teacher.mean(axis=axis)


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_intervals_agree_with_scipys_paired_bootstrap(method: str) -> None:
    samples = fractions(60, 3)
    theirs = stats.bootstrap(
        (samples.student, samples.teacher),
        ratio,
        paired=True,
        vectorized=True,
        n_resamples=20_000,
        method="percentile" if method == "percentile" else "BCa",
        rng=np.random.default_rng(1),
    ).confidence_interval
    means = resample_means(samples, 20_000, generator(2, "task"))
    values = means[0] / means[1]
    estimate = float(ratio(samples.student, samples.teacher))
    left, right = influences([Stratum(samples)])[0]
    effects = (left - estimate * right) / samples.teacher.mean()
    ours = (
        percentile_bounds(values, 0.95)
        if method == "percentile"
        else bca_bounds(values, estimate, effects, 0.95)
    )
    width = theirs.high - theirs.low
    assert ours.low == pytest.approx(theirs.low, abs=0.02 * width)
    assert ours.high == pytest.approx(theirs.high, abs=0.02 * width)


def test_outcome_cells_and_single_samples_have_the_same_distribution() -> None:
    samples = right_wrong(50, 20, 10, 20)
    short = resample_means(samples, 20_000, generator(1, "a"))
    units = np.stack([samples.student, samples.teacher, np.ones(samples.n)], axis=1)
    jitter = units + np.arange(100)[:, None] * [1e-9, 1e-9, 0.0]
    long = resample_sums(jitter, 20_000, generator(1, "b")) / 100
    assert np.cov(short) == pytest.approx(np.cov(long[:2]), rel=0.05)
    assert short.mean(axis=1) == pytest.approx(long[:2].mean(axis=1), abs=2e-3)


def test_clusters_are_resampled_whole() -> None:
    samples = PairedSamples.of_arrays([1, 1, 0, 0], [1, 1, 1, 0], ["a", "a", "b", "b"])
    means = resample_means(samples, 500, generator(0, "t"))
    assert set(means[0].tolist()) == {0.0, 0.5, 1.0}


def test_clusters_of_unlike_size_weigh_by_their_samples() -> None:
    samples = PairedSamples.of_arrays([1, 1, 1, 0], [1, 1, 1, 1], ["a", "a", "a", "b"])
    means = resample_means(samples, 500, generator(0, "t"))
    assert set(means[0].tolist()) == {0.0, 0.75, 1.0}
    assert means[1].tolist() == [1.0] * 500


@pytest.mark.parametrize("samples", [right_wrong(5, 4, 3, 2), fractions(200), clustered(80, 7)])
def test_the_same_seed_gives_the_same_bytes(samples: PairedSamples) -> None:
    first, again = (resample_means(samples, 300, generator(5, "task")).tobytes() for _ in range(2))
    other = resample_means(samples, 300, generator(6, "task")).tobytes()
    assert first == again != other


def test_blocks_of_any_size_give_sums_of_the_same_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "_BLOCK", 1_000)
    units = np.column_stack(
        [np.arange(100.0), np.arange(100.0) ** 2, np.full(100, 2.0), np.arange(100.0) * 3]
    )
    sums = resample_sums(units, 777, generator(0, "t"))
    assert sums.shape == (4, 777)
    assert sums[2].tolist() == [200.0] * 777
    assert sums[3] == pytest.approx(3 * sums[0])
    assert sums[0].mean() == pytest.approx(4950, rel=0.02)


def test_resamples_are_drawn_once_for_each_task() -> None:
    drawn = Resamples(50, 1)
    samples = right_wrong(5, 4, 3, 2)
    assert drawn.means("a", samples) is drawn.means("a", samples)
    assert not np.array_equal(drawn.means("a", samples), drawn.means("b", samples))


def test_bca_falls_back_where_the_resamples_do_not_vary() -> None:
    values = np.ones(100)
    assert bca_bounds(values, 1.0, np.zeros(10), 0.95) == (1.0, 1.0)
    assert bca_bounds(np.arange(100.0), -1.0, np.arange(10.0), 0.9) == percentile_bounds(
        np.arange(100.0), 0.9
    )


def test_nothing_to_resample_is_refused() -> None:
    with pytest.raises(BadInput, match="needs samples"):
        resample_means(PairedSamples.of_arrays([], []), 10, generator(0, "t"))
    with pytest.raises(BadInput, match="needs samples"):
        resample_sums(np.ones((3, 2)), 0, generator(0, "t"))
