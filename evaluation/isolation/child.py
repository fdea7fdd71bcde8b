"""The runner of a spec in its walls, and the report that its life or death becomes.

Knows nothing of queues: a supervisor asks ``poll`` or ``wait``, and ``stop`` or ``kill`` when it must.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from evaluation.contract import Failure, PairReport, PairSpec, Progress, RunReport, RunSpec
from evaluation.isolation import watch
from evaluation.isolation.failures import crashed
from evaluation.isolation.levels import Isolation, Level, choose, fresh_user
from evaluation.isolation.process import Command, Ending
from evaluation.isolation.result import BadResult, read_report
from evaluation.isolation.sandbox import PROCESSES_WITH_GPU, Limits, Places, command, environment
from evaluation.isolation.started import Started

SPEC_NAME = "spec.json"
MEASURED, FAILED = 0, 70
"""Exit codes of a runner that left a report."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. The report holds results or a failure; a death has become a failure."""

    report: RunReport | PairReport
    exit_code: int
    """Of the process; above 128: the signal plus 128."""
    seconds: float
    peak_memory_bytes: int
    log: str
    """The last lines that it printed, cleaned. For operators, not for pages."""
    isolation: str

    @property
    def failure(self) -> Failure | None:
        """Why there is no result, if there is none."""
        return self.report.failure


@dataclass
class Child(Started[Outcome]):
    """A run that was started."""

    spec: RunSpec | PairSpec
    isolation: Isolation
    output: Path
    limits: Limits
    expected: Mapping[str, int]

    def judge(self, ending: Ending) -> Outcome:
        """The outcome, with the report that the run left or the failure that its death is."""
        report = self._report_of(ending)
        return Outcome(
            report, ending.code, ending.seconds, ending.peak_memory_bytes, ending.log, self.isolation.label
        )

    def _report_of(self, ending: Ending) -> RunReport | PairReport:
        if ending.verdict is not None:
            return self._failed(ending.verdict)
        if ending.code not in (MEASURED, FAILED):
            return self._failed(crashed(ending.code))
        try:
            report = read_report(
                self.output, self.spec, limit=self.limits.report_bytes,
                samples_limit=self.limits.samples_bytes, expected=self.expected,
            )  # fmt: skip
        except BadResult as error:
            return self._failed(error.failure)
        if (report.failure is None) != (ending.code == MEASURED):
            return self._failed(crashed(ending.code))
        return self._with_isolation(report)

    def _with_isolation(self, report: RunReport | PairReport) -> RunReport | PairReport:
        """The report with the isolation that we gave it, whatever it claims."""
        if report.environment is None:
            return report
        known = report.environment.model_copy(update={"isolation": self.isolation.label})
        return report.model_copy(update={"environment": known})

    def _failed(self, failure: Failure) -> RunReport | PairReport:
        if isinstance(self.spec, PairSpec):
            return PairReport(identity=self.spec.identity(), failure=failure)
        return RunReport(identity=self.spec.identity(), failure=failure)


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
    ``expected`` is the number of samples by task, where it is known. Raises IsolationRefused (with its Failure)
    when the machine cannot isolate and nobody allows it, OSError when the process cannot be started.
    """
    chosen = isolation or choose(trusted=trusted, allow_weak=allow_weak)
    limits = _completed(limits or Limits(), gpu=gpu)
    output = _prepare(out_dir, spec)
    user = fresh_user() if chosen.other_user else None
    if user is not None:
        _give_away(output, user)
    places = Places(output, tuple(path.resolve() for path in model_dirs), _resolved(datasets_dir), gpu)
    variables = environment(places, chosen, environment_extra)
    inner = [sys.executable, "-m", "evaluation", str(output / SPEC_NAME), str(output)]
    words = command(chosen, inner, places=places, limits=limits, variables=variables, user=user)
    walled = chosen.level is Level.BUBBLEWRAP
    child = Child(spec, chosen, output, limits, expected or {})
    child.begin(Command(words, {} if walled else variables, output, guarded=not walled), limits, on_progress)
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


def _completed(limits: Limits, *, gpu: bool) -> Limits:
    """The limits with what this machine and a GPU's engines make of the defaults."""
    if gpu:
        limits = replace(limits, processes=max(limits.processes, PROCESSES_WITH_GPU))
    available = watch.available_memory()
    if limits.memory_bytes is not None or available is None:
        return limits
    return replace(limits, memory_bytes=available * 9 // 10)


def _resolved(path: Path | None) -> Path | None:
    return path.resolve() if path is not None else None
