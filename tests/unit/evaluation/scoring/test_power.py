"""How many samples would settle a verdict."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from evaluation.scoring.paired import PairedSamples
from evaluation.scoring.power import samples_to_settle
from evaluation.scoring.retention import Options, retention
from evaluation.scoring.values import BadInput
from evaluation.scoring.verdict import verdict
from tests.unit.evaluation.scoring.samples import right_wrong


def test_the_number_by_hand() -> None:
    samples = right_wrong(60, 10, 10, 20)
    found = samples_to_settle(samples, 0.95)
    contrast = samples.student - 0.95 * samples.teacher
    reach = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    assert found.samples == int(np.ceil((reach * contrast.std(ddof=1) / contrast.mean()) ** 2))
    assert found.towards == "kept"


def test_so_many_samples_settle_it_about_as_often_as_promised() -> None:
    cells = np.array([0.62, 0.08, 0.08, 0.22])
    pilot = right_wrong(*(cells * 1_000).astype(int))
    needed = samples_to_settle(pilot, 0.95).samples
    assert needed is not None
    rng = np.random.default_rng(4)
    settled = 0
    for _ in range(200):
        drawn = right_wrong(*rng.multinomial(needed, cells))
        settled += verdict(retention(drawn, 0.0, Options(resamples=1)).ratio, 0.95) == "kept"
    assert 0.72 <= settled / 200 <= 0.88


def test_a_student_below_the_margin_moves_towards_not_kept() -> None:
    assert samples_to_settle(right_wrong(60, 20, 5, 15), 0.95).towards == "not_kept"


def test_on_the_margin_no_number_will_do() -> None:
    assert samples_to_settle(right_wrong(19, 1, 0, 0), 0.95).samples is None


def test_one_sample_is_nothing_to_plan_from() -> None:
    with pytest.raises(BadInput, match="two samples"):
        samples_to_settle(PairedSamples.of_arrays([1], [1]), 0.95)
