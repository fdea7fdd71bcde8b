"""The processes that chaos is let loose on: web, housekeeping, two workers, and a broker that keeps nothing."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.factories.stack import MAIN, ROOT, descendants, runners_below
from tests.faults.chaos.database import Database
from tests.faults.chaos.proxy import Proxy
from zoo.cli.broker import find_program, free_port
from zoo.cli.processes import Child, stop_all

WORKERS = ("worker-a", "worker-b")
LEASE_SECONDS = 6


@dataclass
class Fleet:
    """Everything that runs, by name. ``look`` starts again what has died."""

    home: Path
    environment: dict[str, str]
    port: int
    broker_port: int
    proxy: Proxy
    """Every process but the broker itself reaches the broker through it."""
    database: Database
    children: dict[str, Child] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def add(self, name: str, *command: str, **environment: str) -> None:
        log = self.home / "logs" / f"{name}.log"
        self.children[name] = Child(name, command, self.environment | environment, log, stop_seconds=20)

    def start(self) -> None:
        for child in self.children.values():
            child.start()

    def look(self) -> None:
        for child in self.children.values():
            if child.look():
                child.deaths = 0

    def pid(self, name: str) -> int | None:
        child = self.children[name]
        return child.process.pid if child.process is not None and child.alive else None

    def whole(self, name: str) -> list[int]:
        """The process and everything below it."""
        pid = self.pid(name)
        return [] if pid is None else [pid, *descendants(pid)]

    def runners(self, name: str) -> list[int]:
        pid = self.pid(name)
        return [] if pid is None else runners_below(pid)

    def send(self, pids: list[int], number: signal.Signals) -> int:
        sent = 0
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
                sent += 1
        return sent

    @property
    def clock(self) -> Path:
        """By how many seconds the clock of the database's machine is wrong."""
        return self.home / "clock"

    def set_clock(self, seconds: float) -> None:
        new = self.home / "clock.new"
        new.write_text(str(seconds))
        new.rename(self.clock)
        self.database.set_clock(seconds)

    def answers(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/healthz", timeout=2).is_success
        return False


@contextlib.contextmanager
def fleet(home: Path, *, database: Database) -> Iterator[Fleet]:
    """A running fleet with its own folder and ports; stopped at the end."""
    home.mkdir(parents=True)
    broker_port = free_port()
    made = Fleet(home, {}, free_port(), broker_port, Proxy(broker_port), database)
    made.proxy.start()
    made.set_clock(0)
    made.environment = _environment(made)
    _migrate(made)
    database.prepare()
    made.add(
        "valkey", find_program(), "--port", str(made.broker_port), "--bind", "127.0.0.1",
        "--dir", str(home), "--save", "", "--appendonly", "no",
    )  # fmt: skip
    made.add(
        "web", sys.executable, "-m", "uvicorn", "zoo.asgi:application", "--host", "127.0.0.1",
        "--port", str(made.port), "--no-access-log", "--log-level", "warning",
    )  # fmt: skip
    made.add(
        "jobs", sys.executable, "-m", "celery", "-A", "zoo", "worker", "-B", "--scheduler", "celery.beat:Scheduler",
        "-P", "threads", "-c", "4", "-l", "WARNING", "-n", "jobs@%h", "-Q", "zoo",
        "--without-gossip", "--without-mingle",
    )  # fmt: skip
    for name in WORKERS:
        made.add(name, sys.executable, "-m", "evaluation.worker", ZOO_WORKER_NAME=name)
    made.start()
    try:
        deadline = time.monotonic() + 120
        while not made.answers():
            assert time.monotonic() < deadline, "the web did not come up"
            time.sleep(0.2)
        yield made
    finally:
        for name in made.children:
            made.send(made.whole(name), signal.SIGCONT)
        stop_all(list(made.children.values()))
        made.proxy.stop()


def _environment(made: Fleet) -> dict[str, str]:
    kept = {
        name: os.environ[name]
        for name in ("PATH", "HOME", "LANG", "TMPDIR", "OMP_NUM_THREADS")
        if name in os.environ
    }
    return kept | {
        "PYTHONPATH": str(ROOT),
        "DJANGO_SETTINGS_MODULE": "tests.faults.chaos.settings",
        "ZOO_CHAOS_CLOCK": str(made.clock),
        "DATABASE_URL": made.database.address,
        "REDIS_URL": f"redis://127.0.0.1:{made.proxy.port}/0",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "ZOO_HOME": str(made.home),
        "ZOO_URL": made.url,
        "ZOO_WORKER_TOKEN": f"zoow_{secrets.token_urlsafe(24)}",
        "ZOO_SCRIPTED": "1",
        "ZOO_PAIR_JOBS": "0",
        "ZOO_LEASE_SECONDS": str(LEASE_SECONDS),
        "ZOO_BACKOFF_SECONDS": "1",
        "ZOO_MAX_LOST": "100",
        "ZOO_MAX_ATTEMPTS": "200",
        "ZOO_POLL_SECONDS": "2",
        "ZOO_SUBMISSIONS_PER_DAY": "1000000",
        "ZOO_SUBMISSIONS_OPEN": "1000000",
        "ZOO_SQLITE_AUTOCHECKPOINT": "0",
        "ZOO_LOG_LEVEL": "WARNING",
        "HF_HUB_OFFLINE": "1",
    }


def _migrate(made: Fleet) -> None:
    command = [sys.executable, str(ROOT / "manage.py"), "migrate", "--verbosity", "0"]
    subprocess.run(command, env=made.environment, check=True)


def token(made: Fleet) -> str:
    """An operator's access token."""
    command = [sys.executable, "-c", MAIN, "token", "create", "--scope", "operate"]
    done = subprocess.run(command, env=made.environment, check=True, capture_output=True, text=True)
    return done.stdout.strip()
