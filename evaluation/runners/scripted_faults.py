"""Faults that a scripted task can strike with, in the middle of its documents.

Each does for real what a broken or hostile runner does, so that isolation, supervision and recording
are tested against the thing itself. Kept apart from the answers, which are tame.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from evaluation.runners.base import platform_failure, submitter_failure

STRUCK = "struck"
"""A file in the output folder that says that a fault which strikes once has struck."""


class Situation(NamedTuple):
    """What a fault may touch: the output folder, the model's name, and the notes of the report."""

    output: Path
    model: str
    note: Callable[[str], None]


def error(situation: Situation) -> None:
    """A bug in a runner: an exception that nobody expects."""
    raise RuntimeError(f"a scripted error while answering for {situation.model}")


def refuse(situation: Situation) -> None:
    """A reason that the submitter can mend."""
    raise submitter_failure("scripted_refusal", "This task always refuses.", "Choose another task.")


def nan(situation: Situation) -> None:
    """Log-likelihoods that are not numbers."""
    raise submitter_failure(
        "non_finite_outputs",
        "The model gave log-likelihoods that are not finite.",
        "Try dtype float32, or check that the weights are whole.",
    )


def oom(situation: Situation) -> None:
    """The engine's own out-of-memory error."""
    raise platform_failure("out_of_memory", "The model did not fit: scripted.", "Use a smaller batch size.")


def memory(situation: Situation) -> None:
    """Takes memory until it is stopped."""
    hoard = []
    while True:
        hoard.append(bytearray(os.urandom(1 << 20)) * 64)


def killed(situation: Situation) -> None:
    """Dies as by the kernel's out-of-memory killer."""
    os.kill(os.getpid(), signal.SIGKILL)


def crash(situation: Situation) -> None:
    """A fault in native code."""
    faulthandler.disable()
    os.kill(os.getpid(), signal.SIGSEGV)


def leave(situation: Situation) -> None:
    """Ends without a word and without a report, as if all were well."""
    os._exit(0)


def flaky(situation: Situation) -> None:
    """Is killed the first time, and goes on where it stopped the second time."""
    marker = situation.output / STRUCK
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)


def hang(situation: Situation) -> None:
    """Stands still, and says nothing more."""
    while True:
        time.sleep(3600)


def stubborn(situation: Situation) -> None:
    """Stands still and does not hear SIGTERM or SIGINT."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    hang(situation)


def spin(situation: Situation) -> None:
    """Uses a core for ever."""
    while True:
        pass


def orphan(situation: Situation) -> None:
    """Leaves a grandchild in a session of its own, which keeps every pipe open and a file growing."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            _haunt(situation.output)
        os._exit(0)
    os.wait()
    situation.note("left a process behind")


def _haunt(output: Path) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with contextlib.suppress(Exception), (output / "orphan").open("a", buffering=1) as file:
        for beat in range(600):
            file.write(f"{os.getpid()} {beat}\n")
            time.sleep(0.1)
    os._exit(0)


def garbage(situation: Situation) -> None:
    """Writes a report that is none, says progress that is none, and leaves with success."""
    (situation.output / "report.json").write_bytes(b'{"kind": "run", "identity": \xff\xfe NaN')
    for descriptor in (1, 3):
        with contextlib.suppress(OSError):
            os.write(descriptor, b"\x00\xff not json\n{}\n[1, 2]\n" + b"x" * 100_000 + b"\n")
    os._exit(0)


def forged(situation: Situation) -> None:
    """Leaves a well-formed report of another run and goes."""
    (situation.output / "report.json").write_text(
        '{"kind": "run", "version": 1, "identity": "' + "0" * 64 + '", "failure": '
        '{"code": "forged", "fault": "submitter", "message": "another run\'s report"}}'
    )
    os._exit(0)


def flood(situation: Situation) -> None:
    """Writes 64 MB to stdout and stderr."""
    for _ in range(1024):
        os.write(1, b"o" * 65535 + b"\n")
        os.write(2, b"e" * 65535 + b"\n")


def fill(situation: Situation) -> None:
    """Fills the output folder until it is stopped."""
    with (situation.output / "filler").open("wb") as file:
        while True:
            file.write(os.urandom(1 << 20) * 16)


def fork_bomb(situation: Situation) -> None:
    """Starts up to 2,000 processes that sleep, and notes how many it got."""
    started = 0
    with contextlib.suppress(OSError):
        for _ in range(2000):
            if os.fork() == 0:
                time.sleep(20)
                os._exit(0)
            started += 1
    situation.note(f"started {started} processes")


def network(situation: Situation) -> None:
    """Tries to leave the machine, and notes whether the way was open."""
    try:
        with socket.create_connection(("192.0.2.1", 80), timeout=1):
            situation.note("network: open")
    except TimeoutError:
        situation.note("network: no answer")
    except OSError as error:
        situation.note(f"network: {error.strerror or 'refused'}")


def escape(situation: Situation) -> None:
    """Tries to write beside its folder and to read secrets, and notes what it could do."""
    target = situation.output.parent / "escaped"
    try:
        target.write_text("was here")
        situation.note("escape: wrote outside the output folder")
    except OSError as error:
        situation.note(f"escape: {error.strerror}")
    secrets = [name for name in os.environ if "TOKEN" in name or "SECRET" in name or "PASSWORD" in name]
    situation.note(f"secrets in the environment: {len(secrets)}")


def links(situation: Situation) -> None:
    """Puts a symbolic link to a foreign file where the samples belong, and leaves with success."""
    samples = situation.output / "samples.parquet"
    samples.unlink(missing_ok=True)
    samples.symlink_to("/etc/passwd")
    os._exit(0)


def threads(situation: Situation) -> None:
    """Fails in the main thread while other threads, not daemons, go on for ever."""
    threading.Thread(target=hang, args=(situation,)).start()
    raise RuntimeError("the main thread is gone, another one lives")


def deep(situation: Situation) -> None:
    """Recurses until Python gives up."""
    sys.setrecursionlimit(2000)
    deep(situation)


FAULTS: dict[str, Callable[[Situation], None]] = {
    function.__name__: function
    for function in (
        error,
        refuse,
        nan,
        oom,
        memory,
        killed,
        crash,
        leave,
        flaky,
        hang,
        stubborn,
        spin,
        orphan,
        garbage,
        forged,
        flood,
        fill,
        fork_bomb,
        network,
        escape,
        links,
        threads,
        deep,
    )
}
