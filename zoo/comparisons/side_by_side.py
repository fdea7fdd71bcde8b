"""Two to six models side by side: scores, paired differences to one of them, agreement, settings, costs.

Any two runs that were measured alike can be paired by sample, not only a student with its teacher. Runs that were
not measured alike are refused, with what differs. Nothing is stored: records never change, so answers are cached.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal, NamedTuple
from uuid import UUID

import numpy as np
from django.db.models import F

from evaluation.comparing import Measured, mismatches, task_inputs
from evaluation.contract import RunReport
from evaluation.scoring.compare import Row, Settings, compare
from evaluation.scoring.values import BadInput, Quantity, Undefined
from zoo.comparisons.known import UNKNOWN, Known, from_catalog
from zoo.comparisons.models import Comparison
from zoo.comparisons.outcome import Outcome, outcome_of
from zoo.comparisons.services import measured
from zoo.core.errors import Invalid
from zoo.runs.lifecycle import State
from zoo.runs.models import Run

MOST = 6
RESAMPLES = 2000
Word = Outcome | Literal["baseline", ""]


class TooManyModels(Invalid):
    """More models than can be read side by side."""

    code = "too_many_models"


@dataclass(frozen=True, slots=True)
class Cell:
    """A model's score on one task, and its paired difference to the baseline."""

    value: float | None
    stderr: float | None
    difference: Quantity | None
    word: Word


@dataclass(frozen=True, slots=True)
class TaskLine:
    """One task over all models."""

    task: str
    capability: str
    metric: str
    n: int
    is_share: bool
    """Whether the score is a share, so that differences are points of a percentage."""
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """One model. `refused` says why its run is not compared with the baseline's; `missing` why it has no run."""

    name: str
    known: Known
    in_catalog: bool
    run: Run | None
    refused: tuple[str, ...]
    missing: str
    settings: tuple[tuple[str, str], ...]
    costs: tuple[tuple[str, float | None], ...]
    comparison_id: UUID | None
    is_baseline: bool


@dataclass(frozen=True, slots=True)
class Agreement:
    """How often two models are right and wrong on the same samples; None where nothing can be counted."""

    share: float | None
    samples: int


@dataclass(frozen=True, slots=True)
class SideBySide:
    """The whole table. `suites` are the suites on which the chosen models have runs."""

    columns: tuple[Column, ...]
    lines: tuple[TaskLine, ...]
    agreements: tuple[tuple[Agreement | None, ...], ...]
    suite: str
    suites: tuple[str, ...]


class Pair(NamedTuple):
    """Two models that were compared, as a starting point for those who chose nothing."""

    student: str
    teacher: str


def side_by_side(names: Sequence[str], *, baseline: str = "", suite: str = "") -> SideBySide:
    """Puts models side by side on the suite that most of them share. Raises TooManyModels."""
    chosen = list(dict.fromkeys(name.strip() for name in names if name.strip()))
    if len(chosen) > MOST:
        raise TooManyModels(f"{MOST} models fit side by side, not {len(chosen)}", field="m")
    runs = _runs(chosen)
    suites = _shared(runs)
    picked = suite if suite in suites else (suites[0] if suites else "")
    by_model = {name: own[picked] for name, own in runs.items() if picked in own}
    known = from_catalog(chosen)
    base = _baseline(chosen, by_model, known, baseline)
    columns = tuple(_column(name, by_model, base, known) for name in chosen)
    comparable = [by_model[column.name] if _comparable(column) else None for column in columns]
    return SideBySide(
        columns=columns,
        lines=_lines(columns, by_model, base),
        agreements=_agreements(comparable),
        suite=picked,
        suites=suites,
    )


def starting_points(limit: int = 8) -> list[Pair]:
    """The pairs that were compared, each once: whole suites first, then the newest; no model with itself."""
    found = Comparison.objects.exclude(student=F("teacher")).order_by("-rankable", "-created_at")
    rows = found.values_list("student", "teacher")[: limit * 5]
    return [Pair(*row) for row in dict.fromkeys(rows)][:limit]


def _runs(names: Sequence[str]) -> dict[str, dict[str, Run]]:
    """A finished run of each model on each suite (or list of tasks).

    Whole ones before limited ones, then the batch size that most of the models share, since a noise floor leaves a
    run at another one; then the newest.
    """
    found: dict[str, dict[str, list[Run]]] = {name: {} for name in names}
    rows = (
        Run.objects.filter(model_name__in=names, kind=Run.Kind.RUN, state=State.SUCCEEDED)
        .select_related("result")
        .order_by("-finished_at", "-pk")
    )
    for run in rows:
        key = run.suite or ", ".join(run.spec["tasks"])
        found[run.model_name].setdefault(key, []).append(run)
    sizes = Counter(
        (key, size) for own in found.values() for key, held in own.items() for size in set(map(_batch, held))
    )
    return {
        name: {
            key: min(held, key=lambda run: (_limited(run), -sizes[key, _batch(run)]))
            for key, held in own.items()
        }
        for name, own in found.items()
    }


def _batch(run: Run) -> int:
    return int(run.spec["protocol"]["batch_size"])


def _limited(run: Run) -> bool:
    return run.spec["protocol"].get("limit") is not None


def _shared(runs: Mapping[str, Mapping[str, Run]]) -> tuple[str, ...]:
    """Suites by how many of the models have a run on them, the most shared first."""
    counts = Counter(key for own in runs.values() for key in own)
    return tuple(sorted(counts, key=lambda key: (-counts[key], key)))


def _baseline(
    names: Sequence[str], by_model: Mapping[str, Run], known: Mapping[str, Known], wanted: str
) -> str:
    """What was asked for; else the chosen one that taught most of the others; else the first that has a run."""
    if wanted in by_model:
        return wanted
    pairs = set(
        Comparison.objects.filter(student__in=names, teacher__in=by_model).values_list("student", "teacher")
    )
    taught = Counter(teacher for _, teacher in pairs)
    taught.update(
        teacher for student, teacher in pairs if teacher.lower() in known.get(student, UNKNOWN).teachers
    )
    return max((name for name in names if name in by_model), key=lambda name: taught[name], default="")


def _column(name: str, by_model: Mapping[str, Run], base: str, known: Mapping[str, Known]) -> Column:
    run = by_model.get(name)
    in_catalog = name in known
    return Column(
        name=name,
        known=known.get(name, UNKNOWN),
        in_catalog=in_catalog,
        run=run,
        refused=_refused(run.pk, by_model[base].pk) if run and base and name != base else (),
        missing=_missing(run, in_catalog),
        settings=_settings(run) if run else (),
        costs=_costs(run) if run else (),
        comparison_id=_compared(run, by_model.get(base)),
        is_baseline=bool(run) and name == base,
    )


def _missing(run: Run | None, in_catalog: bool) -> str:
    if run is not None:
        return ""
    return "never measured here" if in_catalog else "neither in the catalog nor measured here"


def _comparable(column: Column) -> bool:
    return column.run is not None and not column.refused


def _compared(run: Run | None, base: Run | None) -> UUID | None:
    if run is None or base is None:
        return None
    found = Comparison.objects.filter(student_run=run, teacher_run=base).order_by("-statistics_version")
    return found.values_list("pk", flat=True).first()


def _settings(run: Run) -> tuple[tuple[str, str], ...]:
    """What the run was measured with, in words."""
    report, protocol = run.result.report, run.spec["protocol"]
    assert isinstance(report, RunReport)
    engine, place = report.engine, report.environment
    lines: list[tuple[str, object]] = [
        ("engine", engine.engine if engine else None),
        ("harness", engine.harness_version if engine else None),
        ("transformers", engine.transformers_version if engine else None),
        ("number format", protocol["dtype"]),
        ("shots", "as the suite says" if protocol["num_fewshot"] is None else protocol["num_fewshot"]),
        ("chat template", "yes" if protocol["apply_chat_template"] else "no"),
        ("batch size", protocol["batch_size"]),
        ("limit", protocol["limit"] or "none"),
        ("seed", protocol["seed"]),
        ("device", place.device_name if place else None),
        ("revision", run.model_revision[:12]),
    ]
    return tuple((name, "unknown" if value is None else str(value)) for name, value in lines)


def _costs(run: Run) -> tuple[tuple[str, float | None], ...]:
    report = run.result.report
    assert isinstance(report, RunReport)
    facts = report.model
    return (
        ("parameters", (facts.parameters or None) if facts else None),
        ("weights_bytes", facts.weights_bytes if facts else None),
        ("peak_memory_bytes", report.peak_memory_bytes),
        ("run_seconds", report.seconds),
    )


@lru_cache(maxsize=12)
def _loaded(run_id: UUID) -> Measured:
    """A run's samples. The few cached ones are those of one page, which reads them several times."""
    return measured(Run.objects.select_related("result").get(pk=run_id))


@lru_cache(maxsize=1024)
def _refused(run_id: UUID, base_id: UUID) -> tuple[str, ...]:
    return tuple(mismatches(_loaded(run_id), _loaded(base_id)))


@lru_cache(maxsize=512)
def _differences(run_id: UUID, base_id: UUID) -> dict[str, Row] | None:
    """Paired rows of a run against another, by task; None where the samples cannot be paired."""
    mine, base = _loaded(run_id), _loaded(base_id)
    settings = Settings(seed=mine.spec.protocol.seed, resamples=RESAMPLES)
    try:
        return {row.task: row for row in compare(task_inputs(mine, base), settings).tasks}
    except BadInput:
        return None


def _lines(columns: Sequence[Column], by_model: Mapping[str, Run], base: str) -> tuple[TaskLine, ...]:
    if not base:
        return ()
    reports = {name: _report(run) for name, run in by_model.items()}
    tasks = dict.fromkeys(result.task for report in reports.values() for result in report.results)
    return tuple(_line(task, columns, reports, by_model[base]) for task in tasks)


def _report(run: Run) -> RunReport:
    report = run.result.report
    assert isinstance(report, RunReport)
    return report


def _line(task: str, columns: Sequence[Column], reports: Mapping[str, RunReport], base: Run) -> TaskLine:
    found = {
        name: next((result for result in report.results if result.task == task), None)
        for name, report in reports.items()
    }
    first = next(result for result in found.values() if result is not None)
    return TaskLine(
        task=task,
        capability=first.capability or "",
        metric=first.metric,
        n=first.n,
        is_share=first.is_ratio,
        cells=tuple(
            _cell(column, found.get(column.name), base, task, first.higher_is_better) for column in columns
        ),
    )


def _cell(column: Column, result: Any, base: Run, task: str, higher_is_better: bool) -> Cell | None:
    if result is None:
        return None
    score = Cell(result.score.value, result.score.stderr, None, "")
    if column.is_baseline:
        return replace(score, word="baseline")
    if not _comparable(column) or column.run is None:
        return score
    rows = _differences(column.run.pk, base.pk) or {}
    if task not in rows:
        return score
    row = rows[task]
    return replace(score, difference=row.difference, word=_word(row, higher_is_better))


def _word(row: Row, higher_is_better: bool) -> Word:
    found = row.difference
    if isinstance(found, Undefined):
        return ""
    return outcome_of(
        found.ci_low, found.ci_high, p_adjusted=row.p_adjusted, higher_is_better=higher_is_better
    )


def _agreements(runs: Sequence[Run | None]) -> tuple[tuple[Agreement | None, ...], ...]:
    return tuple(
        tuple(None if one is None or other is None else _agreement(one.pk, other.pk) for other in runs)
        for one in runs
    )


@lru_cache(maxsize=2048)
def _agreement(one: UUID, other: UUID) -> Agreement:
    """Share of the right-or-wrong samples of both runs that both have right or both have wrong."""
    mine, theirs = _right_or_wrong(one), _right_or_wrong(other)
    shared = [key for key in mine if key in theirs]
    if not shared:
        return Agreement(None, 0)
    same = np.fromiter((mine[key] == theirs[key] for key in shared), dtype=np.bool_, count=len(shared))
    return Agreement(float(same.mean()), len(shared))


@lru_cache(maxsize=32)
def _right_or_wrong(run_id: UUID) -> dict[tuple[str, str, str], float]:
    table = _loaded(run_id).samples
    columns = [table[name].to_pylist() for name in ("task", "doc_hash", "prompt_hash", "score", "draw")]
    return {
        (task, document, prompt): score
        for task, document, prompt, score, draw in zip(*columns, strict=True)
        if draw == 0 and score in (0.0, 1.0)
    }
