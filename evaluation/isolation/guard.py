"""The small program that stands between a supervisor and what it runs. Started by path with ``-I -S``; stdlib only.

``exec`` mode applies what the plan says and becomes the command; ``stay`` mode remains as the parent of the
command, takes in whatever it leaves behind, and kills all of it when the supervisor (the other end of
standard input) is gone. Limits are set here and not between fork and exec of the supervisor, which may have threads.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import platform
import resource
import select
import signal
import sys
from typing import Any, NoReturn

PR_SET_PDEATHSIG = 1
PR_SET_SECCOMP = 22
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
SECCOMP_MODE_FILTER = 2

RET_ALLOW = 0x7FFF0000
RET_ERRNO = 0x00050000
LD, JEQ, JGE, JSET, RET = 0x20, 0x15, 0x35, 0x45, 0x06
OFFSET_NR, OFFSET_ARCH, OFFSET_ARG0 = 0, 4, 16
CLONE_NEWUSER = 0x10000000
AF_UNIX = 1

# Calls that a runner never needs and that reach into other processes or widen the kernel's surface.
# Numbers from the kernel's tables for the two machines that the product's wheels exist for.
CALLS: dict[str, dict[str, Any]] = {
    "x86_64": {
        "arch": 0xC000003E, "socket": 41, "clone": 56,
        "refused": (101, 155, 165, 166, 246, 248, 249, 250, 272, 298, 308, 310, 311, 320, 321, 323),
    },
    "aarch64": {
        "arch": 0xC00000B7, "socket": 198, "clone": 220,
        "refused": (117, 41, 40, 39, 104, 217, 218, 219, 97, 241, 268, 270, 271, 294, 280, 282),
    },
}  # fmt: skip
REFUSED_EVERYWHERE = (425, 426, 427, 428, 429, 430, 431, 432, 433, 442)
"""io_uring (which can open sockets past a filter), and the mount calls that are newer than the tables split."""
CLONE3 = 435


def prctl(option: int, argument: int) -> None:
    """prctl(2) with one argument. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, argument, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


class Instruction(ctypes.Structure):
    """One instruction of a classic BPF program."""

    _fields_ = [
        ("code", ctypes.c_ushort),
        ("jt", ctypes.c_ubyte),
        ("jf", ctypes.c_ubyte),
        ("k", ctypes.c_uint),
    ]


class Program(ctypes.Structure):
    """A BPF program as the kernel takes it."""

    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.POINTER(Instruction))]


def filter_program(calls: dict[str, Any], *, sockets: bool) -> list[tuple[int, int, int, int]]:
    """The filter as (code, jump if true, jump if false, operand) rows.

    ``sockets`` False leaves only Unix sockets, for levels that have no network namespace.
    """
    refuse = (RET, 0, 0, RET_ERRNO | errno.EPERM)
    rows = [(LD, 0, 0, OFFSET_ARCH), (JEQ, 1, 0, calls["arch"]), refuse, (LD, 0, 0, OFFSET_NR)]
    if calls["arch"] == CALLS["x86_64"]["arch"]:
        rows += [(JGE, 0, 1, 0x40000000), refuse]
    for number in (*calls["refused"], *REFUSED_EVERYWHERE):
        rows += [(JEQ, 0, 1, number), refuse]
    # clone3 hides its flags behind a pointer; "not there" makes the C library use clone.
    rows += [(JEQ, 0, 1, CLONE3), (RET, 0, 0, RET_ERRNO | errno.ENOSYS)]
    rows += [(JEQ, 0, 4, calls["clone"]), (LD, 0, 0, OFFSET_ARG0), (JSET, 0, 1, CLONE_NEWUSER), refuse]
    rows += [(RET, 0, 0, RET_ALLOW)]
    if not sockets:
        rows += [(JEQ, 0, 3, calls["socket"]), (LD, 0, 0, OFFSET_ARG0), (JEQ, 1, 0, AF_UNIX), refuse]
    rows += [(RET, 0, 0, RET_ALLOW)]
    return rows


def install_filter(*, sockets: bool) -> bool:
    """Installs the system-call filter on this process and all it starts. False where the machine is unknown."""
    calls = CALLS.get(platform.machine())
    if calls is None or not sys.platform.startswith("linux"):
        return False
    rows = filter_program(calls, sockets=sockets)
    code = (Instruction * len(rows))(*(Instruction(*row) for row in rows))
    program = Program(len(rows), code)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "seccomp")
    return True


def apply(plan: dict[str, Any]) -> None:
    """Applies a plan to this process: other user, limits, no new privileges, system-call filter."""
    linux = sys.platform.startswith("linux")
    for name, value in plan.get("limits", {}).items():
        kind = getattr(resource, "RLIMIT_" + name, None)
        if kind is not None:
            lower_limit(kind, value)
    if plan.get("user") is not None:
        os.setgroups([])
        os.setresgid(plan["user"], plan["user"], plan["user"])
        os.setresuid(plan["user"], plan["user"], plan["user"])
    if linux and plan.get("die_with"):
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != plan["die_with"]:
            sys.exit(125)  # The supervisor died before the line above.
    if linux and plan.get("sacrifice"):
        with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
            file.write("800")
    if linux and plan.get("no_new_privileges"):
        prctl(PR_SET_NO_NEW_PRIVS, 1)
        if plan.get("filter") is not None:
            install_filter(sockets=plan["filter"] == "sockets")
    if plan.get("folder"):
        os.umask(0o077)
        os.chdir(plan["folder"])


def lower_limit(kind: int, value: int) -> None:
    """Lowers a resource limit, hard and soft; one that is lower already stays."""
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    try:
        resource.setrlimit(kind, (value, value))
    except (ValueError, OSError):
        # macOS takes no limit on address space; the watch over memory remains.
        if sys.platform.startswith("linux"):
            raise


def become(command: list[str]) -> NoReturn:
    """Replaces this process by the command."""
    os.execvpe(command[0], command, os.environ)  # noqa: S606 (a list, and replacing is the point)


def descendants(root: int) -> list[int]:
    """Process ids below ``root``, from /proc; empty where there is no /proc."""
    children: dict[int, list[int]] = {}
    try:
        names = [name for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []
    for name in names:
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
            parent = int(file.read().rpartition(b")")[2].split()[1])
            children.setdefault(parent, []).append(int(name))
    found: list[int] = []
    todo = [root]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


def kill_all(user: int | None) -> None:
    """Kills everything below this process; with a user of its own, everything of that user."""
    for _ in range(50):
        left = descendants(os.getpid())
        for pid in left:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not left:
            break
    if user is not None:
        helper = os.fork()
        if helper == 0:
            with contextlib.suppress(OSError):
                os.setresuid(user, user, user)
                os.kill(-1, signal.SIGKILL)
            os._exit(0)
        os.waitpid(helper, 0)


def stay(plan: dict[str, Any]) -> NoReturn:
    """Starts the command, waits for it or for the end of standard input, leaves nothing behind."""
    if sys.platform.startswith("linux"):
        prctl(PR_SET_CHILD_SUBREAPER, 1)
    here = os.getpid()
    child = os.fork()
    if child == 0:
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        apply({**plan, "die_with": here})
        become(plan["command"])
    status = wait_for(child)
    kill_all(plan.get("user"))
    if status is None:
        if not sys.platform.startswith("linux"):
            # Without /proc only the process group is known. It is ours alone, and we are done too.
            os.killpg(os.getpgrp(), signal.SIGKILL)
        os._exit(125)
    os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))


def wait_for(child: int) -> int | None:
    """The wait status of the child; None when standard input ended first."""
    while True:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == child:
            return status
        readable, _, _ = select.select([0], [], [], 0 if pid else 0.1)
        if readable and os.read(0, 1) == b"":
            return None


def main() -> NoReturn:
    """Reads the plan (JSON, first argument) and follows it."""
    plan = json.loads(sys.argv[1])
    if plan["mode"] == "stay":
        stay(plan)
    apply(plan)
    become(plan["command"])


if __name__ == "__main__":
    main()
