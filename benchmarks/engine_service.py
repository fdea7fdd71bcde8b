"""What the service adds to ``zoo evaluate``: the same pair through a whole stack and by the command, in turn.

Wall time, since waiting is what a service adds; so it means something on a quiet machine only, and the load stands
beside it. Each side does two runs, student and teacher. The job with both loaded is off: no submission waits for it.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.engine_processes import PAIR_BATCH, ROOT, Place, evaluate
from evaluation.demo import shipped
from zoo.cli.broker import free_port
from zoo.cli.client import Api, ApiProblem, Unreachable

MAIN = "from zoo.cli.main import main; main()"
RUNS = 2
LIMIT = 20
FINAL = ("succeeded", "failed", "cancelled")


def overhead(place: Place, rounds: int) -> dict[str, Any]:
    """Seconds that one run takes longer through the service, by the median of the rounds; and a re-submission's."""
    service: list[float] = []
    command: list[float] = []
    again: list[float] = []
    for number in range(rounds):
        for kind in ("service", "command") if number % 2 == 0 else ("command", "service"):
            if kind == "command":
                command.append(by_the_command(place))
                continue
            first, second = through_the_service(place)
            service.append(first)
            again.append(second)
    apart = [(a - b) / RUNS for a, b in zip(service, command, strict=True)]
    return {
        "what": f"demonstration pair, ARC-Easy, {LIMIT} documents: {RUNS} runs and their comparison",
        "wall_seconds": {
            "service": _rounded(service),
            "command": _rounded(command),
            "the same submission again": _rounded(again),
        },
        "seconds_a_run": round(statistics.median(apart), 2),
        "range": [round(min(apart), 2), round(max(apart), 2)],
        "target": 3,
        "again_share": round(statistics.median(b / a for a, b in zip(service, again, strict=True)), 4),
        "again_target": 0.02,
    }


def _rounded(values: list[float]) -> list[float]:
    return [round(value, 2) for value in values]


def by_the_command(place: Place) -> float:
    """Wall seconds of ``zoo evaluate`` from an empty home."""
    folders = [shipped.model_directory(name) for name in (shipped.CAUSAL_STUDENT, shipped.CAUSAL_TEACHER)]
    asked = ("--tasks", "arc_easy", "--limit", str(LIMIT), "--no-pair")
    return float(evaluate(place, place.fresh("home"), folders[0], folders[1], *asked)["wall"])


def through_the_service(place: Place) -> tuple[float, float]:
    """Wall seconds from a request to the finished submission, on a stack that is up: new to it, and asked again."""
    with stack(place) as api:
        return _submitted(api), _submitted(api)


def _submitted(api: Api) -> float:
    body = {
        "student": shipped.CAUSAL_STUDENT,
        "teacher": shipped.CAUSAL_TEACHER,
        "tasks": ["arc_easy"],
        "limit": LIMIT,
        "batch_size": PAIR_BATCH,
    }
    started = time.monotonic()
    submission = api.post("submissions/", body)["id"]
    while (state := api.get(f"submissions/{submission}/"))["state"] not in FINAL:
        time.sleep(0.1)
    if state["state"] != "succeeded":
        raise SystemExit(f"the submission has {state['state']}: {state['reason']}")
    return time.monotonic() - started


@contextlib.contextmanager
def stack(place: Place) -> Iterator[Api]:
    """A stack of its own with an empty home, and a client with a token."""
    home, port = place.fresh("service"), free_port()
    url = f"http://127.0.0.1:{port}"
    environment = place.environment | {
        "ZOO_HOME": str(home),
        "ZOO_URL": url,
        "PORT": str(port),
        "ZOO_PAIR_JOBS": "0",
    }
    process = subprocess.Popen(
        [sys.executable, "-c", MAIN, "up", "--port", str(port)],
        env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield _ready(environment, url)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
        shutil.rmtree(home, ignore_errors=True)


def _ready(environment: dict[str, str], url: str) -> Api:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        with contextlib.suppress(Unreachable, ApiProblem):
            Api(url, None).get("status/")
            done = subprocess.run(
                [sys.executable, "-c", MAIN, "token", "create", "--scope", "submit"],
                env=environment, cwd=ROOT, capture_output=True, text=True, check=True,
            )  # fmt: skip
            _wait_for_a_worker(url, deadline)
            return Api(url, done.stdout.strip())
        time.sleep(0.5)
    raise SystemExit("the stack did not come up")


def _wait_for_a_worker(url: str, deadline: float) -> None:
    while time.monotonic() < deadline:
        if Api(url, None).get("workers/")["results"]:
            return
        time.sleep(0.5)
    raise SystemExit("no worker came up")
