"""Whether a report can be true: it belongs to the run, and its samples are there and add up. Writes nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple, cast

import pyarrow.compute as pc

from evaluation import samples as samples_file
from evaluation.contract import PairReport, RunReport, RunSpec, TaskResult
from zoo.core import storage
from zoo.runs.models import Artifact, Run

MEAN_METRICS = frozenset({"acc", "acc_norm", "exact_match"})
"""Metrics whose value is the mean of the samples' scores, so that it can be computed again."""
TOLERANCE = 1e-6


def refusal(run: Run, report: RunReport | PairReport, token: int) -> str | None:
    """Why the report of a run must not be recorded, in words; None when nothing speaks against it."""
    return next(_problems(run, report, token), None)


def _problems(run: Run, report: RunReport | PairReport, token: int) -> Iterator[str]:
    if report.kind != run.kind or report.identity != run.identity:
        yield "it belongs to another spec"
    if isinstance(report, PairReport) or report.failure is not None:
        return
    spec = RunSpec.model_validate(run.spec)
    yield from _wrong_tasks(spec, report)
    for result in report.results:
        yield from _impossible(result, spec)
    yield from _wrong_samples(run, report, token)


def _wrong_tasks(spec: RunSpec, report: RunReport) -> Iterator[str]:
    """A group's name stands for its leaves, so a named task is there as a row or as the group of one."""
    names = [result.task for result in report.results]
    if len(set(names)) != len(names):
        yield "it holds a task twice"
    groups = {result.group for result in report.results}
    for task in spec.tasks:
        if task not in names and task not in groups and not any(_belongs(name, task) for name in names):
            yield f"the task {task} is missing"


def _belongs(leaf: str, group: str) -> bool:
    """Whether a leaf's name says that it belongs to a group of groups, as ``mmlu_anatomy`` to ``mmlu``."""
    return leaf.startswith((f"{group}_", f"{group}-"))


def _impossible(result: TaskResult, spec: RunSpec) -> Iterator[str]:
    if result.n == 0:
        yield f"{result.task} has no samples"
    if spec.protocol.limit is not None and result.n > spec.protocol.limit * result.draws:
        yield f"{result.task} has {result.n} samples, more than the limit of {spec.protocol.limit}"
    if not math.isfinite(result.score.value):
        yield f"{result.task} has a score that is not a number"
    if result.metric in MEAN_METRICS and not 0 <= result.score.value <= 1:
        yield f"{result.task} has a {result.metric} outside 0 to 1"


def _wrong_samples(run: Run, report: RunReport, token: int) -> Iterator[str]:
    if report.samples is None:
        yield "it has results but no samples"
        return
    sent = Artifact.objects.filter(
        run=run, kind=Artifact.Kind.SAMPLES, token=token, sha256=report.samples.sha256
    ).first()
    if sent is None or sent.size != report.samples.size:
        yield "the samples it names were not uploaded"
        return
    try:
        found = _counted(report.samples.sha256)
    except ValueError:
        yield "its samples file cannot be read"
        return
    if set(found) != {result.task for result in report.results}:
        yield "its samples are of other tasks than its results"
        return
    for result in report.results:
        yield from _disagreement(result, found[result.task])


class _Counted(NamedTuple):
    """What the samples file holds of a task."""

    documents: int
    samples: int
    mean: float


def _disagreement(result: TaskResult, found: _Counted) -> Iterator[str]:
    if not result.n == found.samples == found.documents * result.draws:
        draws = f" in {result.draws} draws of {found.documents} documents" if result.draws > 1 else ""
        yield f"{result.task} says {result.n} samples and has {found.samples}{draws}"
    if not math.isfinite(found.mean):
        yield f"{result.task} has a sample whose score is not a number"
    if result.metric in MEAN_METRICS and abs(found.mean - result.score.value) > TOLERANCE:
        yield f"{result.task} says {result.score.value:.6f} and its samples give {found.mean:.6f}"


def _counted(sha256: str) -> dict[str, _Counted]:
    """What there is of each task. Raises ValueError when the file is none of ours."""
    with storage.open_artifact(sha256) as file:
        table = samples_file.read_table(file, columns=["task", "doc_id", "score"])
    table = table.set_column(0, "task", pc.cast(table["task"], "string"))
    counts = [("doc_id", "count_distinct"), ("doc_id", "count"), ("score", "mean")]
    rows = table.group_by("task").aggregate(counts).to_pylist()
    return {
        cast(str, row["task"]): _Counted(
            cast(int, row["doc_id_count_distinct"]),
            cast(int, row["doc_id_count"]),
            cast(float, row["score_mean"]),
        )
        for row in rows
    }
