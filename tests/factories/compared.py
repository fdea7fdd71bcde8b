"""Comparisons for tests: real ones, made from two scripted runs that went through the queue of record."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from evaluation.contract import (
    Engine,
    ModelSource,
    PairReport,
    PairSpec,
    Protocol,
    RunSpec,
    SuiteRef,
)
from evaluation.scoring.drafting import DraftedPrompt, drafting
from evaluation.scoring.efficiency import Footprint, Timing, efficiency
from evaluation.scoring.fidelity import divergences, fidelity
from evaluation.scoring.retention import Options
from evaluation.scoring.similarity import layer_similarity
from evaluation.scoring.values import plain
from tests.factories.runs import LEASE, NOW, finish, make_worker
from zoo.comparisons.models import Comparison
from zoo.comparisons.services import settle
from zoo.runs import queue, recording
from zoo.runs.models import Pairing, Run

TASKS = ("scripted_choice.n-120", "scripted_pair.n-160", "scripted_generate.n-80", "scripted_rolling.n-40")


def measured_run(
    model: str,
    folder: Path,
    *,
    tasks: tuple[str, ...] = TASKS,
    suite: SuiteRef | None = None,
    limit: int | None = None,
    batch_size: int = 16,
    now: datetime = NOW,
) -> Run:
    """A finished scripted run; ``scripted/student-p70`` is right in about 70 % of the samples."""
    spec = RunSpec(
        model=ModelSource(name=model, revision="1"),
        suite=suite,
        tasks=tasks,
        protocol=Protocol(limit=limit, batch_size=batch_size),
        engine=Engine.SCRIPTED,
    )
    run = queue.request_run(spec=spec, acting_user=None, now=now, priority=0).run
    return run if run.is_final else finish(run, folder / str(run.pk), now=now)


def make_comparison(
    folder: Path,
    *,
    student: str = "scripted/student-p70",
    teacher: str = "scripted/teacher-p90",
    suite: SuiteRef | None = None,
    tasks: tuple[str, ...] = TASKS,
    limit: int | None = None,
    now: datetime = NOW,
) -> Comparison:
    """A stored comparison of two scripted models."""
    runs = [
        measured_run(model, folder, tasks=tasks, suite=suite, limit=limit, now=now)
        for model in (student, teacher)
    ]
    pairing, _ = Pairing.objects.get_or_create(
        student_run=runs[0], teacher_run=runs[1], defaults={"created_at": now}
    )
    comparison = settle(pairing_id=pairing.pk, now=now + timedelta(minutes=1))
    assert comparison is not None, pairing.reason
    return comparison


def pair_report(spec: PairSpec, *, seed: int = 0) -> PairReport:
    """What a pair job would report of two models whose distributions, layers and times are drawn at random."""
    random = np.random.default_rng(seed)
    options = Options(seed=seed, resamples=500)
    teacher = [random.normal(size=(8, 20)) for _ in range(12)]
    student = [logits + random.normal(scale=0.4, size=logits.shape) for logits in teacher]
    found = {}
    for temperature in (0.5, 1.0, 2.0):
        documents = [
            divergences(_logarithms(mine / temperature), _logarithms(theirs / temperature))
            for mine, theirs in zip(teacher, student, strict=True)
        ]
        found[temperature] = plain(fidelity(documents, options, temperature=temperature, cost_ratio=0.3))
    layers = [random.normal(size=(40, 6))]
    for step in range(6):
        layers.append(layers[-1] + random.normal(scale=0.3 + 0.1 * step, size=(40, 6)))
    times = Timing.of(random.uniform(0.1, 0.12, 9), random.uniform(0.3, 0.34, 9), 64)
    costs = efficiency(
        Footprint(1_200_000, 4_800_000, 90 << 20, 2.4e6),
        Footprint(6_000_000, 24_000_000, 140 << 20, 12e6),
        options,
        latency=times,
        prefill=times,
        decode=times,
    )
    prompts = [DraftedPrompt(32, int(runs), 32, 0.2, 0.3, True) for runs in random.integers(9, 16, 12)]
    return PairReport(
        identity=spec.identity(),
        fidelity=found[1.0] | {"compared": "every position", "by_temperature": list(found.values())},
        similarity=plain(layer_similarity(layers[::2], layers)),
        efficiency=plain(costs),
        speculation=plain(drafting(prompts, 4, options)),
        seconds=12.0,
    )


def _logarithms(logits: np.ndarray) -> np.ndarray:
    return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)


def add_pair_report(comparison: Comparison, *, now: datetime = NOW) -> Run:
    """The job with both models loaded, done and recorded for a comparison."""
    sides = [run.parsed_spec.model for run in (comparison.student_run, comparison.teacher_run)]  # type: ignore[union-attr]
    spec = PairSpec(student=sides[0], teacher=sides[1])
    run = queue.request_run(spec=spec, acting_user=None, now=now, priority=0).run
    lease = queue.take(run_id=run.pk, worker=make_worker(now=now), now=now, lease=LEASE)
    assert lease is not None
    recording.deliver(lease=lease, report=pair_report(spec), now=now)
    Pairing.objects.filter(pk=comparison.pairing_id).update(pair_run=run)
    return Run.objects.get(pk=run.pk)
