"""kill -9 of runner, worker and broker in the middle of a run: it ends, once, with the same numbers."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from evaluation.contract import Engine, ModelSource, RunSpec
from evaluation.runners.base import Context
from evaluation.runners.scripted import ScriptedRunner
from tests.factories.stack import Installation, descendants, installation, runners_below, wait_until

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

TASKS = ("scripted_choice.n-60", "scripted_slow.n-60.seconds-6")
TEACHER = "scripted/teacher-p90"


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installation(tmp_path_factory.mktemp("home")) as running:
        yield running


def start(zoo: Installation, student: str) -> tuple[str, str]:
    """Submits a student alone and waits until its slow task is under way. Gives submission and run."""
    submission = zoo.submit(student=student, tasks=list(TASKS))
    run = zoo.api.get(f"submissions/{submission}/")["student_run"]
    wait_until(lambda: ((zoo.run(run)["progress"] or {}).get("done") or 0) > 66, seconds=60)
    return submission, run


def finished(zoo: Installation, submission: str, run: str, folder: Path) -> dict[str, Any]:
    """The run, after making sure that it succeeded once and measured what an undisturbed one measures."""
    assert zoo.wait(submission)["state"] == "succeeded"
    found = zoo.run(run)
    spec = RunSpec(model=ModelSource(name=found["model"], revision="1"), tasks=TASKS, engine=Engine.SCRIPTED)
    undisturbed = ScriptedRunner().run(spec, Context(output=folder))
    measured = found["result"]["report"]["results"]
    assert [row["score"]["value"] for row in measured] == [row.score.value for row in undisturbed.results]
    return found


def test_the_runner_is_killed(zoo: Installation, tmp_path: Path) -> None:
    submission, run = start(zoo, "scripted/runner-p71")
    victims = runners_below(zoo.pid("worker"))
    assert victims
    for victim in victims:
        os.kill(victim, signal.SIGKILL)
    found = finished(zoo, submission, run, tmp_path)
    assert found["attempts"] == 2


def test_the_worker_is_killed_and_its_runner_dies_with_it(zoo: Installation, tmp_path: Path) -> None:
    submission, run = start(zoo, "scripted/worker-p72")
    worker = zoo.pid("worker")
    below = descendants(worker)
    for victim in [worker, *below]:
        if victim not in runners_below(worker):
            os.kill(victim, signal.SIGKILL)
    wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in below), seconds=20)
    found = finished(zoo, submission, run, tmp_path)
    assert found["attempts"] == 2
    assert zoo.pid("worker") != worker


def test_the_broker_is_killed_and_the_run_does_not_notice(zoo: Installation, tmp_path: Path) -> None:
    submission, run = start(zoo, "scripted/broker-p73")
    broker = zoo.pid("valkey")
    os.kill(broker, signal.SIGKILL)
    found = finished(zoo, submission, run, tmp_path)
    assert found["attempts"] == 1
    wait_until(lambda: zoo.pid("valkey") != broker, seconds=20)
    after = zoo.submit(student="scripted/after-p74", teacher=TEACHER, tasks=["scripted_pair"])
    done = zoo.wait(after)
    assert done["state"] == "succeeded"
    assert done["comparison"] is not None


def test_with_a_frozen_broker_submitting_is_quick_and_the_run_is_done(zoo: Installation) -> None:
    broker = zoo.pid("valkey")
    os.kill(broker, signal.SIGSTOP)
    try:
        began = time.monotonic()
        submission = zoo.submit(student="scripted/frozen-p75", tasks=["scripted_pair"])
        assert time.monotonic() - began < 5, "somebody waited for the broker"
        assert zoo.wait(submission)["state"] == "succeeded"
    finally:
        os.kill(broker, signal.SIGCONT)


def test_events_are_streamed_by_the_real_server_to_the_end(zoo: Installation) -> None:
    submission = zoo.submit(student="scripted/stream-p76", tasks=["scripted_slow.n-20.seconds-2"])
    url = zoo.api.get(f"submissions/{submission}/")["events_url"]
    with httpx.stream("GET", url, headers={"Accept": "text/event-stream"}, timeout=60) as answer:
        lines = [line for line in answer.iter_lines() if line]
    assert lines[0].startswith("retry:")
    assert lines[-2:] == ["event: done", 'data: {"state": "succeeded"}']
    assert sum(line == "event: progress" for line in lines) >= 2
