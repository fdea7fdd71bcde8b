"""Reads what a run left in its folder: as data, through no link, up to a size, against the contract.

A run may have been taken over by the model it loaded, so everything in the folder is a claim. What cannot be
true (a score of 1.7, more samples than were asked for) makes the whole report a ``bad_result``.
"""

from __future__ import annotations

import errno
import hashlib
import math
import os
import stat
import sys
from collections.abc import Iterator, Mapping
from io import BufferedReader
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from evaluation.contract import (
    Failure,
    Fault,
    FileRef,
    PairReport,
    PairSpec,
    Report,
    RunReport,
    RunSpec,
    Score,
    TaskResult,
)
from evaluation.isolation.brief import Budget, run_briefly

REPORT_NAME = "report.json"
COUNTING = Budget(120, 16 << 30)
UNIT_METRICS = frozenset(
    {
        "acc",
        "acc_norm",
        "acc_bytes",
        "exact_match",
        "f1",
        "em",
        "mc1",
        "mc2",
        "pass@1",
        "contains",
        "accuracy",
    }
)
"""Metrics whose value lies between 0 and 1 by what they are."""


class BadResult(Exception):
    """What the run left cannot be a result; the message says why, without text of the run's own choosing."""

    @property
    def failure(self) -> Failure:
        """The same as data."""
        return Failure(
            code="bad_result",
            fault=Fault.PLATFORM,
            message=f"The runner's report was refused: {self}."[:4000],
            remedy="Nothing was published. An operator should look at this run before it is tried again.",
        )


def open_output(folder: Path, name: str, *, limit: int) -> BufferedReader:
    """Opens a plain file of the folder for reading, through no link. Raises BadResult."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        inside = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            descriptor = os.open(name, flags, dir_fd=inside)
        finally:
            os.close(inside)
    except OSError as error:
        what = "is a link" if error.errno == errno.ELOOP else "is not there"
        raise BadResult(f"{name} {what}") from error
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode):
        os.close(descriptor)
        raise BadResult(f"{name} is not a plain file")
    if facts.st_size > limit:
        os.close(descriptor)
        raise BadResult(f"{name} has {facts.st_size} bytes and may have {limit}")
    return os.fdopen(descriptor, "rb")


def open_samples(folder: Path, reference: FileRef, *, limit: int) -> BufferedReader:
    """Opens the file that a report refers to, after checking its size and digest. Raises BadResult."""
    file = open_output(folder, reference.name, limit=limit)
    digest = hashlib.file_digest(file, "sha256").hexdigest()
    if file.tell() != reference.size or digest != reference.sha256:
        file.close()
        raise BadResult(f"{reference.name} is not the file that the report describes")
    file.seek(0)
    return file


def read_report(
    folder: Path,
    spec: RunSpec | PairSpec,
    *,
    limit: int = 50 << 20,
    samples_limit: int = 2 << 30,
    expected: Mapping[str, int] | None = None,
    count: bool = True,
) -> RunReport | PairReport:
    """The report of this spec in the folder. ``expected``: number of samples by task, where known.

    ``count``: whether to count the rows of the samples file, which takes a process; not for files counted before.

    Raises BadResult for anything that is not a report of this spec with values that can be.
    """
    with open_output(folder, REPORT_NAME, limit=limit) as file:
        text = file.read(limit + 1)
    adapter: TypeAdapter[RunReport | PairReport] = TypeAdapter(Report)
    try:
        report = adapter.validate_json(text)
    except (ValidationError, ValueError, RecursionError) as error:
        raise BadResult("it does not have the form of a report") from error
    if report.kind != spec.kind or report.identity != spec.identity():
        raise BadResult("it belongs to another spec")
    problem = next(problems(report, spec, expected or {}), None)
    if problem is not None:
        raise BadResult(problem)
    if count and isinstance(report, RunReport) and isinstance(spec, RunSpec) and report.samples is not None:
        with open_samples(folder, report.samples, limit=samples_limit) as samples:
            _check_samples(report, samples, spec.protocol.limit)
    return report


def _check_samples(report: RunReport, samples: BufferedReader, limit: int | None) -> None:
    """The rows of the samples file are those that the results speak of. Counted by a process apart."""
    inner = [sys.executable, "-m", "evaluation.isolation.count_samples", str(samples.fileno())]
    answer = run_briefly(inner, budget=COUNTING, file=samples)
    try:
        counts = TypeAdapter(dict[str, tuple[int, int, int]]).validate_json(answer.text)
    except ValidationError as error:
        raise BadResult("its samples cannot be read") from error
    if answer.code != 0 or counts.keys() != {result.task for result in report.results if result.n}:
        raise BadResult("its samples belong to other tasks than its results")
    for result in report.results:
        rows, documents, without_score = counts.get(result.task, (0, 0, 0))
        if rows != result.n:
            raise BadResult(f"{result.task} has {rows} samples in the file and says {result.n}")
        if without_score:
            raise BadResult(f"{result.task} has samples without a score")
        if limit is not None and documents > limit:
            raise BadResult(f"{result.task} has {documents} documents, more than the limit of {limit}")


def problems(
    report: RunReport | PairReport, spec: RunSpec | PairSpec, expected: Mapping[str, int]
) -> Iterator[str]:
    """What cannot be true in a report, in words."""
    if isinstance(report, PairReport) or isinstance(spec, PairSpec):
        return
    if report.failure is None and report.samples is None:
        yield "it has results but no samples"
    seen: set[str] = set()
    for result in report.results:
        if result.task in seen:
            yield "it holds a task twice"
        seen.add(result.task)
        yield from _impossible(result, expected.get(result.task))
    if report.failure is None:
        missing = sorted(set(expected) - seen)
        if missing:
            yield f"{len(missing)} of the expected tasks are missing, {missing[0]} first"


def _impossible(result: TaskResult, expected: int | None) -> Iterator[str]:
    if expected is not None and result.n != expected:
        yield f"{result.task} has {result.n} samples and must have {expected}"
    if result.ties > result.n:
        yield f"{result.task} has more ties than samples"
    for name, score in _scores(result):
        if not math.isfinite(score.value) or (score.stderr is not None and not math.isfinite(score.stderr)):
            yield f"{result.task} has a {name} that is not a number"
        elif name.partition(",")[0] in UNIT_METRICS and not 0 <= score.value <= 1:
            yield f"{result.task} has a {name} of {score.value:.6g}, which must lie between 0 and 1"


def _scores(result: TaskResult) -> Iterator[tuple[str, Score]]:
    yield result.metric, result.score
    if result.tie_split is not None:
        yield result.metric, result.tie_split
    yield from result.metrics.items()
