"""Tries to get out of its walls, and writes down what it could do. Started by path; stdlib only.

``hostile.py attempts PLAN`` makes the attempts of the self-test, ``hostile.py memory MIB`` takes memory, and
``hostile.py wait`` leaves a detached grandchild and waits. It harms nothing: what it attacks was made for it.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

CLONE_NEWUSER = 0x10000000
PTRACE_ATTACH = 16
CHILDREN = 400


def connects(family: int, address: tuple[str, int] | str) -> bool:
    """Whether a connection is made."""
    with contextlib.closing(socket.socket(family)) as connection:
        connection.settimeout(2)
        connection.connect(address)
    return True


def reads(path: str, wanted: str) -> bool:
    """Whether the file can be read and holds the text."""
    return wanted in Path(path).read_bytes().decode("utf-8", "replace")


def finds_in_any_environment(wanted: str) -> bool:
    """Whether any process that can be seen has the text in its environment."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                if reads(str(folder / "environ"), wanted):
                    return True
    return False


def writes(path: str) -> bool:
    """Whether something can be written there."""
    Path(path).write_text("written")
    return True


def signals(pid: int) -> bool:
    """Whether a process may be signalled. Nothing is sent."""
    os.kill(pid, 0)
    return True


def becomes_root() -> bool:
    """Whether this process can be root, or make a namespace in which it is."""
    with contextlib.suppress(OSError):
        os.setuid(0)
    library = ctypes.CDLL(None)
    return library.unshare(CLONE_NEWUSER) == 0 or (os.getuid() == 0 and _has_powers())


def _has_powers() -> bool:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16) != 0
    return False


def traces(pid: int) -> bool:
    """Whether it can attach to a process as a debugger."""
    return bool(ctypes.CDLL(None).ptrace(PTRACE_ATTACH, pid, None, None) == 0)


def starts_children() -> bool:
    """Whether it can start very many processes."""
    started: list[int] = []
    try:
        for _ in range(CHILDREN):
            child = os.fork()
            if child == 0:
                time.sleep(30)
                os._exit(0)
            started.append(child)
        return True
    finally:
        for child in started:
            with contextlib.suppress(OSError):
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)


def grows_file(path: str, size: int) -> bool:
    """Whether one file can be made so large."""
    with open(path, "wb") as file:
        file.truncate(size)
    os.unlink(path)
    return True


def attempts(plan: Mapping[str, str | int]) -> dict[str, Callable[[], bool]]:
    """Every attempt by name."""
    port, secret = int(plan["port"]), str(plan["secret"])
    parent = int(plan["supervisor"])
    return {
        "connect_loopback": lambda: connects(socket.AF_INET, ("127.0.0.1", port)),
        "connect_unix_socket": lambda: connects(socket.AF_UNIX, str(plan["unix_socket"])),
        "own_environment": lambda: any(secret in value for value in os.environ.values()),
        "other_environments": lambda: finds_in_any_environment(secret),
        "read_private_file": lambda: reads(str(plan["private_file"]), secret),
        "write_model_folder": lambda: writes(str(plan["model_file"])),
        "write_beside_output": lambda: writes(str(plan["beside"])),
        "signal_supervisor": lambda: signals(parent),
        "trace_supervisor": lambda: traces(parent),
        "become_root": becomes_root,
        "grow_huge_file": lambda: grows_file("huge", int(plan["huge"])),
        "write_output": lambda: writes("mine"),
        # Last, since a watch may end this process for it.
        "start_many_processes": starts_children,
    }


def could(attempt: Callable[[], bool]) -> bool:
    """Whether an attempt succeeded; any error means that it did not."""
    try:
        return attempt()
    except Exception:
        return False


def main(arguments: list[str]) -> None:
    """Does what the first argument says."""
    if arguments[0] == "attempts":
        plan = json.loads(arguments[1])
        found = {}
        for name, attempt in attempts(plan).items():
            found[name] = could(attempt)
            Path("hostile.json").write_text(json.dumps(found))
    elif arguments[0] == "memory":
        hoard = []
        for _ in range(int(arguments[1])):
            hoard.append(bytearray(os.urandom(1 << 10) * (1 << 10)))
            time.sleep(0.005)
    elif arguments[0] == "wait":
        if os.fork() == 0:
            os.setsid()
        Path(f"waiting-{os.getpid()}").touch()
        time.sleep(120)


if __name__ == "__main__":
    main(sys.argv[1:])
