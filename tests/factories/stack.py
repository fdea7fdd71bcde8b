"""A real installation for tests: ``zoo up`` in a process of its own, with its own home, port and database."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.cli.broker import free_port
from zoo.cli.client import Api, ApiProblem, Unreachable

ROOT = Path(__file__).resolve().parents[2]
MAIN = "from zoo.cli.main import main; main()"
FINAL = {"succeeded", "failed", "cancelled"}


@dataclass
class Installation:
    """A running stack as its users see it, and its processes as a saboteur sees them."""

    home: Path
    port: int
    environment: dict[str, str]
    api: Api
    process: subprocess.Popen[bytes]

    def submit(self, **body: Any) -> str:
        return str(self.api.post("submissions/", body)["id"])

    def wait(self, submission: str, *, seconds: float = 90) -> dict[str, Any]:
        """The submission once it has ended; a server that is away for a while is asked again."""
        found: dict[str, Any] = {}

        def ended() -> bool:
            nonlocal found
            with contextlib.suppress(Unreachable):
                found = self.api.get(f"submissions/{submission}/")
            return found.get("state") in FINAL

        wait_until(ended, seconds=seconds)
        return found

    def run(self, identifier: str) -> dict[str, Any]:
        return self.api.get(f"runs/{identifier}/")

    def pid(self, name: str) -> int:
        return int((self.home / "logs" / f"{name}.pid").read_text())

    def log(self, name: str) -> str:
        return (self.home / "logs" / f"{name}.log").read_text(errors="replace")


@contextlib.contextmanager
def installation(home: Path, **settings: str) -> Iterator[Installation]:
    """Starts ``zoo up`` and stops it as Ctrl-C does. Short leases and rests, so that tests need not wait."""
    port = free_port()
    environment = clean_environment() | {
        "ZOO_HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "ZOO_SCRIPTED": "1",
        "ZOO_PAIR_JOBS": "0",
        "ZOO_LEASE_SECONDS": "6",
        "ZOO_BACKOFF_SECONDS": "1",
        "ZOO_POLL_SECONDS": "1",
        "ZOO_SUBMISSIONS_PER_DAY": "100000",
        "ZOO_SUBMISSIONS_OPEN": "100000",
        **settings,
    }
    home.mkdir(parents=True, exist_ok=True)
    with (home / "up.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", MAIN, "up", "--port", str(port)], env=environment, stdout=log, stderr=log
        )
    try:
        anonymous = Api(f"http://127.0.0.1:{port}", None)
        wait_until(lambda: _answers(anonymous, process, home), seconds=120)
        anonymous.close()
        token = zoo("token", "create", "--scope", "operate", environment=environment).strip()
        api = Api(anonymous.url, token)
        yield Installation(home, port, environment, api, process)
        api.close()
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def zoo(*words: str, environment: dict[str, str]) -> str:
    """Runs the ``zoo`` command and gives its stdout."""
    done = subprocess.run(
        [sys.executable, "-c", MAIN, *words], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def clean_environment() -> dict[str, str]:
    """This environment without what would change an installation."""
    ours = ("ZOO_", "DJANGO_", "DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ALLOWED_HOSTS", "HF_TOKEN")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def _answers(api: Api, process: subprocess.Popen[bytes], home: Path) -> bool:
    assert process.poll() is None, (home / "up.log").read_text()
    try:
        api.get("status/")
    except (Unreachable, ApiProblem):
        return False
    return True


def wait_until(condition: Callable[[], bool], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"this took more than {seconds} s"
        time.sleep(0.1)


def descendants(pid: int) -> list[int]:
    """Process ids below a process."""
    found, todo = [], [pid]
    while todo:
        parent = todo.pop()
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{parent}/task"):
                children = Path(f"/proc/{parent}/task/{task}/children").read_text().split()
                found += [int(child) for child in children]
                todo += [int(child) for child in children]
    return found


def command_of(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""


def runners_below(pid: int) -> list[int]:
    """The processes below a worker that score a model: the innermost ones of a run."""
    return [
        child
        for child in descendants(pid)
        if "-m evaluation " in command_of(child)
        and "bwrap" not in command_of(child)
        and "guard.py" not in command_of(child)
    ]
