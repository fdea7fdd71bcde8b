"""One process in its walls: started, read, watched, ended. What its end means is for ``child`` and ``fetch``.

One thread per process starts it and stays until it has ended, because the kernel's "die with your parent" means the
thread that forked.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evaluation.contract import Failure, Progress
from evaluation.isolation import watch
from evaluation.isolation.failures import (
    CANCELLED,
    out_of_memory,
    platform_failure,
    size_text,
    submitter_failure,
)
from evaluation.isolation.output import Lines, Log, read_progress
from evaluation.isolation.sandbox import Limits

TICK_SECONDS = 0.1
WATCH_SECONDS = 0.4
DISK_WATCH_SECONDS = 5.0
LEFT_FREE_BYTES = 256 << 20
"""A process is killed before the machine has less than this for everything else."""


@dataclass(frozen=True, slots=True)
class Command:
    """What to start, where, and how its end is reached."""

    words: Sequence[str]
    variables: Mapping[str, str]
    folder: Path
    """The one it writes to; its size is watched."""
    guarded: bool
    """Whether the outermost process is a guard that stays and cleans up when its standard input ends."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a process ended."""

    code: int
    """Exit code; above 128: the signal plus 128."""
    verdict: Failure | None
    """Why it was killed or stopped, if it was; also when the kernel did so for lack of memory."""
    seconds: float
    peak_memory_bytes: int
    log: str
    """The last lines that it printed, cleaned."""


@dataclass(slots=True)
class Process:
    """A process that is watched. Safe to use from several threads."""

    command: Command
    limits: Limits
    on_progress: Callable[[Progress], None] | None = None
    on_end: Callable[[Ending], None] | None = None
    """Called once, from the watching thread, before anyone who waits is let go."""
    progress: Progress | None = field(default=None, init=False)
    """The last progress, if there was any."""
    ended: threading.Event = field(default_factory=threading.Event, init=False)
    _log: Log = field(init=False)
    _moved: float = field(default=0.0, init=False)
    _started: float = field(default=0.0, init=False)
    _verdict: Failure | None = field(default=None, init=False)
    _stop_by: float | None = field(default=None, init=False)
    _peak: int = field(default=0, init=False)
    _popen: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, init=False)

    def __post_init__(self) -> None:
        self._log = Log(self.limits.log_bytes)

    @property
    def pid(self) -> int | None:
        """Process id of the outermost process, once it runs."""
        return self._popen.pid if self._popen is not None else None

    def last_words(self, characters: int) -> str:
        """The end of what it has printed until now, cleaned, in no more than so many characters."""
        return self._log.last_words(characters)

    def start(self) -> None:
        """Starts the process and the thread that watches it. Raises OSError when it cannot be started."""
        failed: list[BaseException] = []
        begun = threading.Event()
        threading.Thread(target=self._run, args=(begun, failed), name="run-watch", daemon=True).start()
        begun.wait()
        if failed:
            raise failed[0]

    def kill(self, failure: Failure) -> None:
        """Kills the process and everything it started, now. ``failure`` is the verdict, if there is none yet."""
        with self._lock:
            self._condemn(failure)
            self._kill_all()

    def stop(self, failure: Failure) -> None:
        """Asks the process to end (SIGTERM) and kills it after the grace time.

        One that was finished all the same, and ends with 0, has ended well.
        """
        with self._lock:
            self._condemn(failure)
            if self._stop_by is None:
                self._stop_by = time.monotonic() + self.limits.grace_seconds
            self._tell(signal.SIGTERM)

    def _run(self, begun: threading.Event, failed: list[BaseException]) -> None:
        kills = watch.kernel_kills()
        try:
            self._popen = self._open()
        except BaseException as error:
            failed.append(error)
            return
        finally:
            begun.set()
        try:
            self._follow(self._popen)
        except Exception as error:
            self._log.feed(f"the watch itself failed: {error!r}\n".encode())
            self._condemn(platform_failure("watch_failed", "The watch over the run failed."))
        finally:
            self._kill_all()
            try:
                self._end(self._popen.wait(), kills)
            finally:
                self.ended.set()

    def _open(self) -> subprocess.Popen[bytes]:
        self._started = self._moved = time.monotonic()
        return subprocess.Popen(
            self.command.words, env=dict(self.command.variables), cwd=self.command.folder, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def _end(self, code: int, kills: int) -> None:
        # bubblewrap and the guard give 128 plus the signal; Popen gives minus the signal.
        code = 128 - code if code < 0 else code
        if code == 0 and self._stop_by is not None:
            self._verdict = None
        if self._verdict is None and code == 128 + signal.SIGKILL and watch.kernel_kills() > kills:
            self._verdict = out_of_memory("the kernel killed it for lack of memory")
        seconds = time.monotonic() - self._started
        if self.on_end is not None:
            self.on_end(Ending(code, self._verdict, seconds, self._peak, self._log.tail))

    def _follow(self, popen: subprocess.Popen[bytes]) -> None:
        """Reads both pipes and looks at the limits until the process is gone and the pipes are empty."""
        assert popen.stdout is not None
        assert popen.stderr is not None
        lines = Lines()
        next_watch = next_disk = 0.0
        gone_since: float | None = None
        with popen.stdout, popen.stderr, selectors.DefaultSelector() as selector:
            selector.register(popen.stdout, selectors.EVENT_READ)
            selector.register(popen.stderr, selectors.EVENT_READ)
            while True:
                self._read(selector, popen, lines)
                now = time.monotonic()
                if popen.poll() is not None:
                    gone_since = gone_since or now
                    # Something that outlived the process may hold the pipes; it is killed next.
                    if not selector.get_map() or now - gone_since > 1:
                        break
                elif now >= next_watch:
                    next_watch = now + WATCH_SECONDS
                    with_disk = now >= next_disk
                    next_disk = now + DISK_WATCH_SECONDS if with_disk else next_disk
                    self._look(popen.pid, now, with_disk=with_disk)
        self._log.end()

    def _read(self, selector: selectors.BaseSelector, popen: subprocess.Popen[bytes], lines: Lines) -> None:
        if not selector.get_map():
            time.sleep(TICK_SECONDS)
        for key, _ in selector.select(TICK_SECONDS):
            data = os.read(key.fd, 1 << 16)
            if not data:
                selector.unregister(key.fileobj)
            elif key.fileobj is popen.stderr:
                self._log.feed(data)
            else:
                for line in lines.feed(data):
                    self._take(line)

    def _take(self, line: bytes) -> None:
        progress = read_progress(line)
        if progress is None:
            self._log.feed(line + b"\n")
            return
        if _position(progress) != _position(self.progress):
            self._moved = time.monotonic()
        self.progress = progress
        if self.on_progress is not None:
            self.on_progress(progress)

    def _look(self, pid: int, now: float, *, with_disk: bool) -> None:
        with self._lock:
            verdict = self._judge(pid, now, with_disk=with_disk)
            if verdict is not None:
                self._condemn(verdict)
                self._kill_all()

    def _judge(self, pid: int, now: float, *, with_disk: bool) -> Failure | None:
        """The reason to kill the process at this moment, if there is one."""
        if self._stop_by is not None:
            return CANCELLED if now >= self._stop_by else None
        limits = self.limits
        if now - self._started > limits.time_seconds:
            return submitter_failure(
                "time_limit",
                f"The run took longer than its limit of {limits.time_seconds:.0f} seconds.",
                "Use a smaller limit, fewer tasks or a faster worker.",
            )
        if now - self._moved > limits.stall_seconds:
            message = f"The run made no progress for {limits.stall_seconds:.0f} seconds."
            return platform_failure("stalled", message)
        return self._judge_usage(pid) or (self._judge_disk() if with_disk else None)

    def _judge_usage(self, pid: int) -> Failure | None:
        used = watch.usage(watch.descendants(pid))
        self._peak = max(self._peak, used.memory_bytes)
        limit = self.limits.memory_bytes
        available = watch.available_memory()
        if limit is not None and used.memory_bytes > limit:
            return out_of_memory(f"it used {size_text(used.memory_bytes)} and may use {size_text(limit)}")
        if available is not None and available < LEFT_FREE_BYTES < used.memory_bytes:
            return out_of_memory(f"it used {size_text(used.memory_bytes)} and the machine had no more")
        if used.processes > self.limits.processes:
            return submitter_failure(
                "too_many_processes",
                f"The run had {used.processes} processes and threads and may have {self.limits.processes}.",
                "A run needs no more than a few; an operator should look at this model.",
            )
        return None

    def _judge_disk(self) -> Failure | None:
        limit = self.limits.disk_bytes
        if watch.folder_bytes(self.command.folder, limit) <= limit:
            return None
        return submitter_failure(
            "disk_limit",
            f"The run wrote more than {size_text(limit)}.",
            "Use fewer tasks or a smaller limit, or ask an operator to raise the limit.",
        )

    def _condemn(self, failure: Failure) -> None:
        if self._verdict is None:
            self._verdict = failure

    def _tell(self, number: int) -> None:
        """Sends a signal to the process itself, not to the walls around it."""
        popen = self._popen
        if popen is None or popen.poll() is not None:
            return
        for pid in watch.descendants(popen.pid)[1:]:
            if not watch.is_wall(pid):
                with contextlib.suppress(OSError):
                    os.kill(pid, number)

    def _kill_all(self) -> None:
        """Kills walls, process and all that it left behind. Harmless when they are gone."""
        popen = self._popen
        if popen is None:
            return
        if popen.stdin is not None:
            with contextlib.suppress(OSError):
                popen.stdin.close()
        if not self.command.guarded or not sys.platform.startswith("linux"):
            if popen.poll() is None:
                with contextlib.suppress(OSError):
                    os.killpg(popen.pid, signal.SIGKILL)
            return
        # The guard kills what is below it when its standard input ends; it alone must not be killed.
        for pid in watch.descendants(popen.pid)[1:]:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)


def _position(progress: Progress | None) -> tuple[object, ...]:
    """What must change for progress to be progress."""
    if progress is None:
        return ()
    return (progress.stage, progress.task, progress.task_index, progress.done, progress.total)
