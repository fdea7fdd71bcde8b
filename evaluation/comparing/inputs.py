"""Puts two runs' results and samples into the form that the statistics take, and says when they must not meet."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evaluation.contract import RunReport, RunSpec, TaskResult
from evaluation.scoring.compare import Aggregation, ModelSamples, Score, TaskInput

SAMPLE_COLUMNS = (
    "task", "doc_hash", "prompt_hash", "score", "cluster", "draw", "tie_split", "tied", "prediction", "gold",
    "loglikelihoods", "byte_count", "answer", "target", "truncated", "tokens",
)  # fmt: skip
"""What the statistics need of a samples file: all but prompts, choices and responses."""
TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """One run that was measured: what was asked, what came out, and its samples (at least SAMPLE_COLUMNS)."""

    spec: RunSpec
    report: RunReport
    samples: pa.Table
    digest: str | None = None
    """Digest of the model's manifest, where intake found it after the spec was made."""


def mismatches(student: Measured, teacher: Measured) -> list[str]:
    """Why two runs are no pair, in words; empty when they may be compared.

    Prompts are compared sample by sample later; a task whose prompts differ is undefined, the others stand. A
    model may be compared with itself at another batch size: what differs then is noise (``is_repetition``).
    """
    left, right = student.spec, teacher.spec
    harmless = ("batch_size",) if _same_model(student, teacher) else ()
    found = [
        f"{name} differs: {_shown(mine)} and {_shown(theirs)}"
        for name, mine, theirs in _settings(left, right)
        if mine != theirs and name not in harmless
    ]
    for name in ("harness_version", "engine_version"):
        mine = getattr(student.report.engine, name, None)
        theirs = getattr(teacher.report.engine, name, None)
        if mine != theirs:
            found.append(f"{name.replace('_', ' ')} differs: {_shown(mine)} and {_shown(theirs)}")
    return found


def other_batch_size(size: int) -> int:
    """The batch size at which a model is run again for its noise floor."""
    return size // 2 if size > 1 else 2


def is_repetition(one: Measured, other: Measured) -> bool:
    """Whether both are runs of one model that differ in nothing but the batch size."""
    return (
        _same_model(one, other)
        and one.spec.protocol.batch_size != other.spec.protocol.batch_size
        and not mismatches(one, other)
    )


def _same_model(one: Measured, other: Measured) -> bool:
    left, right = one.spec.model, other.spec.model
    digests = (left.digest or one.digest, right.digest or other.digest)
    if None not in digests:
        return digests[0] == digests[1]
    return (left.name, left.revision, left.gguf_file) == (right.name, right.revision, right.gguf_file)


def _settings(left: RunSpec, right: RunSpec) -> Iterator[tuple[str, object, object]]:
    yield "suite", left.suite, right.suite
    yield "list of tasks", left.tasks, right.tasks
    for field in type(left.protocol).model_fields:
        yield field, getattr(left.protocol, field), getattr(right.protocol, field)


def _shown(value: object) -> str:
    return str(value) if len(str(value)) < 60 else "(long)"


def task_inputs(
    student: Measured, teacher: Measured | None, again: Measured | None = None
) -> list[TaskInput]:
    """One input per leaf task that either run has, in the student's order.

    ``again`` is the teacher at another batch size, from which the noise floor of flips is taken.
    """
    mine = {result.task: result for result in student.report.results}
    theirs = {result.task: result for result in teacher.report.results} if teacher else {}
    made = [
        _input(name, mine.get(name), theirs.get(name), student, teacher)
        for name in dict.fromkeys([*mine, *theirs])
    ]
    return made if again is None else [_repeated(task, again) for task in made]


def _repeated(task: TaskInput, again: Measured) -> TaskInput:
    rows = _rows(again.samples, task.name)
    return replace(task, teacher_again=_model_samples(rows, task.aggregation) if len(rows) else None)


def _input(
    name: str,
    mine: TaskResult | None,
    theirs: TaskResult | None,
    student: Measured,
    teacher: Measured | None,
) -> TaskInput:
    result = mine or theirs
    assert result is not None
    rows = [
        _rows(measured.samples, name) if measured is not None and found is not None else None
        for measured, found in ((student, mine), (teacher, theirs))
    ]
    aggregation = _aggregation(result, [row for row in rows if row is not None])
    return TaskInput(
        name=name,
        metric=result.metric,
        student=_model_samples(rows[0], aggregation),
        teacher=_model_samples(rows[1], aggregation),
        capability=result.capability,
        groups=result.groups or ((result.group,) if result.group else ()),
        is_ratio=result.is_ratio,
        higher_is_better=result.higher_is_better,
        chance=result.chance,
        aggregation=aggregation,
        weight=result.weight,
        student_score=_given(mine, aggregation),
        teacher_score=_given(theirs, aggregation),
    )


def _rows(table: pa.Table, task: str) -> pa.Table:
    names = pc.cast(table["task"], pa.string())
    return table.filter(pc.equal(names, task))


def _aggregation(result: TaskResult, tables: Sequence[pa.Table]) -> Aggregation:
    """How the score follows from the samples: as the result says if they bear it out, else it is taken as given."""
    if result.aggregation == "mean":
        means = [float(np.mean(_floats(table["score"]))) for table in tables if len(table)]
        if any(abs(mean - result.score.value) <= TOLERANCE for mean in means) or len(tables) == 2:
            return "mean"
        return "given"
    sized = all(table["byte_count"].null_count == 0 for table in tables)
    if not sized or result.metric not in ("bits_per_byte", "byte_perplexity"):
        return "given"
    return result.aggregation


def _model_samples(table: pa.Table | None, aggregation: Aggregation) -> ModelSamples | None:
    if table is None:
        return None
    scores = _floats(table["score"])
    sizes = _floats(table["byte_count"]) if aggregation in ("per_size", "perplexity") else None
    values = scores
    if sizes is not None:
        # Samples hold bits per byte; what adds up over a text is bits, or for a perplexity nats.
        values = scores * sizes if aggregation == "per_size" else -scores * sizes * math.log(2)
    draws = table["draw"].to_pylist()
    return ModelSamples.of(
        table["doc_hash"].to_pylist(),
        table["prompt_hash"].to_pylist(),
        values,
        sizes=sizes,
        ties=np.asarray(table["tied"].to_pylist(), dtype=np.bool_),
        tie_split=_whole(table["tie_split"]),
        clusters=_strings(table["cluster"]),
        draws=draws if any(draws) else None,
        predictions=_whole(table["prediction"]),
        gold=_whole(table["gold"]),
    )


def _given(result: TaskResult | None, aggregation: Aggregation) -> Score | None:
    if result is None or aggregation != "given":
        return None
    return Score(result.score.value, result.score.stderr)


def _floats(column: Any) -> Any:
    return np.asarray(column.to_pylist(), dtype=np.float64)


def _whole(column: Any) -> Any:
    """The column, or None where a value is missing."""
    return None if column.null_count or not len(column) else np.asarray(column.to_pylist())


def _strings(column: Any) -> list[str] | None:
    return None if column.null_count else [str(value) for value in column.to_pylist()]
