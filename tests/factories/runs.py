"""Makes specs, runs, workers and reports for tests, by plain functions."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from evaluation.contract import Engine, Failure, Fault, ModelSource, Protocol, RunReport, RunSpec
from evaluation.exchange import WorkerFacts
from evaluation.runners.base import Context, failed_report
from evaluation.runners.scripted import ScriptedRunner
from zoo.accounts.models import Scope, User
from zoo.core.ids import uuid7
from zoo.runs import claiming, queue, recording
from zoo.runs.claiming import Claimed
from zoo.runs.models import Artifact, Run, Worker
from zoo.runs.queue import Lease

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LEASE = timedelta(seconds=60)


def make_user(name: str = "ada", role: Scope = Scope.SUBMIT) -> User:
    user, _ = User.objects.get_or_create(username=name, defaults={"role": role})
    return user


def make_spec(
    model: str = "scripted/student-p80", *, tasks: tuple[str, ...] = ("scripted_choice",), **protocol: Any
) -> RunSpec:
    return RunSpec(
        model=ModelSource(name=model, revision="1"),
        tasks=tasks,
        protocol=Protocol(**protocol),
        engine=Engine.SCRIPTED,
    )


def make_run(
    model: str = "scripted/student-p80",
    *,
    user: User | None = None,
    now: datetime = NOW,
    priority: int = 0,
    **spec: Any,
) -> Run:
    asked_for = make_spec(model, **spec)
    return queue.request_run(spec=asked_for, acting_user=user, now=now, priority=priority).run


def worker_facts(name: str = "worker-1", **overrides: Any) -> WorkerFacts:
    facts: dict[str, Any] = {
        "id": f"{name}-{uuid7().hex[-8:]}",
        "device": "cpu",
        "memory_bytes": 8 << 30,
        "disk_bytes": 100 << 30,
        "engines": ("scripted", "harness", "pair"),
    }
    return WorkerFacts(**facts | overrides)


def make_worker(name: str = "worker-1", *, now: datetime = NOW, **overrides: Any) -> Worker:
    return claiming.see(facts=worker_facts(name, **overrides), credential=None, now=now)


def claim(*, now: datetime = NOW, lease: timedelta = LEASE, **facts: Any) -> Claimed | None:
    return claiming.claim(facts=worker_facts(**facts), credential=None, now=now, lease=lease)


def must_claim(*, now: datetime = NOW, lease: timedelta = LEASE, **facts: Any) -> Claimed:
    claimed = claim(now=now, lease=lease, **facts)
    assert claimed is not None
    return claimed


def measure(spec: RunSpec, folder: Path) -> RunReport:
    """A real report of the scripted runner, with its samples file in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    return ScriptedRunner().run(spec, Context(output=folder))


def upload(lease: Lease, report: RunReport, folder: Path, *, now: datetime = NOW) -> Artifact:
    assert report.samples is not None
    return recording.take_artifact(
        lease=lease,
        kind=Artifact.Kind.SAMPLES,
        sha256=report.samples.sha256,
        source=io.BytesIO((folder / report.samples.name).read_bytes()),
        max_bytes=1 << 30,
        now=now,
    )


def finish(run: Run, folder: Path, *, now: datetime | None = None) -> Run:
    """Takes a queued run through claim, upload and report, by default at the time from which it may be claimed."""
    now = now or run.not_before
    worker = make_worker(now=now)
    lease = queue.take(run_id=run.pk, worker=worker, now=now, lease=LEASE)
    assert lease is not None
    spec = run.parsed_spec
    assert isinstance(spec, RunSpec)
    report = measure(spec, folder)
    upload(lease, report, folder, now=now)
    recording.deliver(lease=lease, report=report, now=now)
    return Run.objects.get(pk=run.pk)


def fail(run: Run, *, now: datetime | None = None) -> Run:
    """Takes a queued run through claim and a report of failure that is the submitter's."""
    now = now or run.not_before
    lease = queue.take(run_id=run.pk, worker=make_worker(now=now), now=now, lease=LEASE)
    assert lease is not None
    failure = Failure(
        code="model_not_loadable",
        fault=Fault.SUBMITTER,
        message="The model could not be loaded.",
        remedy="Look at the log, repair the model, and submit it again.",
    )
    recording.deliver(lease=lease, report=failed_report(run.parsed_spec, failure), now=now)
    return Run.objects.get(pk=run.pk)
