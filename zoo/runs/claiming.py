"""Which run a worker gets next: what it can do, in an order that is fair to those who asked."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction
from django.db.models import Count, F, Max, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from evaluation.exchange import WorkerFacts
from zoo.runs.lifecycle import HELD, State
from zoo.runs.models import Artifact, Run, Worker, WorkerCredential
from zoo.runs.queue import Lease, take
from zoo.runs.reaper import reap

CANDIDATES = 20


class Claimed(NamedTuple):
    """A run that a worker now holds, the lease it holds it by, and the journal of an earlier attempt."""

    run: Run
    lease: Lease
    journal: str | None


def claim(
    *, facts: WorkerFacts, credential: WorkerCredential | None, now: datetime, lease: timedelta
) -> Claimed | None:
    """Gives the worker the next run that fits it, or None. Notes that the worker was seen.

    Leases that have ended are taken back first, so that the queue moves on even when nothing else sweeps it.
    """
    worker = see(facts=facts, credential=credential, now=now)
    if facts.trouble:
        return None
    reap(now=now)
    for run_id in list(fitting(worker, now).values_list("pk", flat=True)[:CANDIDATES]):
        taken = take(run_id=run_id, worker=worker, now=now, lease=lease)
        if taken is not None:
            run = Run.objects.get(pk=run_id)
            return Claimed(run, taken, _journal(run))
    return None


@transaction.atomic
def see(*, facts: WorkerFacts, credential: WorkerCredential | None, now: datetime) -> Worker:
    """The row of this start of the worker, made at first sight, with what it has today."""
    known = facts.model_dump(mode="json", exclude={"id"}) | {"seen_at": now, "stopped_at": None}
    worker, _ = Worker.objects.update_or_create(
        id=facts.id,
        defaults=known,
        create_defaults=known | {"credential": credential, "started_at": now},
    )
    return worker


def fitting(worker: Worker, now: datetime) -> QuerySet[Run]:
    """Queued runs that the worker can do, in the order in which they should be done.

    Priority first; then whoever has the fewest runs in work; then whoever was served longest ago (so that
    one with a hundred runs and one with a single run take turns); then age.
    """
    same = Run.objects.filter(requested_by=OuterRef("requested_by")).order_by().values("requested_by")
    in_work = same.filter(state__in=sorted(HELD)).annotate(count=Count("pk")).values("count")
    served = same.annotate(last=Max("started_at")).values("last")
    return (
        Run.objects.filter(
            Q(device="any") | Q(device=worker.device),
            state=State.QUEUED,
            not_before__lte=now,
            cancel_requested=False,
            spec_version__in=worker.spec_versions,
            engine__in=worker.engines,
            memory_bytes__lte=worker.memory_bytes,
            disk_bytes__lte=worker.disk_bytes,
        )
        .annotate(in_work=Coalesce(Subquery(in_work), 0), served=Subquery(served))
        .order_by("-priority", "in_work", F("served").asc(nulls_first=True), "created_at", "pk")
    )


def _journal(run: Run) -> str | None:
    kept = run.artifacts.filter(kind=Artifact.Kind.JOURNAL).order_by("-id").first()
    return kept.sha256 if kept else None
