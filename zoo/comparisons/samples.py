"""The paired samples of a comparison: a page at a time for the explorer, or one after the other for a download.

Which rows belong together is worked out once for each pair of files and task, from numbers and hashes alone, and
kept; of the texts only the row groups that a page needs are read. So a task of 100,000 samples stays quick.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from evaluation.contract import RunReport
from evaluation.samples import Sample
from zoo.comparisons import narrowing
from zoo.comparisons.models import Comparison
from zoo.comparisons.narrowing import EVERYTHING, Narrowing
from zoo.comparisons.redaction import redacted, redacted_tasks
from zoo.comparisons.services import parse
from zoo.core import storage
from zoo.core.errors import Invalid
from zoo.runs.models import Run

Outcome = Literal["both", "lost", "gained", "neither"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
_KEPT = ("score", "prediction", "loglikelihoods", "response", "answer", "tied")
_BLOCK = 512
_NO_OUTCOME = -1
_REMEMBERED = 32


class UnknownTask(Invalid):
    """The comparison has no such task."""

    code = "unknown_task"


class TextsHidden(Invalid):
    """The texts of the task's data set are not shown, so nobody may search them either."""

    code = "texts_hidden"


@dataclass(frozen=True, slots=True)
class PairedSample:
    """One draw of a document as both models answered it. ``outcome`` is None where answers are not right or wrong."""

    position: int
    task: str
    doc_id: int
    doc_hash: str
    draw: int
    """Which of the answers that were drawn for the document, from 0."""
    outcome: Outcome | None
    prompt: str
    target: str
    choices: list[str]
    gold: int | None
    student: dict[str, Any]
    teacher: dict[str, Any]
    redacted: bool = False


class Page(NamedTuple):
    """A page of samples, and how many there are in all under the filter."""

    samples: list[PairedSample]
    total: int


class Pairs(NamedTuple):
    """Row numbers of one document in both files, in the student's order, and the number of its outcome (or -1)."""

    student: npt.NDArray[np.int64]
    teacher: npt.NDArray[np.int64]
    outcome: npt.NDArray[np.int8]


def samples(
    comparison: Comparison,
    *,
    task: str | None,
    outcome: Outcome | None,
    after: int,
    limit: int,
    narrow: Narrowing = EVERYTHING,
) -> Page:
    """Paired samples of one task (the first by default), in the order of the documents, from position ``after``.

    Raises UnknownTask, TextsHidden.
    """
    chosen = task_of(comparison, task)
    rows = _wanted(comparison, chosen, outcome, narrow)
    return Page(_read(comparison, chosen, rows, after, after + limit), len(rows.student))


def every_sample(
    comparison: Comparison, *, task: str | None, outcome: Outcome | None, narrow: Narrowing = EVERYTHING
) -> Iterator[PairedSample]:
    """All of them, read block by block. Raises UnknownTask and TextsHidden before the first is asked for."""
    chosen = task_of(comparison, task)
    rows = _wanted(comparison, chosen, outcome, narrow)

    def read() -> Iterator[PairedSample]:
        for start in range(0, len(rows.student), _BLOCK):
            yield from _read(comparison, chosen, rows, start, start + _BLOCK)

    return read()


def task_of(comparison: Comparison, task: str | None) -> str:
    """The task by name, the first by default. Raises UnknownTask."""
    tasks = [row["task"] for row in parse(comparison)["tasks"]]
    chosen = task or tasks[0]
    if chosen not in tasks:
        raise UnknownTask(f"this comparison has no task '{chosen[:100]}'", field="task")
    return chosen


def _wanted(comparison: Comparison, task: str, outcome: Outcome | None, narrow: Narrowing) -> Pairs:
    student, teacher = _digest(comparison.student_run), _digest(comparison.teacher_run)
    pairs = _pairs(student, teacher, task)
    if narrow != EVERYTHING and task in redacted_tasks(comparison.student_run.spec):
        raise TextsHidden(
            "the items of this task are not shown, so its samples cannot be searched by text or margin",
            remedy="Filter by outcome, or choose another task.",
        )
    chosen = np.ones(len(pairs.student), dtype=np.bool_)
    if outcome is not None:
        chosen &= pairs.outcome == OUTCOMES.index(outcome)
    if narrow.text:
        shared = narrowing.rows_with(student, task, narrow.text)
        others = narrowing.rows_with(teacher, task, narrow.text, narrowing.ANSWERS)
        chosen &= np.isin(pairs.student, shared) | np.isin(pairs.teacher, others)
    if narrow.by_margin:
        digest, rows = (student, pairs.student) if narrow.margin_of == "student" else (teacher, pairs.teacher)
        chosen &= narrowing.within(digest, task, rows, narrow.margin_from, narrow.margin_to)
    return Pairs(pairs.student[chosen], pairs.teacher[chosen], pairs.outcome[chosen])


def _digest(run: Run) -> str:
    report = run.result.report
    assert isinstance(report, RunReport)
    assert report.samples is not None
    return report.samples.sha256


@lru_cache(maxsize=_REMEMBERED)
def _pairs(student: str, teacher: str, task: str) -> Pairs:
    """Rows that belong together by document, prompt and draw, never by position; the draws of a document in a row.

    Files are named by their content.
    """
    mine, theirs = _numbers(student, task), _numbers(teacher, task)
    where: dict[bytes, list[int]] = {}
    for number, key in enumerate(_keys(theirs)):
        where.setdefault(key, []).append(number)
    left, right = [], []
    for number, key in enumerate(_keys(mine)):
        others = where.get(key)
        if others:
            left.append(number)
            right.append(others.pop(0))
    order = _by_document(mine.take(pa.array(left, pa.int64())))
    left, right = [left[place] for place in order], [right[place] for place in order]
    one, other = mine.take(pa.array(left, pa.int64())), theirs.take(pa.array(right, pa.int64()))
    return Pairs(_column(one, "row"), _column(other, "row"), _outcomes(one, other))


def _numbers(digest: str, task: str) -> pa.Table:
    """The answers to a task, with their row number in the file and without their texts."""
    with storage.open_artifact(digest) as file:
        table = pq.read_table(file, columns=["task", "doc_hash", "prompt_hash", "score", "draw"])
    table = table.append_column("row", pa.array(np.arange(len(table), dtype=np.int64)))
    return table.filter(pc.equal(pc.cast(table["task"], pa.string()), task))


def _keys(table: pa.Table) -> Iterator[bytes]:
    columns = (table[name].to_pylist() for name in ("doc_hash", "prompt_hash", "draw"))
    for document, prompt, draw in zip(*columns, strict=True):
        yield hashlib.blake2b(f"{document}\n{prompt}\n{draw}".encode(), digest_size=16).digest()


def _by_document(table: pa.Table) -> list[int]:
    """Places in the order of the documents' first answers: a file with several draws holds them one after the other."""
    draws = _column(table, "draw")
    if not draws.any():
        return list(range(len(table)))
    first: dict[tuple[str, str], int] = {}
    names = zip(table["doc_hash"].to_pylist(), table["prompt_hash"].to_pylist(), strict=True)
    documents = [first.setdefault(name, len(first)) for name in names]
    return sorted(range(len(table)), key=lambda place: (documents[place], draws[place]))


def _column(table: pa.Table, name: str) -> Any:
    return table[name].to_numpy()


def _outcomes(student: pa.Table, teacher: pa.Table) -> npt.NDArray[np.int8]:
    mine, theirs = _column(student, "score"), _column(teacher, "score")
    code = np.select(
        [(mine == 1) & (theirs == 1), (mine == 0) & (theirs == 1), (mine == 1) & (theirs == 0)], [0, 1, 2], 3
    )
    binary = np.isin(mine, (0.0, 1.0)) & np.isin(theirs, (0.0, 1.0))
    return np.where(binary, code, _NO_OUTCOME).astype(np.int8)


def _read(comparison: Comparison, task: str, rows: Pairs, start: int, stop: int) -> list[PairedSample]:
    """The samples at these positions, with their texts where these may be shown."""
    span = slice(start, stop)
    part = Pairs(rows.student[span], rows.teacher[span], rows.outcome[span])
    hidden = task in redacted_tasks(comparison.student_run.spec)
    mine = _texts(_digest(comparison.student_run), part.student, hidden)
    theirs = _texts(_digest(comparison.teacher_run), part.teacher, hidden)
    return [
        _sample(start + number, task, int(code), left, right, hidden)
        for number, (code, left, right) in enumerate(zip(part.outcome, mine, theirs, strict=True))
    ]


def _texts(digest: str, rows: npt.NDArray[np.int64], hidden: bool) -> list[Sample]:
    """Whole rows of a file by their numbers, in that order; only their row groups are read."""
    if not len(rows):
        return []
    with ExitStack() as stack:
        file = pq.ParquetFile(stack.enter_context(storage.open_artifact(digest)))
        sizes = [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)]
        starts = np.concatenate([[0], np.cumsum(sizes)])
        groups = np.searchsorted(starts, rows, side="right") - 1
        parts = [
            file.read_row_group(int(group)).take(pa.array(rows[groups == group] - starts[group]))
            for group in np.unique(groups)
        ]
    back = np.argsort(np.argsort(groups, kind="stable"), kind="stable")
    table = pa.concat_tables(parts).unify_dictionaries().take(pa.array(back))
    found = [Sample(**row) for row in table.to_pylist()]
    return [redacted(sample) for sample in found] if hidden else found


def _sample(
    position: int, task: str, code: int, student: Sample, teacher: Sample, hidden: bool
) -> PairedSample:
    return PairedSample(
        position=position,
        task=task,
        doc_id=student.doc_id,
        doc_hash=student.doc_hash,
        draw=student.draw,
        outcome=OUTCOMES[code] if code != _NO_OUTCOME else None,
        prompt=student.prompt,
        target=student.target,
        choices=list(student.choices),
        gold=None if hidden else student.gold,
        student=_answer(student),
        teacher=_answer(teacher),
        redacted=hidden,
    )


def _answer(sample: Sample) -> dict[str, Any]:
    values: Sequence[Any] = [getattr(sample, name) for name in _KEPT]
    return dict(zip(_KEPT, values, strict=True))
