"""Children are started again when they die, and their logs do not grow without end."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from zoo.cli import processes
from zoo.cli.processes import Child

SLEEPER = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(60)"]


def child(tmp_path: Path, command: list[str]) -> Child:
    return Child("c", command, dict(os.environ), tmp_path / "logs" / "c.log", stop_seconds=5)


def until(condition: object, child: Child) -> None:
    deadline = time.monotonic() + 20
    while not condition():  # type: ignore[operator]
        child.look()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_dead_child_is_started_again_after_a_pause(tmp_path: Path) -> None:
    one = child(tmp_path, SLEEPER)
    one.start()
    assert one.process is not None
    first = one.process.pid
    os.kill(first, signal.SIGKILL)
    one.process.wait()
    assert one.look()
    assert not one.alive
    until(lambda: one.alive, one)
    assert one.process.pid != first
    one.stop()
    assert not one.alive


def test_pauses_grow_while_it_keeps_dying(tmp_path: Path) -> None:
    one = child(tmp_path, [sys.executable, "-c", "pass"])
    one.start()
    until(lambda: one.deaths == 2, one)
    one.stop()


def test_a_log_that_has_grown_is_turned_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "MAX_LOG_BYTES", 3)
    one = child(tmp_path, SLEEPER)
    one.start()
    until(lambda: one.log.read_text() == "here\n" or (tmp_path / "logs" / "c.old.log").exists(), one)
    one._next_log_look = 0
    one.look()
    assert (tmp_path / "logs" / "c.old.log").read_text() == "here\n"
    assert one.log.read_text() == ""
    one.stop()
