"""Models side by side: paired where they were measured alike, refused where not, kept where unknown."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client

from evaluation.contract import SuiteRef
from evaluation.scoring.values import Estimate
from tests.factories.catalog import make_model
from tests.factories.compared import make_comparison, measured_run
from tests.factories.runs import NOW
from zoo.comparisons.side_by_side import TooManyModels, side_by_side, starting_points

pytestmark = pytest.mark.django_db
DEMO = SuiteRef(name="demo", version="1")
STUDENT, TEACHER, OTHER = "scripted/half-p80", "scripted/teacher-p90", "scripted/odd-p70"


@pytest.fixture
def compared(tmp_path: Path) -> None:
    make_comparison(tmp_path, student=STUDENT, teacher=TEACHER, suite=DEMO)
    make_comparison(tmp_path, student=OTHER, teacher=TEACHER, suite=DEMO)


@pytest.mark.usefixtures("compared")
def test_the_teacher_is_the_baseline_unless_another_is_asked_for() -> None:
    baseline = {column.name: column.is_baseline for column in side_by_side([STUDENT, TEACHER]).columns}
    assert baseline == {STUDENT: False, TEACHER: True}
    table = side_by_side([STUDENT, TEACHER], baseline=STUDENT)
    assert table.columns[0].is_baseline


@pytest.mark.usefixtures("compared")
def test_the_model_that_taught_most_of_the_others_is_the_baseline(tmp_path: Path) -> None:
    make_comparison(tmp_path, student=STUDENT, teacher=OTHER, suite=DEMO)
    columns = side_by_side([STUDENT, OTHER, TEACHER]).columns
    assert [column.name for column in columns if column.is_baseline] == [TEACHER]


@pytest.mark.usefixtures("compared")
def test_a_noise_floor_does_not_take_the_place_of_the_run_that_was_compared(tmp_path: Path) -> None:
    run = side_by_side([STUDENT, TEACHER]).columns[1].run
    measured_run(TEACHER, tmp_path, suite=DEMO, batch_size=8, now=NOW + timedelta(hours=1))
    columns = side_by_side([STUDENT, TEACHER]).columns
    assert columns[1].run == run
    assert not columns[0].refused


@pytest.mark.usefixtures("compared")
def test_any_two_students_are_paired_by_sample() -> None:
    table = side_by_side([STUDENT, OTHER])
    cell = table.lines[0].cells[1]
    assert cell is not None
    assert isinstance(cell.difference, Estimate)
    assert cell.word in ("worse", "unclear")
    assert cell.value == pytest.approx(table.lines[0].cells[0].value + cell.difference.value)


@pytest.mark.usefixtures("compared")
def test_lower_bits_are_better_not_worse() -> None:
    table = side_by_side([STUDENT, TEACHER], baseline=STUDENT)
    line = next(line for line in table.lines if line.metric == "bits_per_byte")
    assert line.cells[1].difference.value < 0
    assert line.cells[1].word == "better"


@pytest.mark.usefixtures("compared")
def test_agreement_is_symmetric_and_whole_with_oneself() -> None:
    shares = side_by_side([STUDENT, TEACHER]).agreements
    assert shares[0][0].share == 1.0
    assert shares[0][1] == shares[1][0]


def test_runs_measured_otherwise_are_refused_with_what_differs(tmp_path: Path) -> None:
    measured_run(STUDENT, tmp_path, suite=DEMO)
    measured_run(OTHER, tmp_path, suite=DEMO, limit=20)
    table = side_by_side([STUDENT, OTHER])
    assert any("limit differs" in reason for reason in table.columns[1].refused)
    assert table.lines[0].cells[1].difference is None
    assert table.agreements[0][1] is None


@pytest.mark.usefixtures("compared")
def test_an_unknown_model_keeps_the_rest(client: Client) -> None:
    make_model("acme/known")
    answer = client.get(f"/compare/?m={STUDENT}&m=no/such&m=acme/known")
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "neither in the catalog nor measured here" in page
    assert "never measured here" in page


@pytest.mark.usefixtures("compared")
def test_only_differences_hides_what_is_equal(client: Client) -> None:
    address = f"/compare/?m={STUDENT}&m={TEACHER}"
    assert "Number format" in client.get(address).content.decode()
    assert "Number format" not in client.get(f"{address}&diff=1").content.decode()


def test_more_than_six_do_not_fit(client: Client) -> None:
    names = [f"a/{number}" for number in range(7)]
    with pytest.raises(TooManyModels):
        side_by_side(names)
    answer = client.get("/compare/?" + "&".join(f"m={name}" for name in names))
    assert answer.status_code == 400
    assert "6 models fit" in answer.content.decode()


@pytest.mark.usefixtures("compared")
def test_those_who_chose_nothing_start_from_pairs_that_were_measured(client: Client) -> None:
    assert (STUDENT, TEACHER) in starting_points()
    assert f"?m={STUDENT.replace('/', '%2F')}" in client.get("/compare/").content.decode()
