"""Reads about comparisons: the whole document, and the samples behind it, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from django.db.models import F, QuerySet

from evaluation.comparing.document import with_noise, with_pair
from evaluation.contract import PairReport, RunReport
from zoo.comparisons.models import Comparison
from zoo.comparisons.noise import noise_of
from zoo.comparisons.services import parse
from zoo.core import storage
from zoo.core.errors import Invalid, NotFound
from zoo.runs.lifecycle import State
from zoo.runs.models import Pairing, Run

Outcome = Literal["both", "lost", "gained", "neither"]
OUTCOMES: tuple[Outcome, ...] = ("both", "lost", "gained", "neither")


class ComparisonNotFound(NotFound):
    """There is no such comparison."""

    code = "comparison_not_found"


class UnknownTask(Invalid):
    """The comparison has no such task."""

    code = "unknown_task"


@dataclass(frozen=True, slots=True)
class PairedSample:
    """One document as both models answered it. ``outcome`` is None where answers are not right or wrong."""

    position: int
    task: str
    doc_id: int
    doc_hash: str
    outcome: Outcome | None
    prompt: str
    target: str
    choices: list[str]
    gold: int | None
    student: dict[str, Any]
    teacher: dict[str, Any]


class Page(NamedTuple):
    """A page of samples, and how many there are in all under the filter."""

    samples: list[PairedSample]
    total: int


def comparison_by_id(comparison_id: UUID | str) -> Comparison:
    """The comparison with its runs. Raises ComparisonNotFound."""
    found = (
        Comparison.objects.select_related("student_run", "teacher_run", "pairing__pair_run__result")
        .filter(pk=comparison_id)
        .first()
    )
    if found is None:
        raise ComparisonNotFound("there is no such comparison")
    return found


def document_of(comparison: Comparison) -> dict[str, Any]:
    """The document, with what the job with both models loaded has measured by now, and the teacher's noise floor."""
    pair_run = comparison.pairing.pair_run
    report = pair_run.result.report if pair_run is not None and pair_run.state == State.SUCCEEDED else None
    document = with_pair(parse(comparison), report if isinstance(report, PairReport) else None)
    return with_noise(document, noise_of(comparison))


def of_runs(student_run: Run, teacher_run: Run) -> Comparison | None:
    """The newest comparison of two runs."""
    return (
        Comparison.objects.filter(student_run=student_run, teacher_run=teacher_run)
        .order_by("-statistics_version")
        .first()
    )


def of_pairing(pairing: Pairing | None) -> Comparison | None:
    """The newest comparison of a pair."""
    return pairing.comparisons.order_by("-statistics_version").first() if pairing else None


def recent(*, student: str | None = None, teacher: str | None = None) -> QuerySet[Comparison]:
    """Comparisons, newest first; those of a model with itself, which tell noise and not retention, are left out."""
    found = (
        Comparison.objects.exclude(student=F("teacher"))
        .select_related("pairing__pair_run")
        .order_by("-created_at", "-pk")
        .defer("document")
    )
    if student:
        found = found.filter(student=student)
    if teacher:
        found = found.filter(teacher=teacher)
    return found


def samples(
    comparison: Comparison, *, task: str | None, outcome: Outcome | None, after: int, limit: int
) -> Page:
    """Paired samples of one task (the first by default), in the order of the documents, from position ``after``.

    Raises UnknownTask. Reads the rows of that task alone.
    """
    tasks = [row["task"] for row in parse(comparison)["tasks"]]
    chosen = task or tasks[0]
    if chosen not in tasks:
        raise UnknownTask(f"this comparison has no task '{chosen[:100]}'", field="task")
    student = _task_rows(comparison.student_run, chosen)
    teacher = _task_rows(comparison.teacher_run, chosen)
    pairs = _pairs(student, teacher)
    if outcome is not None:
        pairs = [pair for pair in pairs if pair.outcome == outcome]
    page = pairs[after : after + limit]
    mine = student.take(pa.array([pair.student for pair in page], pa.int64())).to_pylist()
    theirs = teacher.take(pa.array([pair.teacher for pair in page], pa.int64())).to_pylist()
    rows = [
        _sample(after + number, chosen, pair, left, right)
        for number, (pair, left, right) in enumerate(zip(page, mine, theirs, strict=True))
    ]
    return Page(rows, len(pairs))


class _Pair(NamedTuple):
    """Row numbers of one document in both tables."""

    student: int
    teacher: int
    outcome: Outcome | None


def _task_rows(run: Run, task: str) -> pa.Table:
    report = run.result.report
    assert isinstance(report, RunReport)
    assert report.samples is not None
    with storage.open_artifact(report.samples.sha256) as file:
        table = pq.read_table(file, filters=pc.field("task") == task)
    return table.filter(pc.equal(table["draw"], 0))


def _pairs(student: pa.Table, teacher: pa.Table) -> list[_Pair]:
    """Rows that belong together by document and prompt, never by position."""
    where: dict[tuple[str, str], list[int]] = {}
    for number, key in enumerate(_keys(teacher)):
        where.setdefault(key, []).append(number)
    mine, theirs = student["score"].to_pylist(), teacher["score"].to_pylist()
    found = []
    for number, key in enumerate(_keys(student)):
        others = where.get(key)
        if others:
            other = others.pop(0)
            found.append(_Pair(number, other, _outcome(mine[number], theirs[other])))
    return found


def _keys(table: pa.Table) -> Sequence[tuple[str, str]]:
    return list(zip(table["doc_hash"].to_pylist(), table["prompt_hash"].to_pylist(), strict=True))


def _outcome(student: float, teacher: float) -> Outcome | None:
    if student not in (0.0, 1.0) or teacher not in (0.0, 1.0):
        return None
    if student == teacher:
        return "both" if student else "neither"
    return "gained" if student else "lost"


def _sample(
    position: int, task: str, pair: _Pair, student: dict[str, Any], teacher: dict[str, Any]
) -> PairedSample:
    return PairedSample(
        position=position,
        task=task,
        doc_id=student["doc_id"],
        doc_hash=student["doc_hash"],
        outcome=pair.outcome,
        prompt=student["prompt"],
        target=student["target"],
        choices=student["choices"],
        gold=student["gold"],
        student=_answer(student),
        teacher=_answer(teacher),
    )


def _answer(row: dict[str, Any]) -> dict[str, Any]:
    kept = ("score", "prediction", "loglikelihoods", "response", "answer", "tied")
    return {name: row[name] for name in kept}
