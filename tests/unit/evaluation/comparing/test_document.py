"""Two scripted runs become one document with every field of the interface."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evaluation import samples as samples_file
from evaluation.comparing import (
    Measured,
    comparison_document,
    is_repetition,
    mismatches,
    scores_document,
)
from evaluation.comparing.document import with_noise, with_pair, with_price
from evaluation.comparing.inputs import SAMPLE_COLUMNS, other_batch_size
from evaluation.contract import Engine, ModelSource, PairReport, Protocol, RunSpec
from evaluation.runners.base import Context
from evaluation.runners.scripted import ScriptedRunner

TASKS = ("scripted_choice.n-200", "scripted_pair.n-100", "scripted_rolling", "scripted_generate")


def measured(model: str, folder: Path, *, tasks: tuple[str, ...] = TASKS, **protocol: int) -> Measured:
    spec = RunSpec(
        model=ModelSource(name=model, revision="1"),
        tasks=tasks,
        engine=Engine.SCRIPTED,
        protocol=Protocol.model_validate(protocol),
    )
    output = folder / model
    output.mkdir(parents=True)
    report = ScriptedRunner().run(spec, Context(output=output))
    assert report.samples is not None
    table = samples_file.read_table(output / report.samples.name, columns=SAMPLE_COLUMNS)
    return Measured(spec, report, table)


@pytest.fixture
def student(tmp_path: Path) -> Measured:
    return measured("scripted/student-p70", tmp_path)


@pytest.fixture
def teacher(tmp_path: Path) -> Measured:
    return measured("scripted/teacher-p90", tmp_path)


def test_the_document_has_every_field_of_the_interface(student: Measured, teacher: Measured) -> None:
    document = comparison_document(student, teacher, identifier="x", resamples=500)
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    fields = (
        "id student teacher suite protocol engine tasks capabilities overall fidelity efficiency reproduce"
    )
    assert set(fields.split()) <= set(document)
    row = document["tasks"][0]
    expected = (
        "task capability metric n chance student teacher retention retention_above_chance difference "
        "p_value p_adjusted verdict samples"
    )
    assert set(expected.split()) <= set(row)
    assert set(row["retention"]) >= {"value", "ci_low", "ci_high", "ci_level", "method"}
    assert set(row["samples"]) == {"both", "lost", "gained", "neither", "ties"}
    assert row["n"] == sum(row["samples"][name] for name in ("both", "lost", "gained", "neither"))
    assert set(document["overall"]) >= {"retention", "mean_of_tasks", "verdict", "coverage"}


def test_scores_are_those_of_the_runs(student: Measured, teacher: Measured) -> None:
    document = comparison_document(student, teacher, identifier=None, resamples=100)
    for row, mine, theirs in zip(
        document["tasks"], student.report.results, teacher.report.results, strict=True
    ):
        assert row["student"]["value"] == pytest.approx(mine.score.value, abs=0.02)
        assert row["teacher"]["value"] == pytest.approx(theirs.score.value, abs=0.02)


def test_a_rate_gives_a_difference_and_no_retention(student: Measured, teacher: Measured) -> None:
    document = comparison_document(student, teacher, identifier=None, resamples=100)
    rolling = document["tasks"][2]
    assert rolling["retention"]["undefined"] == "not_a_ratio_metric"
    assert "value" in rolling["difference"]


def test_a_model_alone_has_no_retention_anywhere(student: Measured) -> None:
    assert "retention" not in json.dumps(scores_document(student, identifier=None))


def test_runs_under_different_protocols_are_no_pair(student: Measured, tmp_path: Path) -> None:
    other = measured("scripted/other", tmp_path, batch_size=3)
    assert mismatches(student, student) == []
    assert mismatches(student, other) == ["batch_size differs: 16 and 3"]


def test_what_a_pair_job_measured_is_added(student: Measured, teacher: Measured) -> None:
    document = comparison_document(student, teacher, identifier=None, resamples=100)
    report = PairReport(
        identity="0" * 64, fidelity={"undefined": "tokenizers_differ"}, efficiency={"speed": 2}
    )
    found = with_pair(document, report)
    assert found["fidelity"] == {"undefined": "tokenizers_differ"}
    assert found["efficiency"]["speed"] == 2
    assert document["fidelity"]["undefined"] == "not_measured"


def test_a_model_at_another_batch_size_may_only_be_compared_with_itself(
    student: Measured, teacher: Measured, tmp_path: Path
) -> None:
    again = measured("scripted/teacher-p90", tmp_path / "again", batch_size=other_batch_size(16))
    assert is_repetition(again, teacher)
    assert not is_repetition(teacher, teacher)
    assert not is_repetition(again, student)
    assert mismatches(again, teacher) == []


def test_the_noise_floor_stands_beside_flips_however_it_was_come_by(
    student: Measured, teacher: Measured, tmp_path: Path
) -> None:
    again = measured("scripted/teacher-p90", tmp_path / "again", batch_size=8)
    at_once = comparison_document(student, teacher, identifier=None, resamples=200, again=again)
    alone = comparison_document(student, teacher, identifier=None, resamples=200)
    itself = comparison_document(again, teacher, identifier="floor", resamples=200)
    assert itself["repetition"]
    assert alone["noise"] is None
    later = with_noise(alone, itself)
    assert at_once["noise"] == {"model": "scripted/teacher-p90", "batch_sizes": [8, 16]}
    assert later["noise"] == {**at_once["noise"], "comparison": "floor"}
    row, other = at_once["tasks"][0], later["tasks"][0]
    assert row["noise"] == other["noise"]
    assert row["above_noise"] == pytest.approx(other["above_noise"])
    assert row["noise"]["flips"] == 0
    assert row["above_noise"]["p_value"] < 0.001
    assert with_noise(alone, None) is alone


def test_a_price_gives_costs_only_where_speed_was_measured(student: Measured, teacher: Measured) -> None:
    document = comparison_document(student, teacher, identifier=None, resamples=100)
    assert with_price(document, 2.0) is document
    timed = {"student_units_per_second": 1000.0, "teacher_units_per_second": 250.0}
    timed_document = document | {"efficiency": document["efficiency"] | {"decode": timed}}
    priced = with_price(timed_document, 3.6)["efficiency"]
    assert priced["student_cost_per_million"] == pytest.approx(1.0)
    assert priced["teacher_cost_per_million"] == pytest.approx(4.0)
    (unit,) = [one for one in priced["per_unit"] if one["resource"] == "cost"]
    assert unit["share"] == pytest.approx(0.25)
    assert with_price(timed_document, None) is timed_document
