"""Tasks with drawn answers, or with heads trained from several seeds: pass@1, pass@k, maj@k, length and truncation.

Beside the row of the task, whose score is over the means of the draws. Flips are counted draw by draw, since a mean of
draws is neither right nor wrong.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evaluation.comparing.inputs import Measured
from evaluation.contract import RunSpec, TaskResult
from evaluation.scoring.flips import flips
from evaluation.scoring.paired import PairedSamples
from evaluation.scoring.reasoning import Draws, Reasoning, reasoning
from evaluation.scoring.values import BadInput, plain
from evaluation.suites import loader

Document = dict[str, Any]


def with_draws(document: Document, student: Measured, teacher: Measured | None) -> Document:
    """The document with ``reasoning``, and outcomes draw by draw, in each row with more than one draw."""
    sides = {"student": student} | ({"teacher": teacher} if teacher is not None else {})
    found = {name: _by_task(measured) for name, measured in sides.items()}
    rows = []
    for row in document["tasks"]:
        own = {name: tasks.get(row.get("task") or row["name"]) for name, tasks in found.items()}
        if any(own.values()):
            row = row | {"reasoning": own}
            if teacher is not None and not row.get("flips"):
                row = row | _outcomes(student, teacher, row["task"])
        rows.append(row)
    return document | {"tasks": rows}


def _outcomes(student: Measured, teacher: Measured, task: str) -> Document:
    """Flips and counts of outcomes over documents times draws; nothing where the draws are not right or wrong."""
    mine, theirs = (_scores(measured, task) for measured in (student, teacher))
    if not mine or mine.keys() != theirs.keys():
        return {}
    pairs = PairedSamples.of_arrays(list(mine.values()), [theirs[key] for key in mine])
    if not pairs.binary:
        return {}
    found = flips(pairs)
    counts = {name: getattr(found, name) for name in ("both", "lost", "gained", "neither", "ties")}
    return {"flips": plain(found), "samples": counts}


def _scores(measured: Measured, task: str) -> dict[tuple[str, str, int], float]:
    """Scores by document, prompt and draw; empty where a document stands twice in the data."""
    rows = _rows(measured, task)
    found = {(row["doc_hash"], row["prompt_hash"], row["draw"]): row["score"] for row in rows}
    return found if len(found) == len(rows) else {}


def _rows(measured: Measured, task: str) -> list[Document]:
    table = measured.samples
    rows: list[Document] = table.filter(pc.equal(pc.cast(table["task"], pa.string()), task)).to_pylist()
    return rows


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
    by_item: dict[tuple[str, str], list[Document]] = {}
    for row in _rows(measured, result.task):
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
