"""The supervisor does runs over the real worker API: claim, isolated child, heartbeats, upload, report."""

from __future__ import annotations

import json
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from evaluation import tasks
from evaluation.contract import RunReport, TaskResult
from evaluation.supervision.settings import WorkerSettings
from tests.factories.database import committed
from tests.factories.runs import make_run, make_user
from zoo.core import storage
from zoo.runs import queue
from zoo.runs.clock import database_now
from zoo.runs.lifecycle import State
from zoo.runs.models import LogTail, Result, Run, Worker

TOKEN = "zoow_for-tests"


@pytest.fixture
def worker(
    transactional_db: None, live_server: LiveServer, settings: Settings, tmp_path: Path
) -> Iterator[WorkerSettings]:
    settings.ZOO_WORKER_TOKEN = TOKEN
    settings.ZOO_LEASE_SECONDS = 6
    tasks.Worker._facts = None
    with committed():
        yield WorkerSettings(
            zoo_url=live_server.url, worker_token=TOKEN, redis_url="", home=tmp_path, poll_seconds=0.2
        )
    tasks.Worker._facts = None


def new_run(*tasks: str) -> Run:
    return make_run(tasks=tasks or ("scripted_choice",), user=make_user(), now=database_now())


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "this took too long"
        time.sleep(0.05)


def in_background(worker: WorkerSettings, draining: Callable[[], bool] = lambda: False) -> threading.Thread:
    thread = threading.Thread(target=lambda: tasks.serve(worker, draining=draining))
    thread.start()
    return thread


def test_runs_are_done_until_there_are_none(worker: WorkerSettings) -> None:
    runs = [new_run(), new_run("scripted_pair", "scripted_rolling")]
    assert tasks.serve(worker, draining=lambda: False) == 2
    for run in runs:
        run.refresh_from_db()
        assert run.state == State.SUCCEEDED, run.reason
        kinds = [event.kind for event in run.events.all()]
        assert kinds[:2] == ["requested", "claimed"]
        assert kinds[-1] == "recorded"
    assert Result.objects.count() == 2
    assert list(worker.runs.iterdir()) == []
    assert Worker.objects.get().runs.count() == 2


def test_progress_and_the_log_are_told_while_the_run_goes_on(worker: WorkerSettings) -> None:
    run = new_run("scripted_slow.n-40.seconds-4")
    thread = in_background(worker)
    wait_for(lambda: Run.objects.get(pk=run.pk).state == State.RUNNING)
    wait_for(lambda: (Run.objects.get(pk=run.pk).progress or {}).get("done", 0) > 0)
    wait_for(lambda: LogTail.objects.filter(run=run, text__contains="measuring").exists())
    thread.join()
    run.refresh_from_db()
    assert run.state == State.SUCCEEDED
    assert not LogTail.objects.exists()


def test_a_failure_reaches_the_run_with_its_log(worker: WorkerSettings) -> None:
    run = new_run("scripted_error")
    tasks.serve(worker, draining=lambda: False)
    run.refresh_from_db()
    assert run.state == State.FAILED
    assert run.reason is not None
    assert run.reason["code"] == "runner_error"
    assert run.artifacts.filter(kind="log").exists()


def test_a_runner_that_is_killed_is_tried_again_after_a_rest(worker: WorkerSettings) -> None:
    run = new_run("scripted_flaky")
    tasks.serve(worker, draining=lambda: False)
    run.refresh_from_db()
    assert (run.state, run.lost) == (State.QUEUED, 1)
    Run.objects.filter(pk=run.pk).update(not_before=database_now())
    tasks.serve(worker, draining=lambda: False)
    run.refresh_from_db()
    assert (run.state, run.token) == (State.SUCCEEDED, 2)


def test_cancel_stops_the_runner_within_seconds(worker: WorkerSettings) -> None:
    run = new_run("scripted_slow.n-400.seconds-60")
    thread = in_background(worker)
    wait_for(lambda: Run.objects.get(pk=run.pk).state == State.RUNNING)
    queue.cancel(run_id=run.pk, acting_user=make_user(), now=database_now())
    thread.join(timeout=20)
    assert not thread.is_alive()
    run.refresh_from_db()
    assert run.state == State.CANCELLED


def test_a_worker_that_is_stopped_gives_the_run_back_with_what_is_finished(
    worker: WorkerSettings, tmp_path: Path
) -> None:
    run = new_run("scripted_choice", "scripted_slow.n-200.seconds-6")
    stop = threading.Event()
    thread = in_background(worker, stop.is_set)
    wait_for(lambda: (Run.objects.get(pk=run.pk).progress or {}).get("done", 0) > 48)
    stop.set()
    thread.join(timeout=20)
    assert not thread.is_alive()
    run.refresh_from_db()
    assert (run.state, run.lost) == (State.QUEUED, 0)
    finished = _finished_tasks(run.artifacts.get(kind="journal").sha256)
    assert [result.task for result in finished] == ["scripted_choice"]

    elsewhere = WorkerSettings(
        zoo_url=worker.zoo_url, worker_token=TOKEN, redis_url="", home=tmp_path / "elsewhere"
    )
    tasks.serve(elsewhere, draining=lambda: False)
    run.refresh_from_db()
    assert run.state == State.SUCCEEDED
    report = run.result.report
    assert isinstance(report, RunReport)
    # Its duration too is that of the first attempt: it was not done again.
    assert report.results[0] == finished[0]


def _finished_tasks(journal: str) -> list[TaskResult]:
    with storage.open_artifact(journal) as file, tarfile.open(fileobj=file, mode="r:gz") as archive:
        results = archive.extractfile("results.jsonl")
        assert results is not None
        return [TaskResult.model_validate(json.loads(line)["result"]) for line in results]


def test_a_worker_that_loses_its_lease_kills_its_runner_and_says_nothing(worker: WorkerSettings) -> None:
    run = new_run("scripted_slow.n-400.seconds-60")
    thread = in_background(worker)
    wait_for(lambda: Run.objects.get(pk=run.pk).state == State.RUNNING)
    Run.objects.filter(pk=run.pk).update(token=99, not_before=database_now().replace(year=2100))
    thread.join(timeout=20)
    assert not thread.is_alive()
    run.refresh_from_db()
    assert run.state in (State.RUNNING, State.QUEUED)
    assert not run.artifacts.exists()


def test_a_wrong_token_claims_nothing(worker: WorkerSettings, tmp_path: Path) -> None:
    new_run()
    wrong = WorkerSettings(zoo_url=worker.zoo_url, worker_token="zoow_wrong", redis_url="", home=tmp_path)
    assert tasks.serve(wrong, draining=lambda: False) == 0


def test_a_busy_worker_leaves_other_bells_alone(worker: WorkerSettings) -> None:
    with tasks._slot(worker) as mine:
        assert mine
        assert tasks.serve(worker, draining=lambda: False) == 0
