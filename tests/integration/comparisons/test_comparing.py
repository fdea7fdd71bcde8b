"""Two recorded runs become one stored comparison, and their samples can be paged through."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import DatabaseError, transaction

from tests.factories.runs import NOW, finish, make_run
from zoo.comparisons import samples, selectors, services
from zoo.comparisons.models import Comparison
from zoo.runs.models import Pairing

pytestmark = pytest.mark.django_db
TASKS = ("scripted_choice.n-60", "scripted_rolling")


def make_pairing(folder: Path, **teacher: int) -> Pairing:
    student = finish(make_run("scripted/student-p70", tasks=TASKS), folder / "student")
    other = finish(make_run("scripted/teacher-p90", tasks=TASKS, **teacher), folder / "teacher")
    return Pairing.objects.create(student_run=student, teacher_run=other, created_at=NOW)


def compared(folder: Path) -> Comparison:
    comparison = services.settle(pairing_id=make_pairing(folder).pk, now=NOW)
    assert comparison is not None
    return comparison


def test_a_comparison_is_stored_once(tmp_path: Path) -> None:
    comparison = compared(tmp_path)
    assert services.settle(pairing_id=comparison.pairing_id, now=NOW) == comparison
    assert services.settle_ready(now=NOW) == 0
    document = selectors.document_of(comparison)
    assert document["id"] == str(comparison.pk)
    assert document["overall"]["retention"]["value"] == comparison.retention
    assert not comparison.rankable


def test_a_pair_waits_until_both_runs_are_done(tmp_path: Path) -> None:
    student = finish(make_run("scripted/student-p70"), tmp_path)
    pairing = Pairing.objects.create(
        student_run=student, teacher_run=make_run("scripted/teacher-p90"), created_at=NOW
    )
    assert services.settle(pairing_id=pairing.pk, now=NOW) is None
    pairing.refresh_from_db()
    assert pairing.settled_at is None


def test_runs_under_other_settings_are_not_compared_and_the_pair_says_why(tmp_path: Path) -> None:
    pairing = make_pairing(tmp_path, batch_size=2)
    assert services.settle(pairing_id=pairing.pk, now=NOW) is None
    pairing.refresh_from_db()
    assert pairing.reason is not None
    assert pairing.reason["code"] == "not_comparable"
    assert "batch_size differs" in pairing.reason["message"]


def test_samples_can_be_paged_by_outcome(tmp_path: Path) -> None:
    comparison = compared(tmp_path)
    whole = samples.samples(comparison, task=None, outcome=None, after=0, limit=100)
    assert whole.total == 60
    row = selectors.document_of(comparison)["tasks"][0]["samples"]
    seen = 0
    for outcome in samples.OUTCOMES:
        page = samples.samples(comparison, task=None, outcome=outcome, after=0, limit=5)
        assert page.total == row[outcome]
        assert all(sample.outcome == outcome for sample in page.samples)
        seen += page.total
    assert seen == 60
    lost = samples.samples(comparison, task=None, outcome="lost", after=0, limit=1).samples
    assert lost[0].teacher["score"] == 1
    assert lost[0].student["score"] == 0


def test_samples_that_are_neither_right_nor_wrong_have_no_outcome(tmp_path: Path) -> None:
    page = samples.samples(compared(tmp_path), task="scripted_rolling", outcome=None, after=2, limit=3)
    assert [sample.position for sample in page.samples] == [2, 3, 4]
    assert {sample.outcome for sample in page.samples} == {None}


def test_an_unknown_task_is_refused(tmp_path: Path) -> None:
    with pytest.raises(samples.UnknownTask):
        samples.samples(compared(tmp_path), task="nothing", outcome=None, after=0, limit=1)


def test_comparisons_can_be_neither_changed_nor_deleted(tmp_path: Path) -> None:
    comparison = compared(tmp_path)
    with pytest.raises(DatabaseError), transaction.atomic():
        Comparison.objects.update(retention=1.0)
    with pytest.raises(DatabaseError), transaction.atomic():
        comparison.delete()
