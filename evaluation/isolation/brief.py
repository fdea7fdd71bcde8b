"""A short program on a stranger's file, in the walls of a run: seconds of time, little memory, one word back."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, NamedTuple

from evaluation.isolation.levels import Level, detect, fresh_user
from evaluation.isolation.sandbox import Limits, Places, command, environment

MAX_ANSWER = 1 << 20
CPU_SIGNALS = {128 + signal.SIGXCPU, 128 + signal.SIGKILL}


class Budget(NamedTuple):
    """What a short program may use."""

    cpu_seconds: int
    memory_bytes: int
    """Of address space, so that asking for too much fails at once."""


class Answer(NamedTuple):
    """What it printed, and how it ended."""

    text: str
    code: int
    out_of_time: bool


def run_briefly(
    inner: Sequence[str], *, budget: Budget, readable: Sequence[Path] = (), file: IO[bytes] | None = None
) -> Answer:
    """Runs ``inner`` and waits for it. ``readable`` are the folders it may see.

    ``file`` is handed over open, under the number that it has here, whoever may open it by name.

    Uses the strongest isolation that works here, limits alone at the least. Raises OSError when it cannot be started.
    """
    isolation = detect()
    with tempfile.TemporaryDirectory(prefix="zoo-brief-") as name:
        base = Path(name).resolve()
        base.chmod(0o755)
        output = base / "out"
        output.mkdir(mode=0o700)
        user = fresh_user() if isolation.other_user else None
        if user is not None:
            os.chown(output, user, user)
        places = Places(output, tuple(readable))
        variables = environment(places, isolation, {"RAYON_NUM_THREADS": "1"})
        words = command(
            isolation,
            inner,
            places=places,
            limits=Limits(disk_bytes=1 << 20),
            variables=variables,
            user=user,
            own_limits={"CPU": budget.cpu_seconds, "AS": budget.memory_bytes},
        )
        given = {} if isolation.level is Level.BUBBLEWRAP else variables
        numbers = (file.fileno(),) if file is not None else ()
        return _wait(words, given, output, numbers, seconds=3 * budget.cpu_seconds + 10)


def _wait(
    words: Sequence[str], variables: dict[str, str], folder: Path, numbers: tuple[int, ...], *, seconds: float
) -> Answer:
    process = subprocess.Popen(
        words, env=variables, cwd=folder, start_new_session=True, pass_fds=numbers,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    with process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            text = _read(process.stdout, seconds)
            code = process.wait(timeout=seconds)
        except (subprocess.TimeoutExpired, TimeoutError):
            # A guard cleans up when its standard input ends; bubblewrap must be killed.
            process.stdin.close()
            os.killpg(process.pid, signal.SIGTERM if variables else signal.SIGKILL)
            return Answer("", 128 + signal.SIGKILL, True)
    code = 128 - code if code < 0 else code
    return Answer(text.decode("utf-8", "replace").strip(), code, code in CPU_SIGNALS)


def _read(stream: IO[bytes], seconds: float) -> bytes:
    """What is printed until the stream ends or enough has come. Raises TimeoutError."""
    end = time.monotonic() + seconds
    data = b""
    while len(data) < MAX_ANSWER:
        readable, _, _ = select.select([stream], [], [], max(end - time.monotonic(), 0))
        if not readable:
            raise TimeoutError
        block = os.read(stream.fileno(), 1 << 16)
        if not block:
            break
        data += block
    return data
