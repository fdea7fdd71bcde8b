"""``zoo submit``, ``zoo runs`` and ``zoo show`` against a live server, with the exit codes that scripts rely on."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connections
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from tests.factories.database import committed
from tests.factories.runs import finish, make_user
from zoo.accounts.models import Scope
from zoo.accounts.services import create_token
from zoo.cli.main import main
from zoo.jobs import tasks
from zoo.runs.clock import database_now
from zoo.runs.models import Run

Zoo = Callable[..., int]
STUDENT = ["scripted/student-p70", "--teacher", "scripted/teacher-p90", "--tasks", "scripted_choice.n-60"]


@pytest.fixture
def zoo(
    transactional_db: None, live_server: LiveServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Zoo]:
    settings.ZOO_SCRIPTED = True
    with committed():
        made = create_token(
            acting_user=make_user(), name="cli", scope=Scope.SUBMIT, now=database_now(), lifetime=None
        )
        monkeypatch.setenv("ZOO_URL", live_server.url)
        monkeypatch.setenv("ZOO_TOKEN", made.token)
        yield command


def command(*words: str) -> int:
    """Runs the command in this process, as the installed script does, and gives its exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["zoo", *words])
        with pytest.raises(SystemExit) as ended:
            main()
    return int(ended.value.code or 0)


def measured_meanwhile(folder: Path) -> threading.Thread:
    """Does the runs that are asked for, as a worker and housekeeping would."""

    def work() -> None:
        while Run.objects.count() < 2:
            pass
        for number, run in enumerate(Run.objects.order_by("pk")):
            finish(run, folder / str(number))
            tasks.settle(run=str(run.pk))
        connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_a_submission_is_waited_for_and_its_comparison_printed(
    zoo: Zoo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    worker = measured_meanwhile(tmp_path)
    assert zoo("submit", *STUDENT, "--wait", "--json", "--require-retention", "0.01") == 0
    worker.join()
    document = json.loads(capsys.readouterr().out)
    assert document["overall"]["retention"]["value"] > 0
    assert zoo("show", document["id"]) == 0
    assert "overall" in capsys.readouterr().out
    assert zoo("submit", *STUDENT, "--wait", "--require-retention", "0.999") in (1, 2)
    assert zoo("runs", "--state", "succeeded") == 0
    assert "scripted/student-p70" in capsys.readouterr().out


def test_without_waiting_the_id_alone_goes_to_stdout(zoo: Zoo, capsys: pytest.CaptureFixture[str]) -> None:
    assert zoo("submit", *STUDENT) == 0
    identifier = capsys.readouterr().out.strip()
    assert zoo("show", identifier, "--json") == 0
    assert json.loads(capsys.readouterr().out)["state"] == "queued"


@pytest.mark.parametrize(
    "words",
    [
        ["nobody/nothing", "--tasks", "scripted_choice"],
        ["scripted/x", "--tasks", "arc_esay"],
        ["scripted/x", "--tasks", "scripted_choice", "--limit", "-1"],
        ["scripted/x"],
    ],
)
def test_wrong_input_is_usage_and_queues_nothing(zoo: Zoo, words: list[str]) -> None:
    assert zoo("submit", *words) == 64
    assert not Run.objects.exists()


def test_without_a_token_it_says_how_to_get_one(
    zoo: Zoo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ZOO_TOKEN")
    assert zoo("submit", *STUDENT) == 64
    assert "zoo token create" in capsys.readouterr().err


def test_a_server_that_is_not_there_is_a_failure(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_URL", "http://127.0.0.1:9")
    assert zoo("runs") == 70


def test_what_is_not_there_is_usage(zoo: Zoo) -> None:
    assert zoo("show", "01900000-0000-7000-8000-000000000000") == 64
