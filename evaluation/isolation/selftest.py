"""What the isolation of this machine keeps in, found out by a hostile script that tries: ``zoo doctor --isolation``.

Each check is an attempt on something that the test made for it. "Holds" means that the attempt failed.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from evaluation.isolation.levels import Isolation, Level, detect, fresh_user
from evaluation.isolation.process import Command, Ending, Process
from evaluation.isolation.sandbox import Limits, Places, command, environment
from evaluation.isolation.watch import descendants

HOSTILE = Path(__file__).with_name("hostile.py")
LIMITS = Limits(time_seconds=60, stall_seconds=60, memory_bytes=1 << 30, disk_bytes=64 << 20, processes=200)
MEMORY_MIB = 256

ATTEMPTS: Mapping[str, str] = {
    "connect_loopback": "connect to a port of this machine",
    "connect_unix_socket": "connect to a Unix socket outside",
    "own_environment": "find secrets in its own environment",
    "other_environments": "read the environment of another process",
    "read_private_file": "read a file that only its starter may read",
    "write_model_folder": "change the model's files",
    "write_beside_output": "write beside its folder",
    "signal_supervisor": "signal its supervisor",
    "trace_supervisor": "attach to its supervisor as a debugger",
    "become_root": "become root or gain privileges",
    "start_many_processes": "start 400 processes",
    "grow_huge_file": "make a file far over the limit",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that a run must not be able to do."""

    name: str
    attempt: str
    """In words, as in "a run could not ..."."""
    holds: bool


@dataclass(frozen=True, slots=True)
class SelfTest:
    """What one isolation keeps in."""

    isolation: str
    checks: tuple[Check, ...]

    @property
    def holds(self) -> bool:
        """Whether every attempt failed."""
        return all(check.holds for check in self.checks)


def self_test(isolation: Isolation | None = None) -> SelfTest:
    """Tries the isolation (None: the one that runs get here). Takes a few seconds; leaves nothing behind."""
    tried = isolation or detect()
    with tempfile.TemporaryDirectory(prefix="zoo-selftest-") as name:
        base = Path(name).resolve()
        # Another user must be able to get to the folder, as in a real place for runs.
        base.chmod(0o755)
        found = _attempts(tried, base)
        checks = [Check(key, words, not found.get(key, True)) for key, words in ATTEMPTS.items()]
        checks.append(Check("write_output", "be kept from its own folder", found.get("write_output", False)))
        checks.append(Check("memory", "take more memory than it may", _memory_is_limited(tried, base)))
        checks.append(Check("dies_with_parent", "outlive its supervisor", _dies_with_parent(tried, base)))
    return SelfTest(tried.label, tuple(checks))


def _attempts(isolation: Isolation, base: Path) -> dict[str, bool]:
    """What the hostile script could do, by attempt; empty when it could not even start."""
    secret = secrets.token_hex(16)
    private, model = base / "private", base / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    private.write_text(secret)
    private.chmod(0o600)
    with _listening(base) as (port, unix_socket), _secret_holder(secret) as holder:
        plan = {
            "secret": secret,
            "port": port,
            "unix_socket": str(unix_socket),
            "private_file": str(private),
            "model_file": str(model / "config.json"),
            "beside": str(private),
            "supervisor": holder,
            "huge": LIMITS.disk_bytes * 4,
        }
        output, ending = _run(isolation, base, "attempts", json.dumps(plan), readable=(model,))
    found: dict[str, bool] = {}
    with contextlib.suppress(OSError, ValueError):
        found = json.loads((output / "hostile.json").read_text())
    if "write_output" in found and ending.verdict is not None:
        # The watch ended it over its last attempt, for the number of processes or for their memory.
        found.setdefault("start_many_processes", False)
    # A sandbox may offer a file tree of its own to write to; what counts is the file outside.
    found["write_beside_output"] = private.read_text() != secret
    found["write_model_folder"] = (model / "config.json").read_text() != "{}"
    return found


def _memory_is_limited(isolation: Isolation, base: Path) -> bool:
    limits = Limits(time_seconds=60, stall_seconds=60, memory_bytes=MEMORY_MIB << 20)
    _, ending = _run(isolation, base, "memory", str(MEMORY_MIB * 8), limits=limits)
    return ending.verdict is not None and ending.verdict.code == "out_of_memory"


def _dies_with_parent(isolation: Isolation, base: Path) -> bool:
    """Starts a supervisor of its own, kills it without warning, and looks for what is left."""
    output, words, variables, _ = _prepared(isolation, base, "wait", (), LIMITS)
    program = (
        "import json, subprocess, sys, time\n"
        "words, variables, folder = json.loads(sys.argv[1])\n"
        "words = [word.replace('DIE_WITH', str(__import__('os').getpid())) for word in words]\n"
        "child = subprocess.Popen(words, env=variables, cwd=folder, stdin=subprocess.PIPE)\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    mine = f'"die_with": {os.getpid()}'
    plan = json.dumps(
        [[word.replace(mine, '"die_with": DIE_WITH') for word in words], variables, str(output)]
    )
    with subprocess.Popen([sys.executable, "-I", "-c", program, plan], stdout=subprocess.PIPE) as supervisor:
        assert supervisor.stdout is not None
        outermost = int(supervisor.stdout.readline())
        started = _wait_until(lambda: len(list(output.glob("waiting-*"))) == 2)
        pids = descendants(outermost)
        supervisor.kill()
    return started and _wait_until(lambda: not any(_lives(pid) for pid in pids))


def _run(
    isolation: Isolation,
    base: Path,
    *arguments: str,
    readable: tuple[Path, ...] = (),
    limits: Limits = LIMITS,
) -> tuple[Path, Ending]:
    output, words, variables, walled = _prepared(isolation, base, arguments, readable, limits)
    endings: list[Ending] = []
    process = Process(Command(words, variables, output, guarded=not walled), limits, on_end=endings.append)
    process.start()
    process.ended.wait()
    return output, endings[0]


def _prepared(
    isolation: Isolation,
    base: Path,
    arguments: tuple[str, ...] | str,
    readable: tuple[Path, ...],
    limits: Limits,
) -> tuple[Path, list[str], dict[str, str], bool]:
    """The output folder, the words, the environment, and whether bubblewrap is used."""
    arguments = (arguments,) if isinstance(arguments, str) else arguments
    output = base / f"out-{arguments[0]}"
    output.mkdir(mode=0o700)
    user = fresh_user() if isolation.other_user else None
    if user is not None:
        os.chown(output, user, user)
    places = Places(output, readable)
    variables = environment(places, isolation)
    inner = [sys.executable, "-I", str(HOSTILE), *arguments]
    words = command(isolation, inner, places=places, limits=limits, variables=variables, user=user)
    walled = isolation.level is Level.BUBBLEWRAP
    return output, words, {} if walled else variables, walled


@contextlib.contextmanager
def _listening(base: Path) -> Iterator[tuple[int, Path]]:
    """A port on the loopback and a private Unix socket on which somebody listens."""
    path = base / "socket"
    with socket.create_server(("127.0.0.1", 0)) as first, socket.socket(socket.AF_UNIX) as second:
        second.bind(str(path))
        path.chmod(0o600)
        second.listen()
        for listener in (first, second):
            threading.Thread(target=_accept, args=(listener,), daemon=True).start()
        yield first.getsockname()[1], path


def _accept(listener: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            listener.accept()[0].close()


@contextlib.contextmanager
def _secret_holder(secret: str) -> Iterator[int]:
    """A process with a secret in its environment, as a supervisor has; gives its process id."""
    holder = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", "import time; time.sleep(120)"],
        env={"ZOO_SELFTEST_SECRET": secret},
    )
    try:
        yield holder.pid
    finally:
        holder.kill()
        holder.wait()


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] != b"Z"
    except OSError:
        return False


def _wait_until(condition: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def main() -> int:
    """Prints what holds; for ``python -m evaluation.isolation.selftest``. Gives 0 when everything does."""
    result = self_test()
    sys.stdout.write(f"Isolation: {result.isolation}\n")
    for check in result.checks:
        sys.stdout.write(f"  a run {'could not' if check.holds else 'COULD'} {check.attempt}\n")
    return 0 if result.holds else 1


if __name__ == "__main__":
    sys.exit(main())
