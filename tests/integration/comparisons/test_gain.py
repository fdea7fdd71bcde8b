"""The gain from distillation: a student against its control, read from the comparisons that were made."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client

from tests.factories.catalog import make_model
from tests.factories.runs import NOW, finish, make_run
from zoo.catalog.fields import BadFact
from zoo.comparisons import services
from zoo.comparisons.gain import gain_of
from zoo.comparisons.models import Comparison
from zoo.comparisons.outcome import outcome_of
from zoo.runs.models import Pairing, Run

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]
TASKS = ("scripted_choice.n-60", "scripted_rolling")
STUDENT, CONTROL, TEACHER = "scripted/student-p80", "scripted/alone-p40", "scripted/teacher-p90"


def measured(model: str, folder: Path, tasks: tuple[str, ...] = TASKS) -> Run:
    return finish(make_run(model, tasks=tasks), folder / model / str(len(tasks)))


def compared(student: Run, teacher: Run) -> Comparison:
    pairing = Pairing.objects.create(student_run=student, teacher_run=teacher, created_at=NOW)
    comparison = services.settle(pairing_id=pairing.pk, now=NOW)
    assert comparison is not None
    return comparison


def test_a_student_without_a_known_control_has_no_gain_and_says_so(tmp_path: Path) -> None:
    comparison = compared(measured(STUDENT, tmp_path), measured(TEACHER, tmp_path))
    assert gain_of(comparison)["undefined"] == "no_control"


def test_a_control_that_was_measured_on_other_tasks_is_named_and_not_used(tmp_path: Path) -> None:
    make_model(STUDENT)
    make_model(CONTROL, control_of="Scripted/Student-P80")
    comparison = compared(measured(STUDENT, tmp_path), measured(TEACHER, tmp_path))
    compared(measured(STUDENT, tmp_path, TASKS[:1]), measured(CONTROL, tmp_path, TASKS[:1]))
    gain = gain_of(comparison)
    assert gain["undefined"] == "control_not_measured"
    assert CONTROL in gain["message"]


def test_the_gain_is_the_difference_to_the_control_with_what_that_keeps_alone(
    tmp_path: Path, client: Client
) -> None:
    make_model(STUDENT)
    make_model(CONTROL, control_of=STUDENT)
    student, control, teacher = (measured(name, tmp_path) for name in (STUDENT, CONTROL, TEACHER))
    comparison, against = compared(student, teacher), compared(student, control)
    assert gain_of(comparison)["control_retention"] is None
    beside = compared(control, teacher)
    gain = client.get(f"/api/v1/comparisons/{comparison.pk}/").json()["gain"]
    assert (gain["control"], gain["comparison"]) == (CONTROL, str(against.pk))
    choice = gain["tasks"][0]
    assert choice["difference"]["value"] == pytest.approx(choice["student"] - choice["control"])
    assert choice["outcome"] == "better"
    assert choice["difference"]["ci_low"] > 0
    assert gain["control_retention"]["value"] == pytest.approx(beside.retention)
    page = client.get(f"/comparisons/{comparison.pk}/").content.decode()
    assert f'href="/models/{CONTROL}/"' in page
    assert str(against.pk) in page


def test_a_control_is_named_by_the_id_of_a_model() -> None:
    with pytest.raises(BadFact):
        make_model(CONTROL, control_of="the student")


@pytest.mark.parametrize(
    ("low", "high", "higher_is_better", "said"),
    [
        (0.1, 0.2, True, "better"),
        (-0.2, -0.1, True, "worse"),
        (-0.2, -0.1, False, "better"),
        (0.1, 0.2, False, "worse"),
        (-0.1, 0.2, True, "unclear"),
    ],
)
def test_better_and_worse_follow_the_direction_of_the_metric(
    low: float, high: float, higher_is_better: bool, said: str
) -> None:
    assert outcome_of(low, high, p_adjusted=0.01, higher_is_better=higher_is_better) == said
    assert outcome_of(low, high, p_adjusted=None, higher_is_better=higher_is_better) == said


def test_nothing_is_called_better_beside_a_corrected_p_that_shows_no_difference() -> None:
    assert outcome_of(0.01, 0.2, p_adjusted=0.423, higher_is_better=True) == "unclear"
    assert outcome_of(-0.2, -0.01, p_adjusted=0.129, higher_is_better=True) == "unclear"


def test_a_difference_that_is_undefined_is_unclear() -> None:
    assert outcome_of(None, None, p_adjusted=None, higher_is_better=True) == "unclear"
