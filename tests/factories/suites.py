"""Comparisons under real suites with samples made by hand: answers drawn several times, and GLUE with its macro."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from statistics import fmean
from typing import Any

from evaluation import samples as samples_file
from evaluation.contract import (
    SCRIPTED_ENGINE_VERSION,
    Engine,
    EngineFacts,
    FileRef,
    ModelSource,
    RunReport,
    RunSpec,
    Score,
    SuiteRef,
    TaskResult,
)
from evaluation.runners.scripted import is_right, uniform
from evaluation.samples import Sample
from evaluation.suites import loader
from tests.factories.runs import LEASE, NOW, make_worker, upload
from zoo.comparisons.models import Comparison
from zoo.comparisons.services import settle
from zoo.runs import queue, recording
from zoo.runs.models import Pairing, Run

DRAWS, ITEMS = 4, 24
STUDENT, TEACHER = "scripted/student-p70", "scripted/teacher-p90"


def make_drawn_comparison(folder: Path, *, now: datetime = NOW) -> Comparison:
    """A suite whose one task has its answers drawn several times; some of the student's are cut off."""
    suite = loader.load("reasoning-quick", "1")
    name = suite.tasks[0].name

    def answers(model: str) -> list[Sample]:
        return [_drawn(name, model, item, draw) for item in range(ITEMS) for draw in range(DRAWS)]

    return _compared(folder, SuiteRef(name=suite.name, version=suite.version), answers, now, draws=DRAWS)


def record_drawn_run(folder: Path, *, lost: int = 0, now: datetime = NOW) -> Run:
    """A run with drawn answers, of which the last ``lost`` are not in the samples file. Refused if any is."""
    suite = loader.load("reasoning-quick", "1")
    name = suite.tasks[0].name
    rows = [_drawn(name, STUDENT, item, draw) for item in range(ITEMS) for draw in range(DRAWS)]
    reference = SuiteRef(name=suite.name, version=suite.version)
    return _recorded(folder, STUDENT, reference, rows[: len(rows) - lost], now, DRAWS)


def make_glue_comparison(folder: Path, *, now: datetime = NOW) -> Comparison:
    """All nine tasks of GLUE with the metric of each."""
    suite = loader.load("glue-distilbert", "1")

    def answers(model: str) -> list[Sample]:
        return [_plain(task, model, item) for task in suite.task_names for item in range(ITEMS)]

    return _compared(folder, SuiteRef(name=suite.name, version=suite.version), answers, now)


def _drawn(task: str, model: str, item: int, draw: int) -> Sample:
    right = is_right(model, task, item, draw)
    cut = model == STUDENT and uniform(task, model, item, draw) < 0.05
    return _plain(task, model, item)._replace(
        draw=draw, score=float(right), target=str(item), answer=str(item) if right else str(item + 1),
        response=f"Step by step. The answer is {item if right else item + 1}.",
        truncated=cut, tokens=80 + 5 * draw,
    )  # fmt: skip


def _plain(task: str, model: str, item: int) -> Sample:
    names = {kind: hashlib.sha256(f"{kind} {task} {item}".encode()).hexdigest() for kind in ("d", "p", "t")}
    return Sample(
        task=task, doc_id=item, doc_hash=names["d"], prompt_hash=names["p"], target_hash=names["t"],
        score=float(is_right(model, task, item, 1)), prompt=f"Question {item} of {task}?",
    )  # fmt: skip


def _compared(folder: Path, suite: SuiteRef, answers: Any, now: datetime, *, draws: int = 1) -> Comparison:
    runs = [
        _recorded(folder / model.partition("/")[2], model, suite, answers(model), now, draws)
        for model in (STUDENT, TEACHER)
    ]
    pairing = Pairing.objects.create(student_run=runs[0], teacher_run=runs[1], created_at=now)
    comparison = settle(pairing_id=pairing.pk, now=now + timedelta(minutes=1))
    pairing.refresh_from_db()
    assert comparison is not None, pairing.reason
    return comparison


def _recorded(
    folder: Path, model: str, suite: SuiteRef, rows: list[Sample], now: datetime, draws: int
) -> Run:
    """A run of the suite that went through the queue of record with these samples."""
    tasks = loader.load(suite.name, suite.version).task_names
    source = ModelSource(name=model, revision="1")
    spec = RunSpec(model=source, suite=suite, tasks=tasks, engine=Engine.SCRIPTED)
    run = queue.request_run(spec=spec, acting_user=None, now=now, priority=0).run
    lease = queue.take(run_id=run.pk, worker=make_worker(now=now), now=now, lease=LEASE)
    assert lease is not None
    folder.mkdir(parents=True)
    report = RunReport(
        identity=spec.identity(),
        results=tuple(_results(suite, rows, draws)),
        samples=_written(folder, rows),
        engine=EngineFacts(
            engine=Engine.SCRIPTED, served_by="by hand", engine_version=SCRIPTED_ENGINE_VERSION
        ),
    )
    upload(lease, report, folder, now=now)
    recording.deliver(lease=lease, report=report, now=now)
    return Run.objects.get(pk=run.pk)


def _results(suite: SuiteRef, rows: list[Sample], draws: int) -> Iterator[TaskResult]:
    for task in loader.load(suite.name, suite.version).tasks:
        values = [row.score for row in rows if row.task == task.name]
        score = Score(value=fmean(values), stderr=0.05)
        yield TaskResult(
            task=task.name, task_version="1", task_hash=hashlib.sha256(task.name.encode()).hexdigest(),
            capability=task.capability, output_type="generate_until" if draws > 1 else "multiple_choice",
            num_fewshot=0, metric=task.metric, higher_is_better=True, is_ratio=task.metric != "mcc",
            n=ITEMS * draws, draws=draws, score=score, metrics={f"{task.metric},none": score},
        )  # fmt: skip


def _written(folder: Path, rows: Iterable[Sample]) -> FileRef:
    path = folder / "samples.parquet"
    samples_file.write(path, rows)
    data = path.read_bytes()
    return FileRef(name=path.name, sha256=hashlib.sha256(data).hexdigest(), size=len(data))
