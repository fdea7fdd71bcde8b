"""The port that every runner implements, and the way a runner says that it cannot go on.

A runner knows where its files are and nothing about queues, leases or servers. Light on purpose: the
registry and the child's entry point import this before anything heavy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from evaluation.contract import Failure, Fault, PairReport, PairSpec, Progress, RunReport, RunSpec

AnySpec = RunSpec | PairSpec
AnyReport = RunReport | PairReport
ReportProgress = Callable[[Progress], None]


def no_progress(progress: Progress) -> None:
    """Takes a line of progress and does nothing with it."""


@dataclass(frozen=True, slots=True)
class Context:
    """Where a run finds its input and leaves its output, on this machine.

    ``output`` is the one folder a runner may write to, apart from ``cache``, which may be shared by
    runs and whose entries are keyed by content. ``datasets`` is a mirror laid out ``org/name``.
    """

    output: Path
    model: Path | None = None
    teacher: Path | None = None
    """The second model of a pair job; None in a run."""
    datasets: Path | None = None
    cache: Path | None = None
    isolation: str = "none"
    """How this process is kept apart from the rest of the machine, as its starter says; published."""
    report_progress: ReportProgress = field(default=no_progress)

    @property
    def cache_folder(self) -> Path:
        """The shared cache, or one inside the output when none was given."""
        return self.cache if self.cache is not None else self.output / "cache"


class Runner(Protocol):
    """Measures one model (or, for a pair job, two)."""

    def run(self, spec: RunSpec, context: Context) -> RunReport:
        """Measures and reports. Raises ``RunFailed`` with a reason when it cannot."""


class PairRunner(Protocol):
    """Measures a student and a teacher loaded at once."""

    def run(self, spec: PairSpec, context: Context) -> PairReport:
        """Measures and reports. Raises ``RunFailed`` with a reason when it cannot."""


class RunFailed(Exception):
    """A run cannot go on; ``failure`` is what the report will say."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Cancelled(BaseException):
    """Someone asked this process to stop. Not an ``Exception``, so that no engine swallows it."""


def submitter_failure(code: str, message: str, remedy: str) -> RunFailed:
    """A reason that the submitter can mend."""
    return RunFailed(Failure(code=code, fault=Fault.SUBMITTER, message=message[:4000], remedy=remedy[:2000]))


def platform_failure(code: str, message: str, remedy: str = "") -> RunFailed:
    """A reason that only the ones who run the service can mend."""
    return RunFailed(Failure(code=code, fault=Fault.PLATFORM, message=message[:4000], remedy=remedy[:2000]))


def failed_report(spec: AnySpec, failure: Failure) -> AnyReport:
    """The report of a spec that could not be measured."""
    if isinstance(spec, PairSpec):
        return PairReport(identity=spec.identity(), failure=failure)
    return RunReport(identity=spec.identity(), failure=failure)
