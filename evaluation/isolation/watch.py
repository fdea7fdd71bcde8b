"""What a run uses at this moment, seen from outside: memory, processes, disk. Linux; elsewhere what can be known is 0.

Reads /proc and the run's folder; decides nothing and kills nothing.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

MAX_FILES = 100_000
"""Files looked at in the folder of a run; one with more is over any limit."""


class Usage(NamedTuple):
    """Of all processes of a run together."""

    memory_bytes: int = 0
    """Resident private memory, and shared memory once. Pages of mapped files are not counted."""
    processes: int = 0
    """Processes and threads."""


def usage(pids: Iterable[int]) -> Usage:
    """What these processes use. One that is gone counts as nothing."""
    private, shared, threads = 0, 0, 0
    for pid in pids:
        status = _status(pid)
        private += status.get("RssAnon", 0)
        shared = max(shared, status.get("RssShmem", 0))
        threads += status.get("Threads", 0)
    return Usage((private + shared) * 1024, threads)


def descendants(root: int) -> list[int]:
    """The process and everything below it."""
    found: list[int] = []
    todo = [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += _children(pid)
    return found


def is_wall(pid: int) -> bool:
    """Whether the process is one of bubblewrap's own, which must not be told to stop."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().startswith("bwrap")
    return False


def folder_bytes(folder: Path, limit: int) -> int:
    """Allocated bytes below a folder, without following links; stops counting past ``limit``."""
    total, files, todo = 0, 0, [str(folder)]
    while todo and total <= limit:
        with contextlib.suppress(OSError), os.scandir(todo.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    facts = entry.stat(follow_symlinks=False)
                    total += facts.st_blocks * 512
                    if stat.S_ISDIR(facts.st_mode):
                        todo.append(entry.path)
                files += 1
                if files > MAX_FILES:
                    return limit + 1
    return total


def available_memory() -> int | None:
    """Bytes that could be given to processes now, within the machine and this control group."""
    found = [value for value in (_machine_available(), _group_available()) if value is not None]
    return min(found) if found else None


def kernel_kills() -> int:
    """How often the kernel has killed a process for lack of memory since it started."""
    with contextlib.suppress(OSError, ValueError), open("/proc/vmstat") as file:
        for line in file:
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0


def _status(pid: int) -> dict[str, int]:
    values: dict[str, int] = {}
    with contextlib.suppress(OSError, ValueError), open(f"/proc/{pid}/status") as file:
        for line in file:
            name, _, rest = line.partition(":")
            if name in {"RssAnon", "RssShmem", "Threads"}:
                values[name] = int(rest.split()[0])
    return values


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{task}/children") as file:
                found += [int(word) for word in file.read().split()]
    return found


def _machine_available() -> int | None:
    with contextlib.suppress(OSError, ValueError), open("/proc/meminfo") as file:
        for line in file:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return None


def _group_available() -> int | None:
    for limit, used in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ):
        with contextlib.suppress(OSError, ValueError):
            return max(int(Path(limit).read_text()) - int(Path(used).read_text()), 0)
    return None
