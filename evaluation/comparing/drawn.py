"""Tasks with drawn answers: pass@1, pass@k, maj@k, length and truncation of both models, beside the row of the task."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evaluation.comparing.inputs import Measured
from evaluation.contract import RunSpec, TaskResult
from evaluation.scoring.reasoning import Draws, Reasoning, reasoning
from evaluation.scoring.values import BadInput, plain
from evaluation.suites import loader

Document = dict[str, Any]


def with_draws(document: Document, student: Measured, teacher: Measured | None) -> Document:
    """The document with a field ``reasoning`` in each row whose answers were drawn more than once."""
    sides = {"student": student} | ({"teacher": teacher} if teacher is not None else {})
    found = {name: _by_task(measured) for name, measured in sides.items()}
    rows = []
    for row in document["tasks"]:
        own = {name: tasks.get(row.get("task") or row["name"]) for name, tasks in found.items()}
        rows.append(row | {"reasoning": own} if any(own.values()) else row)
    return document | {"tasks": rows}


def _by_task(measured: Measured) -> dict[str, Document]:
    drawn = [result for result in measured.report.results if result.draws > 1]
    found = {}
    for result in drawn:
        numbers = _numbers(measured, result)
        if numbers is not None:
            found[result.task] = plain(numbers)
    return found


def _numbers(measured: Measured, result: TaskResult) -> Reasoning | None:
    """All numbers of a task's draws; None when the samples are not what the result says."""
    table = measured.samples
    rows = table.filter(pc.equal(pc.cast(table["task"], pa.string()), result.task))
    by_item: dict[tuple[str, str], list[Document]] = {}
    for row in rows.to_pylist():
        by_item.setdefault((row["doc_hash"], row["prompt_hash"]), []).append(row)
    items = [sorted(by_item[key], key=lambda row: row["draw"]) for key in sorted(by_item)]
    try:
        draws = _draws(items, result.draws)
        limit = _most_truncated(measured.spec, result.task)
        seed = measured.spec.protocol.seed
        return reasoning(draws, k=result.draws, most_truncated=limit, seed=seed)
    except BadInput:
        return None


def _draws(items: list[list[Document]], asked: int) -> Draws:
    if any(len(rows) != asked for rows in items):
        raise BadInput(f"every item needs exactly the {asked} draws that were asked for")
    known = all(row["truncated"] is not None for rows in items for row in rows)
    counted = all(row["tokens"] is not None for rows in items for row in rows)
    votes = [_votes(rows) for rows in items]
    return Draws.of(
        [[row["score"] == 1.0 for row in rows] for rows in items],
        asked=asked,
        truncated=[[row["truncated"] for row in rows] for rows in items] if known else None,
        tokens=np.array([[row["tokens"] for row in rows] for rows in items], dtype=float)
        if counted
        else None,
        answers=[answers for answers, _ in votes],
        gold=[gold for _, gold in votes],
    )


def _votes(rows: list[Document]) -> tuple[list[str | None], str]:
    """The answers of one item and the right one. Right answers written in different ways are one vote."""
    right = next((row["answer"] for row in rows if row["score"] == 1.0 and row["answer"]), rows[0]["target"])
    return [right if row["score"] == 1.0 else row["answer"] for row in rows], right


def _most_truncated(spec: RunSpec, task: str) -> float:
    if spec.suite is None:
        return 1.0
    try:
        sampling = loader.load(spec.suite.name, spec.suite.version).task(task).sampling
    except (loader.UnknownSuite, KeyError):
        return 1.0
    return sampling.most_truncated if sampling is not None else 1.0
