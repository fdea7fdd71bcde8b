"""Keeps a handful of child processes alive: starts them, starts dead ones again, stops them in order.

Their output goes to files. They die with this process where the system can arrange it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

LONGEST_PAUSE_SECONDS = 30.0
SETTLED_SECONDS = 30.0
"""A child that has lived this long is taken to be well: its next death is the first again."""
MAX_LOG_BYTES = 10 << 20
LOG_LOOK_SECONDS = 30.0
_PR_SET_PDEATHSIG = 1


@dataclass(slots=True)
class Child:
    """One child: how it is started, and how it fares."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    stop_seconds: float = 15.0
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    deaths: int = field(default=0, init=False)
    _started: float = field(default=0.0, init=False)
    _not_before: float = field(default=0.0, init=False)
    _next_log_look: float = field(default=0.0, init=False)

    def start(self) -> None:
        """Starts it, in a process group of its own, so that Ctrl-C reaches it in our order and not at once."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._turn_log_over()
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                list(self.command),
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent if sys.platform.startswith("linux") else None,
            )
        self._started = time.monotonic()
        self.log.with_suffix(".pid").write_text(f"{self.process.pid}\n")

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.poll() is None

    def look(self) -> bool:
        """Starts it again if it is dead and its pause is over; gives whether it was found dead just now."""
        now = time.monotonic()
        if self.alive:
            if now >= self._next_log_look:
                self._next_log_look = now + LOG_LOOK_SECONDS
                self._turn_log_over()
            return False
        if self.process is not None:
            if now - self._started > SETTLED_SECONDS:
                self.deaths = 0
            pause = min(LONGEST_PAUSE_SECONDS, 0.5 * 2**self.deaths)
            self.deaths += 1
            # Whatever it left behind must not live on beside its successor.
            _signal_group(self.process.pid, signal.SIGKILL)
            self.process = None
            self._not_before = now + pause
            return True
        if now >= self._not_before:
            self.start()
        return False

    def _turn_log_over(self) -> None:
        """Keeps the log from growing without end. The child appends, so emptying the file under it is safe."""
        if self.log.exists() and self.log.stat().st_size > MAX_LOG_BYTES:
            shutil.copyfile(self.log, self.log.with_suffix(".old.log"))
            os.truncate(self.log, 0)

    def stop(self) -> None:
        """Asks it to stop and waits; kills it and all it started after its time."""
        if self.process is None:
            return
        if self.alive:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=self.stop_seconds)
        _signal_group(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None


def stop_all(children: Sequence[Child]) -> None:
    """Stops the children, the last started first."""
    for child in reversed(children):
        child.stop()


def _signal_group(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return


_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform.startswith("linux") else None


def _die_with_parent() -> None:
    """Between fork and exec: asks the kernel to send SIGTERM when the parent dies."""
    assert _LIBC is not None
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
