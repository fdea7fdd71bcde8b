"""Sets of tasks: ratio of means, mean of ratios, and what happens at their edges."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.scoring.aggregate import Member, mean_of_ratios, over_members, set_retention
from evaluation.scoring.bootstrap import Resamples
from evaluation.scoring.paired import PairedSamples
from evaluation.scoring.retention import NAMES, Options, retention
from evaluation.scoring.values import BadInput, Estimate, Quantity, Undefined
from tests.unit.evaluation.scoring.samples import clustered, fractions, right_wrong

OPTIONS = Options(resamples=4_000)


def drawn() -> Resamples:
    return Resamples(OPTIONS.resamples, OPTIONS.seed)


def known(quantity: Quantity) -> Estimate:
    assert isinstance(quantity, Estimate), quantity
    return quantity


def code(quantity: Quantity) -> str:
    assert isinstance(quantity, Undefined), quantity
    return quantity.code


MEMBERS = [
    Member("a", right_wrong(60, 20, 5, 15), 1.0, 0.5),
    Member("b", right_wrong(120, 30, 20, 30), 3.0, 0.25),
]


def test_the_ratio_of_means_and_the_mean_of_ratios_by_hand() -> None:
    found = set_retention(MEMBERS, drawn(), OPTIONS)
    student, teacher = 0.25 * 0.65 + 0.75 * 0.7, 0.25 * 0.8 + 0.75 * 0.75
    chance = 0.25 * 0.5 + 0.75 * 0.25
    assert known(found.ratio).value == pytest.approx(student / teacher)
    assert known(found.above_chance).value == pytest.approx((student - chance) / (teacher - chance))
    assert known(found.difference).value == pytest.approx(student - teacher)
    mean = known(mean_of_ratios(MEMBERS, drawn(), OPTIONS))
    assert mean.value == pytest.approx(0.25 * 0.65 / 0.8 + 0.75 * 0.7 / 0.75)
    assert mean.ci_low < mean.value < mean.ci_high
    assert mean.method == NAMES["centered"]
    bca = known(mean_of_ratios(MEMBERS, drawn(), Options(resamples=4_000, choice="bca")))
    assert bca.method == NAMES["bca"]
    assert bca.ci_low == pytest.approx(mean.ci_low, abs=0.1 * mean.width)


def test_the_mean_of_many_small_ratios_is_covered_in_spite_of_its_bias() -> None:
    shares = np.linspace(0.5, 0.8, 40)
    truth = float(((shares - 0.1) / shares).mean())
    above = below = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        members = []
        for index, share in enumerate(shares):
            cells = rng.multinomial(25, [share - 0.2, 0.2, 0.1, 0.9 - share])
            members.append(Member(f"t{index}", right_wrong(*cells)))
        options = Options(resamples=300, seed=seed)
        found = known(mean_of_ratios(members, Resamples(300, seed), options))
        above += found.ci_low > truth
        below += found.ci_high < truth
    assert above + below <= 8
    assert above <= 5


def test_neither_order_nor_scale_of_the_weights_matters() -> None:
    scaled = [Member(m.name, m.samples, m.weight * 7.0, m.chance) for m in reversed(MEMBERS)]
    one, other = set_retention(MEMBERS, drawn(), OPTIONS), set_retention(scaled, drawn(), OPTIONS)
    assert known(one.ratio).value == pytest.approx(known(other.ratio).value)
    assert known(one.ratio).ci_low == pytest.approx(known(other.ratio).ci_low)


def test_a_set_of_one_task_is_that_task() -> None:
    (only,) = MEMBERS[:1]
    expected = retention(only.samples, 0.5, Options(resamples=4_000, name="a"))
    assert set_retention([only], drawn(), OPTIONS) == expected
    assert mean_of_ratios([only], drawn(), OPTIONS) == expected.ratio


def test_a_set_of_equal_models_gets_the_pooled_score_interval() -> None:
    members = [Member(f"t{i}", right_wrong(40, 0, 0, 10), 1.0, 0.5) for i in range(3)]
    found = set_retention(members, drawn(), OPTIONS)
    pooled = retention(right_wrong(120, 0, 0, 30), 0.5, OPTIONS)
    assert known(found.ratio).method == NAMES["pooled"]
    for one, other in ((found.ratio, pooled.ratio), (found.above_chance, pooled.above_chance)):
        assert known(one).ci_low == pytest.approx(known(other).ci_low)
        assert known(one).ci_high == pytest.approx(known(other).ci_high)
    assert known(found.difference).ci_low == pytest.approx(known(pooled.difference).ci_low)
    mean = known(mean_of_ratios(members, drawn(), OPTIONS))
    assert mean.ci_low == pytest.approx(known(pooled.ratio).ci_low)


def test_the_interval_shrinks_with_the_square_root_of_the_tasks() -> None:
    def width(tasks: int) -> float:
        members = [Member(f"t{i}", right_wrong(60, 15, 10, 15), 1.0, 0.0) for i in range(tasks)]
        return known(set_retention(members, drawn(), OPTIONS).ratio).width

    assert width(4) / width(16) == pytest.approx(2.0, rel=0.1)


def test_bca_and_fieller_agree_with_the_percentile_where_samples_are_many() -> None:
    usual = known(set_retention(MEMBERS, drawn(), OPTIONS).ratio)
    for choice in ("bca", "fieller"):
        other = set_retention(MEMBERS, drawn(), Options(resamples=4_000, choice=choice))  # type: ignore[arg-type]
        assert known(other.ratio).ci_low == pytest.approx(usual.ci_low, abs=0.1 * usual.width)
        assert known(other.difference).ci_high == pytest.approx(known(other.difference).ci_high)


def test_fractions_and_clusters_take_part() -> None:
    members = [Member("f", fractions(60)), Member("c", clustered(30, 5), 2.0, 0.0)]
    found = set_retention(members, drawn(), OPTIONS)
    expected = (members[0].samples.student.mean() + 2 * members[1].samples.student.mean()) / (
        members[0].samples.teacher.mean() + 2 * members[1].samples.teacher.mean()
    )
    assert known(found.ratio).value == pytest.approx(expected)
    assert code(found.above_chance) == "not_measured"


def test_chance_zero_everywhere_needs_no_second_number() -> None:
    members = [Member(m.name, m.samples, m.weight, 0.0) for m in MEMBERS]
    found = set_retention(members, drawn(), OPTIONS)
    assert found.ratio == found.above_chance


def test_a_teacher_at_chance_over_the_set_leaves_the_difference() -> None:
    members = [Member(f"t{i}", right_wrong(25, 26, 20, 29), 1.0, 0.5) for i in range(2)]
    found = set_retention(members, drawn(), OPTIONS)
    assert code(found.ratio) == code(found.above_chance) == "teacher_at_chance"
    assert known(found.difference).value == pytest.approx(-0.06)


def test_a_task_whose_teacher_is_at_zero_in_resamples_makes_the_mean_of_ratios_undefined() -> None:
    members = [Member("a", right_wrong(1, 1, 20, 40)), Member("b", right_wrong(60, 20, 5, 15))]
    assert code(mean_of_ratios(members, drawn(), OPTIONS)) == "teacher_at_chance"


def test_empty_and_tiny_sets_are_undefined() -> None:
    assert code(set_retention([], drawn(), OPTIONS).ratio) == "not_measured"
    assert code(mean_of_ratios([], drawn(), OPTIONS)) == "not_measured"
    tiny = [Member(f"t{i}", right_wrong(2, 1, 1, 1)) for i in range(2)]
    assert code(set_retention(tiny, drawn(), OPTIONS).difference) == "too_few_samples"


def test_two_tasks_of_one_name_are_refused() -> None:
    with pytest.raises(BadInput, match="one name"):
        set_retention([MEMBERS[0], MEMBERS[0]], drawn(), OPTIONS)


def test_tasks_as_the_sample_give_a_wider_interval_where_they_differ() -> None:
    rng = np.random.default_rng(0)
    members = [
        Member(f"t{i}", right_wrong(500, int(lost), 20, 100))
        for i, lost in enumerate(rng.integers(0, 200, 20))
    ]
    within = known(set_retention(members, drawn(), OPTIONS).ratio)
    between = known(over_members(members, OPTIONS))
    assert between.value == pytest.approx(within.value)
    assert between.width > 2 * within.width


def test_tasks_as_the_sample_need_ten_of_equal_weight_and_a_teacher_above_zero() -> None:
    members = [Member(f"t{i}", right_wrong(60, 20, 5, 15)) for i in range(12)]
    assert code(over_members(members[:9], OPTIONS)) == "too_few_samples"
    unequal = [Member(m.name, m.samples, 1.0 + i) for i, m in enumerate(members)]
    assert code(over_members(unequal, OPTIONS)) == "too_few_samples"
    zero = [Member(m.name, PairedSamples.of_arrays(np.ones(20), np.zeros(20))) for m in members]
    assert code(over_members(zero, OPTIONS)) == "teacher_at_chance"
