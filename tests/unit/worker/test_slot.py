"""One run at a time per worker, by a lock that ends with the work, whatever was forked meanwhile."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from evaluation import tasks
from evaluation.supervision.settings import WorkerSettings


def settings(home: Path) -> WorkerSettings:
    return WorkerSettings(zoo_url="http://zoo", worker_token="t", redis_url="", home=home)


def test_who_comes_second_does_nothing(tmp_path: Path) -> None:
    with tasks._slot(settings(tmp_path)) as first, tasks._slot(settings(tmp_path)) as second:
        assert (first, second) == (True, False)
    with tasks._slot(settings(tmp_path)) as again:
        assert again


def test_a_process_that_was_forked_meanwhile_does_not_keep_the_lock(tmp_path: Path) -> None:
    with tasks._slot(settings(tmp_path)) as mine:
        assert mine
        child = os.fork()
        if child == 0:
            signal.pause()
    try:
        with tasks._slot(settings(tmp_path)) as again:
            assert again
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
