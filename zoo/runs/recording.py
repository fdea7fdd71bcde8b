"""Takes what a worker delivers: artifacts, then the report, recorded in one transaction under the lease's token.

A report is a claim until its samples have been counted. Delivering the same again is harmless; delivering under
an old token is refused and leaves an event. Results are chained by hash in the order they were recorded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import BinaryIO, NamedTuple

from django.db import transaction
from django.db.models import F

from evaluation.contract import Failure, Fault, PairReport, RunReport, canonical_json
from evaluation.exchange import FetchedModel
from zoo.core import storage
from zoo.core.errors import Invalid
from zoo.runs import checks, events, queue
from zoo.runs.lifecycle import Move, State
from zoo.runs.models import Artifact, Chain, Result, Run
from zoo.runs.queue import Lease, LeaseLost

AnyReport = RunReport | PairReport

TRANSIENT = frozenset(
    {
        "worker_lost",
        "crashed",
        "watch_failed",
        "isolation_unavailable",
        "stalled",
        "disk_full",
        "fetch_failed",
        "hub_unavailable",
        "engine_not_installed",
    }
)
"""Failures of the platform that another attempt, or another worker, may not meet."""


class Recorded(NamedTuple):
    """Where a delivery left the run, and whether it had been delivered before."""

    state: State
    repeated: bool


class WrongArtifact(Invalid):
    """The file is not the one that was announced."""

    code = "wrong_artifact"


def take_artifact(
    *, lease: Lease, kind: Artifact.Kind, sha256: str, source: BinaryIO, max_bytes: int, now: datetime
) -> Artifact:
    """Stores a file of a held run. Raises LeaseLost, and WrongArtifact when the bytes are others."""
    if not _holds(lease):
        _refuse(lease, "artifact", now)
        raise LeaseLost("this worker no longer holds the run", remedy="Stop, and claim again.")
    try:
        size = storage.put(source, sha256=sha256, max_bytes=max_bytes)
    except storage.WrongDigest as error:
        raise WrongArtifact(str(error)) from error
    artifact, _ = Artifact.objects.get_or_create(
        run_id=lease.run_id,
        kind=kind,
        token=lease.token,
        sha256=sha256,
        defaults={"size": size, "created_at": now},
    )
    return artifact


def deliver(
    *, lease: Lease, report: AnyReport, now: datetime, models: Sequence[FetchedModel] = ()
) -> Recorded:
    """Records the end of an attempt: a result, or a failure with what follows from it.

    ``models`` are what intake let in: their digests belong to the result.

    Raises LeaseLost under a token that is not the run's any more, unless this very report was recorded under it.
    """
    repeated = _repeated(lease, report)
    if repeated is not None:
        return repeated
    run = Run.objects.filter(pk=lease.run_id).first()
    if run is None:
        raise queue.RunNotFound("there is no such run")
    # Counting samples reads a file and may take a while: before the transaction, never inside it.
    refusal = checks.refusal(run, report, lease.token)
    try:
        with transaction.atomic():
            return Recorded(_record(queue.locked(lease), report, models, refusal, now), False)
    except LeaseLost:
        again = _repeated(lease, report)
        if again is not None:
            return again
        _refuse(lease, "report", now)
        raise


def _record(
    run: Run, report: AnyReport, models: Sequence[FetchedModel], refusal: str | None, now: datetime
) -> State:
    if refusal is not None:
        return queue.end(run, Move.FAILED, reason=_bad_result(refusal), now=now)
    if report.failure is not None:
        return _record_failure(run, report.failure, now)
    _add_result(run, report, models, now)
    return queue.end(run, Move.RECORDED, reason=None, now=now)


def _record_failure(run: Run, failure: Failure, now: datetime) -> State:
    if failure.code == "cancelled" or run.cancel_requested:
        if run.cancel_requested:
            return queue.end(run, Move.CANCELLED, reason=failure, now=now)
        return queue.give_back_or_up(run, failure, now)
    if failure.fault is Fault.PLATFORM and failure.code in TRANSIENT:
        return queue.give_back_or_up(run, failure, now)
    return queue.end(run, Move.FAILED, reason=failure, now=now)


def _add_result(run: Run, report: AnyReport, models: Sequence[FetchedModel], now: datetime) -> None:
    bundle = {
        "run": str(run.pk),
        "spec": run.spec,
        "report": report.model_dump(mode="json"),
        "models": [model.model_dump(mode="json") for model in models],
        "token": run.token,
        "attempt": run.attempts,
        "worker": run.worker_id,
        "started_at": run.started_at.isoformat() if run.started_at else None,
        "recorded_at": now.isoformat(),
    }
    Chain.objects.get_or_create(pk=1)
    Chain.objects.filter(pk=1).update(sequence=F("sequence") + 1)
    chain = Chain.objects.get(pk=1)
    text = canonical_json(bundle)
    digest = hashlib.sha256(text).hexdigest()
    result = Result.objects.create(
        run=run,
        sequence=chain.sequence,
        token=run.token,
        bundle=text.decode(),
        digest=digest,
        previous_hash=chain.head,
        hash=link(chain.head, digest),
        created_at=now,
    )
    Chain.objects.filter(pk=1).update(head=result.hash)


def link(previous: str, digest: str) -> str:
    """Hash of a chain's next row: SHA-256 (hex) over the hash before and the digest of the bundle."""
    return hashlib.sha256(f"{previous}{digest}".encode()).hexdigest()


def _repeated(lease: Lease, report: AnyReport) -> Recorded | None:
    """The earlier outcome, when this very report was recorded under this very lease."""
    result = Result.objects.filter(run_id=lease.run_id, token=lease.token).select_related("run").first()
    if result is not None:
        return Recorded(State(result.run.state), True) if result.report == report else None
    run = Run.objects.filter(pk=lease.run_id, token=lease.token).first()
    if run is None or run.is_held or report.failure is None or run.reason is None:
        return None
    return Recorded(State(run.state), True) if run.reason["code"] == report.failure.code else None


def _holds(lease: Lease) -> bool:
    run = Run.objects.filter(pk=lease.run_id, token=lease.token).first()
    return run is not None and run.is_held


@transaction.atomic
def _refuse(lease: Lease, what: str, now: datetime) -> None:
    """Leaves an event about something that came under an old token. The run itself is not touched."""
    run = Run.objects.filter(pk=lease.run_id).first()
    if run is not None:
        events.note(run, events.REFUSED, now=now, what=what, came_with=lease.token)


def _bad_result(problem: str) -> Failure:
    return Failure(
        code="bad_result",
        fault=Fault.PLATFORM,
        message=f"The worker's report was refused: {problem}.",
        remedy="Nothing was published. An operator should look at this run before it is tried again.",
    )
