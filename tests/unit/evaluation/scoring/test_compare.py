"""The comparison body: rows, sets, verdicts, coverage and signs, from two runs' samples."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import hypothesis
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.scoring.compare import (
    ComparisonBody,
    ModelSamples,
    Score,
    Settings,
    TaskInput,
    compare,
    score_alone,
)
from evaluation.scoring.gain import distillation_gain
from evaluation.scoring.signs import retention_drop
from evaluation.scoring.values import BadInput, Estimate, Quantity, Undefined, plain
from tests.unit.evaluation.scoring.samples import model

SETTINGS = Settings(seed=3, resamples=1_000)


def known(quantity: Quantity) -> Estimate:
    assert isinstance(quantity, Estimate), quantity
    return quantity


def code(quantity: Quantity) -> str:
    assert isinstance(quantity, Undefined), quantity
    return quantity.code


def task(name: str, cells: tuple[int, int, int, int], *, prefix: str = "doc", **more: object) -> TaskInput:
    """A right/wrong task with given outcome counts: both, lost, gained, neither."""
    student, teacher = np.repeat([1.0, 0, 1, 0], cells), np.repeat([1.0, 1, 0, 0], cells)
    columns: dict[str, object] = {
        "student": model(student, prefix),
        "teacher": model(teacher, prefix),
        "capability": "language",
        "chance": 0.5,
        **more,
    }
    return TaskInput(name, "acc", **columns)  # type: ignore[arg-type]


def suite() -> list[TaskInput]:
    return [
        task("a", (150, 30, 10, 10), groups=("blimp", "binding")),
        task("b", (160, 20, 5, 15), groups=("blimp", "binding")),
        task("c", (170, 10, 10, 10), groups=("blimp", "islands")),
        task("d", (60, 60, 20, 60), capability="reasoning", chance=0.25),
    ]


def test_the_body_has_a_row_for_each_task_group_and_capability() -> None:
    body = compare(suite(), SETTINGS)
    assert [row.task for row in body.tasks] == ["a", "b", "c", "d"]
    assert [row.name for row in body.groups] == ["blimp", "binding", "islands"]
    assert [row.name for row in body.capabilities] == ["language", "reasoning"]
    assert [row.weight for row in body.capabilities] == [0.5, 0.5]
    assert body.groups[1].tasks == ("a", "b")
    assert body.overall.coverage.rankable


def test_overall_is_the_ratio_of_means_over_capabilities_of_means_over_tasks() -> None:
    overall = compare(suite(), SETTINGS).overall
    student = ((160 + 165 + 180) / 3 + 80) / 2 / 200
    teacher = ((180 + 180 + 180) / 3 + 120) / 2 / 200
    assert overall.student.value == pytest.approx(student)
    assert known(overall.retention).value == pytest.approx(student / teacher)
    assert known(overall.retention_above_chance).value == pytest.approx((student - 0.375) / (teacher - 0.375))
    ratios = [160 / 180, 165 / 180, 180 / 180]
    assert known(overall.mean_of_tasks).value == pytest.approx((sum(ratios) / 3 + 80 / 120) / 2)
    assert (overall.mean_of_tasks_of, overall.chance) == (4, pytest.approx(0.375))
    assert overall.verdict == "not_kept"


def test_stated_weights_are_used() -> None:
    weighted = replace(SETTINGS, capability_weights=(("language", 3.0), ("reasoning", 1.0)))
    tasks = [replace(one, weight=2.0 if one.name == "a" else 1.0) for one in suite()]
    body = compare(tasks, weighted)
    teacher = 0.75 * 0.9 + 0.25 * 0.6
    student = 0.75 * (2 * 0.8 + 0.825 + 0.9) / 4 + 0.25 * 0.4
    assert known(body.overall.retention).value == pytest.approx(student / teacher)
    assert [row.weight for row in body.capabilities] == [0.75, 0.25]


def test_a_row_carries_scores_test_flips_and_outcomes() -> None:
    row = compare(suite(), SETTINGS).tasks[0]
    assert (row.n, row.student.value, row.teacher.value) == (200, 0.8, 0.9)
    assert row.student.stderr == pytest.approx(math.sqrt(0.8 * 0.2 / 199))
    assert row.student.ci_low is not None
    assert row.student.ci_low < 0.8
    assert row.samples is not None
    assert (row.samples.both, row.samples.lost, row.samples.gained, row.samples.neither) == (150, 30, 10, 10)
    assert row.flips is not None
    assert row.flips.flip_rate == pytest.approx(0.2)
    assert row.test == "mcnemar_exact"
    assert row.p_value is not None
    assert row.p_adjusted is not None
    assert row.p_adjusted >= row.p_value
    assert known(row.retention_bootstrap).value == known(row.retention).value
    assert "bootstrap" in known(row.retention_bootstrap).method


def test_the_json_has_the_documented_keys_and_repeats_byte_for_byte() -> None:
    body = plain(compare(suite(), SETTINGS))
    keys = {
        "task", "capability", "metric", "n", "chance", "student", "teacher", "retention", "retention_above_chance",
        "difference", "p_value", "p_adjusted", "verdict", "samples",
    }  # fmt: skip
    assert keys <= set(body["tasks"][0])
    assert {"value", "ci_low", "ci_high", "ci_level", "method"} <= set(body["tasks"][0]["retention"])
    assert {"both", "lost", "gained", "neither", "ties"} == set(body["tasks"][0]["samples"])
    assert {"retention", "mean_of_tasks", "verdict", "coverage"} <= set(body["overall"])
    assert json.dumps(body) == json.dumps(plain(compare(suite(), SETTINGS)))
    other = compare(suite(), replace(SETTINGS, seed=4))
    assert json.dumps(plain(other)) != json.dumps(body)


@hypothesis.settings(max_examples=8, deadline=None)
@given(st.permutations(range(4)))
def test_the_order_of_tasks_moves_no_number(order: list[int]) -> None:
    tasks, quicker = suite(), replace(SETTINGS, resamples=200)
    shuffled = compare([tasks[i] for i in order], quicker)
    straight = compare(tasks, quicker)
    assert shuffled.overall == straight.overall
    assert {row.task: row for row in shuffled.tasks} == {row.task: row for row in straight.tasks}
    assert {row.name: row for row in shuffled.groups} == {row.name: row for row in straight.groups}


def test_a_task_that_one_run_lacks_stays_and_makes_the_set_partial() -> None:
    tasks = [*suite()[:3], replace(suite()[3], teacher=None)]
    body = compare(tasks, SETTINGS)
    assert code(body.tasks[3].retention) == code(body.tasks[3].difference) == "not_measured"
    assert body.tasks[3].student.value == pytest.approx(0.4)
    assert body.tasks[3].teacher == Score(None, None)
    assert (body.tasks[3].n, body.tasks[3].verdict, body.tasks[3].samples) == (200, None, None)
    assert body.overall.coverage.missing == ("d",)
    assert body.overall.coverage.partial
    assert not body.overall.coverage.rankable
    assert known(body.overall.retention).value == pytest.approx((160 + 165 + 180) / 540)
    reasoning = body.capabilities[1]
    assert (reasoning.weight, reasoning.tasks, reasoning.student) == (0.0, (), Score(None, None))
    assert code(reasoning.retention) == "not_measured"


def test_a_task_with_no_samples_at_all_was_not_measured() -> None:
    body = compare([replace(suite()[0], student=None, teacher=model([]))], SETTINGS)
    assert code(body.overall.retention) == "not_measured"
    assert isinstance(body.tasks[0].retention, Undefined)
    assert "student and the teacher" in body.tasks[0].retention.message


def test_other_prompts_are_not_compared() -> None:
    other = replace(suite()[0], teacher=model(np.ones(200), "other"))
    body = compare([other, *suite()[1:]], SETTINGS)
    assert code(body.tasks[0].retention) == code(body.tasks[0].difference) == "prompts_differ"
    assert body.tasks[0].p_value is body.tasks[0].p_adjusted is body.tasks[0].verdict is None
    assert body.overall.coverage.missing == ("a",)


def test_a_limited_run_is_never_ranked() -> None:
    coverage = compare(suite(), replace(SETTINGS, limited=True)).overall.coverage
    assert coverage.limited
    assert not coverage.rankable
    assert not coverage.partial


def test_a_metric_without_a_true_zero_has_the_difference_alone_and_stays_out_of_the_overall() -> None:
    rng = np.random.default_rng(0)
    sizes = rng.integers(100, 900, 40).astype(float)
    bits = TaskInput(
        "text",
        "bits_per_byte",
        model(sizes * 2.2 + rng.normal(0, 5, 40), sizes=sizes),
        model(sizes * 2.0, sizes=sizes),
        capability="language",
        is_ratio=False,
        higher_is_better=False,
        aggregation="per_size",
    )
    matthews = replace(suite()[0], name="cola", is_ratio=False)
    body = compare([*suite(), bits, matthews], SETTINGS)
    for row in body.tasks[4:]:
        assert code(row.retention) == code(row.retention_above_chance) == "not_a_ratio_metric"
        assert row.verdict is None
        assert row.p_value is not None
        assert known(row.difference)
    assert known(body.tasks[4].difference).value == pytest.approx(0.2, abs=0.02)
    assert body.tasks[4].student.stderr is not None
    assert body.tasks[4].samples is None
    assert body.overall == replace(compare(suite(), SETTINGS).overall)


def test_a_ratio_metric_missing_its_pair_says_so_and_others_say_no_ratio() -> None:
    missing = replace(suite()[0], is_ratio=False, teacher=None)
    row = compare([missing], SETTINGS).tasks[0]
    assert code(row.retention) == "not_a_ratio_metric"
    assert code(row.difference) == "not_measured"


def given_task(student: Score | None, teacher: Score | None) -> TaskInput:
    return TaskInput(
        "cola",
        "mcc",
        None,
        None,
        is_ratio=False,
        aggregation="given",
        student_score=student,
        teacher_score=teacher,
    )


def test_a_score_that_is_no_mean_is_taken_as_given() -> None:
    row = compare([given_task(Score(0.51, 0.03), Score(0.56, 0.04))], SETTINGS).tasks[0]
    assert (row.student.value, row.n) == (0.51, 0)
    assert known(row.difference).value == pytest.approx(-0.05)
    assert known(row.difference).width == pytest.approx(2 * 1.959964 * 0.05, rel=1e-5)
    assert row.p_value is None


@pytest.mark.parametrize(
    ("student", "teacher"),
    [(None, Score(0.5, 0.1)), (Score(0.5, None), Score(0.6, 0.1)), (Score(0.5, 0.1), None)],
)
def test_a_given_score_without_its_error_has_no_difference(
    student: Score | None, teacher: Score | None
) -> None:
    row = compare([given_task(student, teacher)], SETTINGS).tasks[0]
    assert code(row.difference) == "not_measured"
    assert code(row.retention) == "not_a_ratio_metric"


def corpus_f1(student: Score, teacher: Score, chance: float | None = 0.0) -> TaskInput:
    return replace(given_task(student, teacher), metric="f1", is_ratio=True, chance=chance)


def test_a_corpus_score_with_a_true_zero_has_a_ratio_from_its_standard_errors() -> None:
    row = compare([corpus_f1(Score(0.72, 0.02), Score(0.80, 0.02))], SETTINGS).tasks[0]
    ratio = known(row.retention)
    assert ratio.value == pytest.approx(0.9)
    assert ratio == known(row.retention_above_chance)
    assert ratio.width == pytest.approx(2 * 1.96 * 0.02 / 0.8 * math.sqrt(1 + 0.81), rel=0.02)
    assert code(row.retention_bootstrap) == "not_measured"
    half = compare([corpus_f1(Score(0.72, 0.02), Score(0.80, 0.02), 0.5)], SETTINGS).tasks[0]
    assert known(half.retention_above_chance).value == pytest.approx(0.22 / 0.30)


def test_a_corpus_score_at_its_floor_or_without_an_error_has_no_ratio() -> None:
    at_floor = compare([corpus_f1(Score(0.01, 0.02), Score(0.02, 0.02))], SETTINGS).tasks[0]
    assert code(at_floor.retention) == code(at_floor.retention_above_chance) == "teacher_at_chance"
    unknown = compare([corpus_f1(Score(0.7, 0.02), Score(0.8, 0.02), None)], SETTINGS).tasks[0]
    assert known(unknown.retention)
    assert code(unknown.retention_above_chance) == "not_measured"
    no_error = compare([corpus_f1(Score(0.7, None), Score(0.8, 0.02))], SETTINGS).tasks[0]
    assert code(no_error.retention) == "not_measured"


def test_given_scores_may_come_with_samples_that_are_no_mean() -> None:
    one = replace(given_task(None, None), student=model([1.0, 0.0]), teacher=model([1.0, 1.0]))
    assert compare([one], SETTINGS).tasks[0].student == Score(None, None)


def test_an_undecided_verdict_says_how_many_samples_would_settle_it() -> None:
    row = compare([task("a", (150, 14, 10, 26))], SETTINGS).tasks[0]
    assert row.verdict == "undecided"
    assert row.power is not None
    assert row.power.samples is not None
    assert row.power.samples > 200
    assert compare(suite(), SETTINGS).tasks[3].power is None


def test_a_teacher_at_chance_is_undecided_and_counts_in_the_overall_alone() -> None:
    weak = task("weak", (60, 45, 40, 55))
    body = compare([*suite(), weak], SETTINGS)
    assert code(body.tasks[4].retention) == code(body.tasks[4].retention_bootstrap) == "teacher_at_chance"
    assert body.tasks[4].verdict == "undecided"
    assert body.overall.coverage.tasks == 5
    assert body.overall.mean_of_tasks_of == 4


def test_flips_stand_beside_the_noise_of_a_second_run_of_the_teacher() -> None:
    first = suite()[0]
    assert first.teacher is not None
    again = first.teacher.values.copy()
    again[:2] = 1.0 - again[:2]
    row = compare([replace(first, teacher_again=replace(first.teacher, values=again))], SETTINGS).tasks[0]
    assert row.noise is not None
    assert row.noise.flips == 2
    assert row.above_noise is not None
    assert row.above_noise.excess == pytest.approx(0.2 - 0.01)
    elsewhere = replace(first, teacher_again=model(np.ones(200), "other"))
    assert compare([elsewhere], SETTINGS).tasks[0].noise is None
    assert compare([first], SETTINGS).tasks[0].above_noise is None


def test_agreement_needs_the_predictions_of_both() -> None:
    first = model([1.0, 0.0, 1.0], predictions=[0, 1, 0], gold=[0, 0, 0])
    second = model([1.0, 1.0, 1.0], predictions=[0, 0, 0], gold=[0, 0, 0])
    base = replace(suite()[0], student=first, teacher=second)
    found = compare([base], SETTINGS).tasks[0].agreement
    assert found is not None
    assert found.rate == pytest.approx(2 / 3)
    assert compare([replace(base, teacher=model([1.0, 1.0, 1.0]))], SETTINGS).tasks[0].agreement is None


def test_fractions_have_no_outcomes_and_make_their_sets_have_none() -> None:
    rng = np.random.default_rng(0)
    values = rng.random(40)
    fraction = replace(suite()[0], name="f", student=model(values * 0.9), teacher=model(values), chance=0.0)
    body = compare([*suite()[:2], fraction], SETTINGS)
    assert body.tasks[2].samples is None
    assert body.tasks[2].test == "paired_permutation"
    assert body.overall.samples is None
    assert body.groups[0].samples is None


def test_ties_are_counted_and_shown_split_beside_the_harness_value() -> None:
    tied = np.arange(200) < 10
    split = np.where(tied, 0.5, 1.0)
    student = model(np.ones(200), ties=tied, tie_split=split)
    row = compare([replace(suite()[0], student=student)], SETTINGS).tasks[0]
    assert row.samples is not None
    assert row.samples.ties == 10
    assert (row.student.value, row.student.tie_split) == (1.0, pytest.approx(0.975))


def test_clusters_widen_the_interval_of_a_score() -> None:
    rng = np.random.default_rng(0)
    values = np.repeat((rng.random(40) < 0.7).astype(float), 5)
    teacher = np.repeat((rng.random(40) < 0.9).astype(float), 5)
    names = [str(i // 5) for i in range(200)]
    loose = compare([replace(suite()[0], student=model(values), teacher=model(teacher))], SETTINGS).tasks[0]
    tight = compare(
        [replace(suite()[0], student=model(values, clusters=names), teacher=model(teacher, clusters=names))],
        SETTINGS,
    ).tasks[0]
    assert tight.student.stderr == loose.student.stderr
    assert tight.student.ci_high is not None
    assert loose.student.ci_high is not None
    assert tight.student.ci_high > loose.student.ci_high
    assert known(tight.retention).width > 1.5 * known(loose.retention).width


def test_a_single_sample_has_a_score_without_an_interval() -> None:
    one = compare([replace(suite()[0], student=model([1.0]), teacher=model([1.0]))], SETTINGS)
    assert one.tasks[0].student == Score(1.0, None)
    assert one.overall.student.stderr is None
    assert code(one.overall.retention) == "too_few_samples"


def in_clusters(size: int) -> TaskInput:
    """The first task of the suite with its samples in clusters of a size."""
    names = tuple(str(index // size) for index in range(200))
    one = suite()[0]
    assert one.student is not None
    assert one.teacher is not None
    return replace(
        one, student=replace(one.student, clusters=names), teacher=replace(one.teacher, clusters=names)
    )


def test_few_clusters_are_named_and_the_samples_stay_the_units() -> None:
    few, plain_row = compare([in_clusters(25)], SETTINGS).tasks[0], compare([suite()[0]], SETTINGS).tasks[0]
    assert (few.clusters, few.units) == (8, "samples")
    assert (few.retention, few.student) == (plain_row.retention, plain_row.student)
    many = compare([in_clusters(5)], SETTINGS).tasks[0]
    assert (many.clusters, many.units) == (40, "clusters")
    assert (plain_row.clusters, plain_row.units) == (0, "samples")


def test_one_document_has_a_rate_without_an_interval() -> None:
    one = TaskInput(
        "t",
        "bpb",
        model([8.0], sizes=[4.0]),
        model([7.0], sizes=[4.0]),
        is_ratio=False,
        aggregation="per_size",
    )
    row = compare([one], SETTINGS).tasks[0]
    assert row.student == Score(2.0, None)
    assert code(row.difference) == "too_few_samples"
    with pytest.raises(BadInput, match="sizes"):
        compare([replace(one, student=model([8.0]), teacher=model([7.0]))], SETTINGS)


def test_groups_may_count_their_tasks_by_size() -> None:
    tasks = [task("a", (60, 20, 10, 10), groups=("g",)), task("b", (100, 150, 20, 30), groups=("g",))]
    equal, sized = compare(tasks, SETTINGS), compare(tasks, replace(SETTINGS, groups_by_size=("g",)))
    assert equal.groups[0].teacher.value == pytest.approx((0.8 + 250 / 300) / 2)
    assert sized.groups[0].teacher.value == pytest.approx((80 + 250) / 400)


def test_unnamed_capabilities_stand_together() -> None:
    body = compare([replace(one, capability=None) for one in suite()[:2]], SETTINGS)
    assert [row.name for row in body.capabilities] == ["unassigned"]


def test_unknown_chance_of_one_task_leaves_the_set_without() -> None:
    body = compare([suite()[0], replace(suite()[1], chance=None)], SETTINGS)
    assert body.overall.chance is None
    assert code(body.overall.retention_above_chance) == "not_measured"
    assert body.overall.verdict_above_chance is None


@pytest.mark.parametrize(
    ("tasks", "settings", "message"),
    [
        ([], SETTINGS, "at least one task"),
        ([suite()[0], suite()[0]], SETTINGS, "one name"),
        ([replace(suite()[0], weight=0.0)], SETTINGS, "weights of tasks"),
        ([replace(suite()[0], weight=math.inf)], SETTINGS, "weights of tasks"),
        (suite(), replace(SETTINGS, capability_weights=(("language", 0.0),)), "weights of capabilities"),
    ],
)
def test_what_cannot_be_compared_is_refused(tasks: list[TaskInput], settings: Settings, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        compare(tasks, settings)


def test_one_model_alone_has_scores_and_no_retention() -> None:
    alone = [replace(one, teacher=None) for one in suite()]
    found = score_alone([*alone, given_task(Score(0.5, 0.01), None)], SETTINGS)
    assert [row.score.value for row in found.tasks] == [0.8, 0.825, 0.9, 0.4, 0.5]
    assert found.overall.score.value == pytest.approx(((0.8 + 0.825 + 0.9) / 3 + 0.4) / 2)
    assert [row.name for row in found.groups] == ["blimp", "binding", "islands"]
    assert found.capabilities[0].score.value == pytest.approx((0.8 + 0.825 + 0.9) / 3)
    assert "retention" not in json.dumps(plain(found))
    assert found.coverage.rankable


def many(above: dict[str, tuple[int, int, int, int]]) -> ComparisonBody:
    base = {f"t{i}": (150, 30 + i, 10, 10 - i) for i in range(6)}
    return compare([task(name, cells) for name, cells in (base | above).items()], SETTINGS)


def test_a_student_far_above_its_teacher_on_one_task_is_a_sign() -> None:
    body = many({"leak": (120, 2, 70, 8)})
    assert [(sign.kind, sign.task) for sign in body.signs] == [
        ("far_above_teacher", "leak"),
        ("out_of_line", "leak"),
    ]
    assert "0.95" in body.signs[0].message


def test_an_even_student_shows_no_signs() -> None:
    assert many({}).signs == ()
    assert compare(suite()[:3], SETTINGS).signs == ()
    equal = compare([task(f"t{i}", (150, 30, 10, 10)) for i in range(6)], SETTINGS)
    assert equal.signs == ()


def test_lower_is_better_turns_the_sign_around() -> None:
    loss = replace(task("loss", (100, 80, 5, 15)), is_ratio=False, higher_is_better=False)
    assert [sign.kind for sign in compare([loss], SETTINGS).signs] == ["far_above_teacher"]


def test_a_drop_from_known_to_new_tasks_is_seen_only_beyond_noise() -> None:
    known_tasks, new = Estimate(0.98, 0.96, 1.0, 0.95, "s"), Estimate(0.80, 0.75, 0.85, 0.95, "s")
    found = retention_drop(known_tasks, new)
    assert found.drops
    assert known(found.gap).value == pytest.approx(math.log(0.98 / 0.80))
    assert retention_drop(known_tasks, known_tasks).drops is False
    undefined = Undefined("not_measured", "")
    assert retention_drop(known_tasks, undefined).gap is undefined
    assert code(retention_drop(Estimate(0.1, 0.0, 0.2, 0.95, "s"), new).gap) == "too_few_samples"


def test_gain_over_a_model_trained_alone() -> None:
    rng = np.random.default_rng(0)

    def right(share: float) -> ModelSamples:
        return model((rng.random(600) < share).astype(float))

    tasks = [
        TaskInput(f"t{i}", "acc", right(0.75), right(0.85), capability="language", chance=0.5)
        for i in range(3)
    ]
    found = distillation_gain(tasks, [right(0.65)] * 3, SETTINGS)
    assert known(found.overall).value == pytest.approx(0.10, abs=0.03)
    assert found.separated
    assert known(found.gap_closed).value == pytest.approx(0.5, abs=0.15)
    assert known(found.gap_closed).ci_low < 0.5 < known(found.gap_closed).ci_high
    assert [row.task for row in found.tasks] == ["t0", "t1", "t2"]
    assert [name for name, _ in found.capabilities] == ["language"]


def test_no_gain_is_not_separated_and_an_equal_student_closes_nothing() -> None:
    tasks = suite()[:3]
    same = distillation_gain(tasks, [one.student for one in tasks], SETTINGS)
    assert known(same.overall).value == 0.0
    assert same.separated is False
    assert code(same.gap_closed) == "too_few_samples"


def test_a_teacher_no_better_than_the_reference_leaves_no_gap_to_close() -> None:
    tasks = suite()[:3]
    found = distillation_gain(tasks, [one.teacher for one in tasks], SETTINGS)
    assert known(found.overall).value < 0
    assert found.separated
    assert code(found.gap_closed) == "teacher_at_chance"


def test_gain_needs_all_three_models_on_the_same_samples() -> None:
    tasks = suite()[:1]
    assert code(distillation_gain(tasks, [None], SETTINGS).overall) == "not_measured"
    assert distillation_gain(tasks, [None], SETTINGS).separated is None
    assert code(distillation_gain(tasks, [None], SETTINGS).gap_closed) == "not_measured"
    alone = [replace(tasks[0], teacher=None)]
    assert code(distillation_gain(alone, [tasks[0].teacher], SETTINGS).gap_closed) == "not_measured"
    elsewhere = [replace(tasks[0], teacher=model(np.ones(200), "other"))]
    assert code(distillation_gain(elsewhere, [tasks[0].teacher], SETTINGS).gap_closed) == "prompts_differ"
    with pytest.raises(BadInput, match="entry for each task"):
        distillation_gain(tasks, [], SETTINGS)
