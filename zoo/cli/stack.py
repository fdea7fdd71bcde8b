"""``zoo up``: the whole service on one machine, in one command. Ctrl-C stops all of it.

Makes the home folder with its secrets, migrates, loads the catalog, and starts broker, web, housekeeping and one
evaluation worker as processes of their own, which it starts again when they die.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Annotated, TextIO

import typer

from zoo.cli import broker
from zoo.cli.processes import Child, stop_all
from zoo.settings.env import CHECKOUT

HOST = "127.0.0.1"
READY_SECONDS = 60.0
TICK_SECONDS = 0.2
WORKER_SEES = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "XDG_RUNTIME_DIR",
    "PYTHONPATH",
    "VIRTUAL_ENV",
)
WORKER_PREFIXES = (
    "HF_",
    "CUDA_",
    "HIP_",
    "NVIDIA_",
    "OMP_",
    "MKL_",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "SSL_",
)
WORKER_NOT = (
    "ZOO_LEASE_SECONDS",
    "ZOO_SUBMISSIONS_PER_DAY",
    "ZOO_SUBMISSIONS_OPEN",
    "ZOO_UPLOAD_BYTES",
    "ZOO_UPLOAD_DAYS",
    "ZOO_ARTIFACTS",
)


class StackFailed(RuntimeError):
    """The stack cannot be started, or did not come up; the message says what to do."""


@dataclass(slots=True)
class Stack:
    """The processes of one installation. Use it as ``with running(...) as stack``."""

    home: Path
    port: int
    url: str
    worker: bool = True
    """Whether an evaluation worker is started too; it needs the 'eval' extra."""
    children: list[Child] = field(default_factory=list)

    def start(self) -> None:
        """Starts every process. Raises StackFailed, NoBroker."""
        if not port_is_free(self.port):
            raise StackFailed(f"port {self.port} is taken: stop what uses it, or give another with --port")
        if not os.environ.get("REDIS_URL"):
            configured = broker.configure(self.home)
            os.environ["REDIS_URL"] = configured.url
            self._add("valkey", configured.command, {}, stop_seconds=5)
        environment = dict(os.environ)
        python = sys.executable
        web = [python, "-m", "uvicorn", "zoo.asgi:application", "--host", HOST, "--port", str(self.port)]
        web += ["--no-access-log", "--log-level", "warning", "--timeout-graceful-shutdown", "3"]
        self._add("web", web, environment, stop_seconds=8)
        jobs = [python, "-m", "celery", "-A", "zoo", "worker", "-B", "--scheduler", "celery.beat:Scheduler"]
        jobs += ["-P", "threads", "-c", "4", "-l", "INFO", "-n", "jobs@%h", "-Q", "zoo"]
        self._add("jobs", [*jobs, "--without-gossip", "--without-mingle"], environment, stop_seconds=10)
        if self.worker:
            self._add(
                "worker", [python, "-m", "evaluation.worker"], worker_environment(self.url), stop_seconds=30
            )
        for child in self.children:
            child.start()

    def _add(
        self, name: str, command: list[str], environment: dict[str, str], *, stop_seconds: float
    ) -> None:
        log = self.home / "logs" / f"{name}.log"
        self.children.append(Child(name, command, environment, log, stop_seconds))

    def wait_until_ready(self, must_stop: Callable[[], bool] = lambda: False) -> None:
        """Waits until the web answers. Raises StackFailed when it does not, with the place of its log."""
        deadline = time.monotonic() + READY_SECONDS
        while not answers(self.port):
            self.look()
            if must_stop():
                return
            if time.monotonic() > deadline:
                raise StackFailed(
                    f"the web did not answer within {READY_SECONDS:.0f} s: see {self.home / 'logs'}"
                )
            time.sleep(TICK_SECONDS)

    def look(self) -> None:
        """Starts dead processes again, and says so."""
        for child in self.children:
            if child.look():
                print(f"{child.name} has stopped and is started again; see {child.log}", file=sys.stderr)

    def stop(self) -> None:
        """Stops everything: the worker first, so that it can still give its run back."""
        stop_all(self.children)

    def child(self, name: str) -> Child:
        """The process of this name. Raises KeyError."""
        return {child.name: child for child in self.children}[name]


@contextmanager
def running(*, home: Path, port: int, worker: bool = True, prepare_all: bool = True) -> Iterator[Stack]:
    """A running stack; stopped when the block ends. Raises StackFailed, NoBroker."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with only_one(home):
        url = f"http://{HOST}:{port}"
        set_environment(home, url)
        if prepare_all:
            prepare()
        stack = Stack(home, port, url, worker)
        stack.start()
        try:
            yield stack
        finally:
            stack.stop()


def set_environment(home: Path, url: str) -> None:
    """Sets what the processes and this one go by, where the operator has not."""
    from zoo.core.secrets import read_or_create

    os.environ["ZOO_HOME"] = str(home)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "zoo.settings.local")
    os.environ.setdefault("ZOO_PUBLIC_URL", url)
    # One process alone empties SQLite's log: two that do so at once can meet a bug of older versions of it.
    os.environ.setdefault("ZOO_SQLITE_AUTOCHECKPOINT", "false")
    os.environ.setdefault("ZOO_WORKER_TOKEN", f"zoow_{read_or_create(home / 'worker-token', length=32)}")
    root = str(CHECKOUT)
    known = os.environ.get("PYTHONPATH", "")
    if root not in known.split(os.pathsep):
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (root, known)))


def prepare() -> None:
    """Brings database and catalog up to date. Safe to repeat, and quick when there is nothing to do."""
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    from django.utils import timezone

    from zoo.licensing import services as licensing
    from zoo.lineage import loading

    loading.load(now=timezone.now())
    licensing.refresh_stale(now=timezone.now())


def worker_environment(url: str) -> dict[str, str]:
    """What the evaluation worker is given: no database, no secret key, nothing else of this process."""
    given = {
        name: value
        for name, value in os.environ.items()
        if name in WORKER_SEES
        or name.startswith(WORKER_PREFIXES)
        or (name.startswith("ZOO_") and name not in WORKER_NOT)
    }
    given["REDIS_URL"] = os.environ.get("REDIS_URL", "")
    given["ZOO_URL"] = url
    return given


def can_evaluate() -> bool:
    """Whether the 'eval' extra is installed."""
    return all(importlib.util.find_spec(name) is not None for name in ("torch", "lm_eval"))


def port_is_free(port: int) -> bool:
    """Whether nothing listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def answers(port: int) -> bool:
    """Whether the web of this machine says that it lives."""
    import httpx

    try:
        return httpx.get(f"http://{HOST}:{port}/healthz", timeout=2).is_success
    except httpx.HTTPError:
        return False


@contextmanager
def only_one(home: Path) -> Iterator[None]:
    """Holds the lock of the installation. Raises StackFailed when another process has it."""
    file: TextIO
    with (home / "stack.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackFailed(
                f"another 'zoo up' uses {home}: stop it, or set ZOO_HOME to another folder"
            ) from None
        yield


class Stopping:
    """Turns SIGINT and SIGTERM into a question that loops can ask."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = True

    def __call__(self) -> bool:
        return self.asked


def home_of_environment() -> Path:
    """ZOO_HOME, or ``var`` in the checkout."""
    return Path(os.environ.get("ZOO_HOME") or CHECKOUT / "var").expanduser().resolve()


def up(
    port: Annotated[int, typer.Option(envvar="PORT", help="Port on 127.0.0.1.")] = 8000,
    worker: Annotated[bool, typer.Option(help="Also start an evaluation worker.")] = True,
) -> None:
    """Serve everything on this machine until Ctrl-C: web, API, housekeeping, one evaluation worker."""
    home = home_of_environment()
    print(f"Data: {home}", file=sys.stderr)
    stopping = Stopping()
    try:
        with running(home=home, port=port, worker=worker) as stack:
            stack.wait_until_ready(stopping)
            if not stopping():
                _welcome(stack)
            while not stopping():
                stack.look()
                time.sleep(TICK_SECONDS)
            print("Stopping ...", file=sys.stderr)
    except (StackFailed, broker.NoBroker) as error:
        print(f"zoo: {error}", file=sys.stderr)
        raise typer.Exit(70) from None


def _welcome(stack: Stack) -> None:
    from django.utils import timezone

    from zoo.accounts.services import first_operator_ticket

    print(f"Ready:  {stack.url}", file=sys.stderr)
    ticket = first_operator_ticket(now=timezone.now())
    if ticket is not None:
        print(f"Make the operator account (link works once): {stack.url}/welcome/{ticket}/", file=sys.stderr)
    if stack.worker and not can_evaluate():
        print("No engine is installed: runs wait. Install the 'eval' extra to measure here.", file=sys.stderr)
    print(f"Logs:   {stack.home / 'logs'}    Stop: Ctrl-C", file=sys.stderr)
