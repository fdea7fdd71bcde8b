"""Starts the runner in its walls, watches it, ends it, and turns whatever happened into a report.

One thread per run starts the process and stays until it has ended, because the kernel's "die with your
parent" means the thread that forked. Knows nothing of queues: a supervisor asks ``poll`` or ``wait``.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from evaluation.contract import Failure, Fault, PairReport, PairSpec, Progress, RunReport, RunSpec
from evaluation.isolation import watch
from evaluation.isolation.levels import Isolation, Level, choose, fresh_user
from evaluation.isolation.output import Lines, Log, read_progress
from evaluation.isolation.result import BadResult, read_report
from evaluation.isolation.sandbox import Limits, Places, command, environment

SPEC_NAME = "spec.json"
TICK_SECONDS = 0.1
WATCH_SECONDS = 0.4
DISK_WATCH_SECONDS = 5.0
LEFT_FREE_BYTES = 256 << 20
"""A run is killed before the machine has less than this for everything else."""
OUT_OF_MEMORY_REMEDY = "Use a smaller batch size or a worker with more memory."


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. The report holds results or a failure; a death has become a failure."""

    report: RunReport | PairReport
    exit_code: int | None
    """Of the process; above 128: the signal plus 128. None when it never started."""
    seconds: float
    peak_memory_bytes: int
    log: str
    """The last lines that it printed, cleaned. For operators, not for pages."""
    isolation: str

    @property
    def failure(self) -> Failure | None:
        """Why there is no result, if there is none."""
        return self.report.failure


@dataclass(slots=True)
class Child:
    """A run that was started. Safe to use from several threads."""

    spec: RunSpec | PairSpec
    isolation: Isolation
    places: Places
    limits: Limits
    on_progress: Callable[[Progress], None] | None
    expected: Mapping[str, int]
    words: Sequence[str]
    variables: Mapping[str, str]
    _log: Log = field(init=False)
    _progress: Progress | None = field(default=None, init=False)
    _moved: float = field(default=0.0, init=False)
    _started: float = field(default=0.0, init=False)
    _verdict: Failure | None = field(default=None, init=False)
    _stop_by: float | None = field(default=None, init=False)
    _peak: int = field(default=0, init=False)
    _outcome: Outcome | None = field(default=None, init=False)
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _ended: threading.Event = field(default_factory=threading.Event, init=False)

    def __post_init__(self) -> None:
        self._log = Log(self.limits.log_bytes)

    @property
    def progress(self) -> Progress | None:
        """The last progress, if there was any."""
        return self._progress

    @property
    def pid(self) -> int | None:
        """Process id of the outermost process, once it runs."""
        return self._process.pid if self._process is not None else None

    def poll(self) -> Outcome | None:
        """The outcome if the run has ended."""
        return self._outcome if self._ended.is_set() else None

    def wait(self, timeout: float | None = None) -> Outcome:
        """Waits for the end. Raises TimeoutError when ``timeout`` seconds pass before it."""
        if not self._ended.wait(timeout):
            raise TimeoutError("the run has not ended yet")
        assert self._outcome is not None
        return self._outcome

    def kill(self, failure: Failure | None = None) -> None:
        """Kills the run and everything it started, now. ``failure`` is what the outcome then says."""
        with self._lock:
            self._condemn(failure or CANCELLED)
            self._kill_group()

    def stop(self, failure: Failure | None = None) -> None:
        """Asks the run to end (SIGTERM: it stores what is finished) and kills it after the grace time."""
        with self._lock:
            self._condemn(failure or CANCELLED)
            if self._stop_by is None:
                self._stop_by = time.monotonic() + self.limits.grace_seconds
            self._tell(signal.SIGTERM)

    def start(self) -> None:
        """Starts the process and the thread that watches it. Raises OSError when it cannot be started."""
        failed: list[BaseException] = []
        begun = threading.Event()
        thread = threading.Thread(target=self._run, args=(begun, failed), name="run-watch", daemon=True)
        thread.start()
        begun.wait()
        if failed:
            raise failed[0]

    def _run(self, begun: threading.Event, failed: list[BaseException]) -> None:
        kills = watch.kernel_kills()
        try:
            given = {} if self.isolation.level is Level.BUBBLEWRAP else dict(self.variables)
            self._process = subprocess.Popen(
                self.words, env=given, cwd=self.places.output, start_new_session=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )  # fmt: skip
        except BaseException as error:
            failed.append(error)
            return
        finally:
            begun.set()
        self._started = self._moved = time.monotonic()
        try:
            self._follow(self._process)
            self._outcome = self._conclude(
                self._process.wait(), killed_by_kernel=watch.kernel_kills() > kills
            )
        except Exception as error:
            self._log.feed(f"the watch itself failed: {error!r}\n".encode())
            self._outcome = self._ended_with(
                _platform("watch_failed", "The watch over the run failed."), None
            )
        finally:
            self._kill_group()
            self._ended.set()

    def _follow(self, process: subprocess.Popen[bytes]) -> None:
        """Reads both pipes and looks at the limits until the process is gone and the pipes are empty."""
        assert process.stdout is not None
        assert process.stderr is not None
        lines = Lines()
        next_watch = next_disk = 0.0
        gone_since: float | None = None
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            selector.register(process.stderr, selectors.EVENT_READ)
            while True:
                self._read(selector, process, lines)
                now = time.monotonic()
                if process.poll() is not None:
                    gone_since = gone_since or now
                    # Something that outlived the process may hold the pipes; the group is killed next.
                    if not selector.get_map() or now - gone_since > 1:
                        break
                    continue
                if now >= next_watch:
                    next_watch = now + WATCH_SECONDS
                    with_disk = now >= next_disk
                    next_disk = now + DISK_WATCH_SECONDS if with_disk else next_disk
                    self._look(process.pid, now, with_disk=with_disk)
        self._log.end()

    def _read(self, selector: selectors.BaseSelector, process: subprocess.Popen[bytes], lines: Lines) -> None:
        for key, _ in selector.select(TICK_SECONDS):
            data = os.read(key.fd, 1 << 16)
            if not data:
                selector.unregister(key.fileobj)
            elif key.fileobj is process.stderr:
                self._log.feed(data)
            else:
                for line in lines.feed(data):
                    self._take(line)

    def _take(self, line: bytes) -> None:
        progress = read_progress(line)
        if progress is None:
            self._log.feed(line + b"\n")
            return
        if _position(progress) != _position(self._progress):
            self._moved = time.monotonic()
        self._progress = progress
        if self.on_progress is not None:
            self.on_progress(progress)

    def _look(self, pid: int, now: float, *, with_disk: bool) -> None:
        with self._lock:
            verdict = self._judge(pid, now, with_disk=with_disk)
            if verdict is not None:
                self._condemn(verdict)
                self._kill_group()

    def _judge(self, pid: int, now: float, *, with_disk: bool) -> Failure | None:
        """The reason to kill the run at this moment, if there is one."""
        if self._stop_by is not None:
            return CANCELLED if now >= self._stop_by else None
        limits = self.limits
        if now - self._started > limits.time_seconds:
            return _submitter(
                "time_limit",
                f"The run took longer than its limit of {limits.time_seconds:.0f} seconds.",
                "Use a smaller limit, fewer tasks or a faster worker.",
            )
        if now - self._moved > limits.stall_seconds:
            return _platform("stalled", f"The run made no progress for {limits.stall_seconds:.0f} seconds.")
        return self._judge_usage(pid) or (self._judge_disk() if with_disk else None)

    def _judge_usage(self, pid: int) -> Failure | None:
        used = watch.usage(watch.descendants(pid))
        self._peak = max(self._peak, used.memory_bytes)
        limit = self.limits.memory_bytes
        available = watch.available_memory()
        if limit is not None and used.memory_bytes > limit:
            return _out_of_memory(f"it used {_size(used.memory_bytes)} and may use {_size(limit)}")
        if available is not None and available < LEFT_FREE_BYTES and used.memory_bytes > LEFT_FREE_BYTES:
            return _out_of_memory(f"it used {_size(used.memory_bytes)} and the machine had no more")
        if used.processes > self.limits.processes:
            return _submitter(
                "too_many_processes",
                f"The run had {used.processes} processes and threads and may have {self.limits.processes}.",
                "A run needs no more than a few; an operator should look at this model.",
            )
        return None

    def _judge_disk(self) -> Failure | None:
        limit = self.limits.disk_bytes
        if watch.folder_bytes(self.places.output, limit) <= limit:
            return None
        return _submitter(
            "disk_limit",
            f"The run wrote more than {_size(limit)}.",
            "Use fewer tasks or a smaller limit, or ask an operator to raise the limit.",
        )

    def _conclude(self, code: int, *, killed_by_kernel: bool) -> Outcome:
        # bubblewrap and the guard give 128 plus the signal; Popen gives minus the signal.
        code = 128 - code if code < 0 else code
        if self._verdict is not None:
            return self._ended_with(self._verdict, code)
        if code == 128 + signal.SIGKILL and killed_by_kernel:
            return self._ended_with(_out_of_memory("the kernel killed it for lack of memory"), code)
        if code > 128:
            return self._ended_with(_crashed(f"was killed by {_signal_name(code - 128)}"), code)
        try:
            report = read_report(
                self.places.output, self.spec, limit=self.limits.report_bytes,
                samples_limit=self.limits.samples_bytes, expected=self.expected,
            )  # fmt: skip
        except BadResult as error:
            failure = error.failure if code in (0, 70) else _crashed(f"ended with code {code}")
            return self._ended_with(failure, code)
        if code != 0 and report.failure is None:
            return self._ended_with(_crashed(f"ended with code {code} after its report"), code)
        return self._outcome_of(self._with_isolation(report), code)

    def _with_isolation(self, report: RunReport | PairReport) -> RunReport | PairReport:
        """The report with the isolation that we gave it, whatever it claims."""
        if report.environment is None:
            return report
        known = report.environment.model_copy(update={"isolation": self.isolation.label})
        return report.model_copy(update={"environment": known})

    def _ended_with(self, failure: Failure, code: int | None) -> Outcome:
        identity = self.spec.identity()
        if isinstance(self.spec, PairSpec):
            return self._outcome_of(PairReport(identity=identity, failure=failure), code)
        return self._outcome_of(RunReport(identity=identity, failure=failure), code)

    def _outcome_of(self, report: RunReport | PairReport, code: int | None) -> Outcome:
        seconds = time.monotonic() - self._started
        return Outcome(report, code, seconds, self._peak, self._log.tail, self.isolation.label)

    def _condemn(self, failure: Failure) -> None:
        if self._verdict is None:
            self._verdict = failure

    def _tell(self, number: int) -> None:
        """Sends a signal to the run itself, not to the walls around it."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        for pid in watch.descendants(process.pid)[1:]:
            if not watch.is_wall(pid):
                with contextlib.suppress(OSError):
                    os.kill(pid, number)

    def _kill_group(self) -> None:
        """Kills walls, run and all that it left behind. Harmless when they are gone."""
        process = self._process
        if process is None:
            return
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
        if self.isolation.level is Level.BUBBLEWRAP or not sys.platform.startswith("linux"):
            if process.poll() is None:
                with contextlib.suppress(OSError):
                    os.killpg(process.pid, signal.SIGKILL)
            return
        # The guard kills what is below it when its standard input ends; it alone must not be killed.
        for pid in watch.descendants(process.pid)[1:]:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)


CANCELLED = Failure(
    code="cancelled",
    fault=Fault.PLATFORM,
    message="The run was stopped before it was finished.",
    remedy="Start it again: it goes on where it stopped.",
)


def start(
    spec: RunSpec | PairSpec,
    *,
    out_dir: Path,
    model_dirs: Sequence[Path] = (),
    datasets_dir: Path | None = None,
    limits: Limits | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    gpu: bool = False,
    trusted: bool = False,
    allow_weak: bool | None = None,
    expected: Mapping[str, int] | None = None,
    isolation: Isolation | None = None,
    environment_extra: Mapping[str, str] | None = None,
) -> Child:
    """Starts ``python -m evaluation`` for a spec, isolated as well as this machine can, and returns at once.

    ``out_dir`` is made when missing; what an earlier attempt left in it is kept, so that the run goes on, but
    for the report. ``model_dirs`` and ``datasets_dir`` are shown read-only at their own paths; a ``directory`` in the
    spec must lie in one of them. ``on_progress`` is called from the watching thread and must be quick.
    Raises IsolationRefused (with its Failure) when the machine cannot isolate and nobody allows it, OSError when
    the process cannot be started.
    """
    chosen = isolation or choose(trusted=trusted, allow_weak=allow_weak)
    limits = _with_memory(limits or Limits())
    output = _prepare(out_dir, spec)
    user = fresh_user() if chosen.other_user else None
    if user is not None:
        _give_away(output, user)
    places = Places(output, tuple(path.resolve() for path in model_dirs), _resolved(datasets_dir), gpu)
    variables = environment(places, chosen, environment_extra)
    inner = [sys.executable, "-m", "evaluation", str(output / SPEC_NAME), str(output)]
    words = command(chosen, inner, places=places, limits=limits, variables=variables, user=user)
    child = Child(spec, chosen, places, limits, on_progress, expected or {}, words, variables)
    child.start()
    return child


def _prepare(out_dir: Path, spec: RunSpec | PairSpec) -> Path:
    """Makes the folder, puts the spec into it, removes an older report. Follows no link inside it."""
    out_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    output = out_dir.resolve()
    for name in ("report.json", SPEC_NAME):
        with contextlib.suppress(FileNotFoundError):
            try:
                os.unlink(output / name)
            except (IsADirectoryError, PermissionError):
                shutil.rmtree(output / name)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(output / SPEC_NAME, flags, 0o600), "wb") as file:
        file.write(spec.model_dump_json(indent=1).encode())
    return output


def _give_away(folder: Path, user: int) -> None:
    """Makes the run's user the owner of the folder and of what earlier attempts left there."""
    for _, folders, files, inside in os.fwalk(folder, follow_symlinks=False):
        for name in (*folders, *files):
            os.chown(name, user, user, dir_fd=inside, follow_symlinks=False)
    os.chown(folder, user, user, follow_symlinks=False)


def _with_memory(limits: Limits) -> Limits:
    if limits.memory_bytes is not None:
        return limits
    available = watch.available_memory()
    return limits if available is None else replace(limits, memory_bytes=available * 9 // 10)


def _resolved(path: Path | None) -> Path | None:
    return path.resolve() if path is not None else None


def _position(progress: Progress | None) -> tuple[object, ...]:
    """What must change for progress to be progress."""
    if progress is None:
        return ()
    return (progress.stage, progress.task, progress.task_index, progress.done, progress.total)


def _submitter(code: str, message: str, remedy: str) -> Failure:
    return Failure(code=code, fault=Fault.SUBMITTER, message=message, remedy=remedy)


def _platform(code: str, message: str) -> Failure:
    remedy = "It is tried again on its own; if this repeats, an operator should look at the worker's log."
    return Failure(code=code, fault=Fault.PLATFORM, message=message, remedy=remedy)


def _out_of_memory(why: str) -> Failure:
    message = f"The run was ended because it ran out of memory: {why}."
    return Failure(code="out_of_memory", fault=Fault.PLATFORM, message=message, remedy=OUT_OF_MEMORY_REMEDY)


def _crashed(how: str) -> Failure:
    return _platform("crashed", f"The runner {how}.")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _size(count: int) -> str:
    return f"{count / (1 << 30):.2f} GiB"
