"""A result of superseded code stays, says what it is, is not reused, and can be queued again in bulk."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import Settings

from evaluation.contract import EngineFacts, RunSpec
from tests.factories.runs import LEASE, NOW, finish, make_run, make_user, make_worker, measure, upload
from zoo.accounts.models import Scope
from zoo.runs import queue, recording, selectors
from zoo.runs.models import Pairing, Run
from zoo.submissions import services
from zoo.submissions.requests import read_request

pytestmark = pytest.mark.django_db


def finished_by_old_code(run: Run, folder: Path, **facts: str) -> Run:
    lease = queue.take(run_id=run.pk, worker=make_worker(), now=run.not_before, lease=LEASE)
    assert lease is not None
    spec = run.parsed_spec
    assert isinstance(spec, RunSpec)
    report = measure(spec, folder)
    old = EngineFacts(engine=spec.engine, served_by="old", **(facts or {"harness_version": "0.4.1"}))
    upload(lease, report, folder)
    recording.deliver(lease=lease, report=report.model_copy(update={"engine": old}), now=NOW)
    return Run.objects.get(pk=run.pk)


def test_it_says_what_it_is(tmp_path: Path) -> None:
    assert selectors.outdated(finish(make_run("scripted/new"), tmp_path / "new")) is None
    old = finished_by_old_code(make_run("scripted/old"), tmp_path / "old")
    assert "measured with harness 0.4.1" in (selectors.outdated(old) or "")
    assert selectors.outdated_runs() == [old]


def test_an_engine_that_moved_on_supersedes_as_the_harness_does(tmp_path: Path) -> None:
    old = finished_by_old_code(make_run("scripted/old"), tmp_path, engine_version="0")
    assert selectors.outdated(old) == "measured with engine version 0; 1 is in use now"
    assert selectors.outdated_runs() == [old]


def test_it_is_not_reused_by_a_new_submission(tmp_path: Path, settings: Settings) -> None:
    settings.ZOO_SCRIPTED = True
    asked = read_request({"student": "scripted/s", "teacher": "scripted/t", "tasks": ("scripted_choice",)})
    first = services.submit(request=asked, acting_user=make_user(), now=NOW)
    assert first.teacher_run is not None
    old = finished_by_old_code(first.teacher_run, tmp_path)
    second = services.submit(request=asked, acting_user=make_user(), now=NOW)
    assert second.student_run == first.student_run
    assert second.teacher_run != old
    old.refresh_from_db()
    assert old.superseded_at == NOW
    assert old.result is not None


def test_all_of_them_are_queued_again_with_their_pairs(tmp_path: Path) -> None:
    student = finished_by_old_code(make_run("scripted/s"), tmp_path / "s")
    teacher = finished_by_old_code(make_run("scripted/t"), tmp_path / "t")
    Pairing.objects.create(student_run=student, teacher_run=teacher, created_at=NOW)
    with pytest.raises(services.NotYours):
        services.measure_again(acting_user=make_user(), now=NOW)
    operator = make_user("root", Scope.OPERATE)
    assert services.measure_again(acting_user=operator, now=NOW) == 2
    assert services.measure_again(acting_user=operator, now=NOW) == 0
    assert Run.objects.filter(state="queued").count() == 2
    assert Pairing.objects.filter(student_run__state="queued", teacher_run__state="queued").count() == 1


def test_a_success_alone_can_be_superseded() -> None:
    assert not queue.supersede(run_id=make_run().pk, acting_user=None, now=NOW, why="x")
