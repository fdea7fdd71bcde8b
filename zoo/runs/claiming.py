"""Which run a worker gets next: what it can do, in an order that is fair to those who asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Q, QuerySet

from evaluation.exchange import WorkerFacts
from zoo.runs.lifecycle import HELD, State
from zoo.runs.models import Artifact, Run, Turn, Worker, WorkerCredential
from zoo.runs.queue import Lease, take
from zoo.runs.reaper import take_back_expired

CANDIDATES = 20
OF_EACH = 5


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
    take_back_expired(now=now)
    for run_id in candidates(worker, now):
        taken = take(run_id=run_id, worker=worker, now=now, lease=lease)
        if taken is not None:
            run = Run.objects.get(pk=run_id)
            if run.requested_by_id is not None:
                Turn.objects.update_or_create(user_id=run.requested_by_id, defaults={"served_at": now})
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


def candidates(worker: Worker, now: datetime) -> list[UUID]:
    """Queued runs that the worker can do, in the order in which they should be tried; a few, not all.

    Priority first; then whoever has the fewest runs in work; then whoever was served longest ago (so that one
    with a hundred runs and one with a single run take turns); then age.
    """
    fitting = _fitting(worker, now)
    top = fitting.order_by("-priority").values_list("priority", flat=True).first()
    if top is None:
        return []
    of_this_priority = fitting.filter(priority=top)
    waiting = list(of_this_priority.order_by().values_list("requested_by", flat=True).distinct())
    found: list[UUID] = []
    for requester in _in_turn(waiting):
        mine = of_this_priority.filter(requested_by=requester).order_by("created_at", "pk")
        found += mine.values_list("pk", flat=True)[:OF_EACH]
        if len(found) >= CANDIDATES:
            break
    return found


def _in_turn(requesters: Sequence[int | None]) -> list[int | None]:
    """Those who wait, whoever's turn it is first."""
    held = Run.objects.filter(state__in=sorted(HELD)).order_by().values_list("requested_by")
    in_work = dict(held.annotate(number=Count("pk")))
    served = dict(
        Turn.objects.filter(user__in=[one for one in requesters if one]).values_list("user", "served_at")
    )
    never = datetime.min.replace(tzinfo=UTC)
    return sorted(requesters, key=lambda one: (in_work.get(one, 0), served.get(one or 0, never), one or 0))


def _fitting(worker: Worker, now: datetime) -> QuerySet[Run]:
    return Run.objects.filter(
        Q(device="any") | Q(device=worker.device),
        state=State.QUEUED,
        not_before__lte=now,
        cancel_requested=False,
        spec_version__in=worker.spec_versions,
        engine__in=worker.engines,
        memory_bytes__lte=worker.memory_bytes,
        disk_bytes__lte=worker.disk_bytes,
    )


def _journal(run: Run) -> str | None:
    kept = run.artifacts.filter(kind=Artifact.Kind.JOURNAL).order_by("-id").first()
    return kept.sha256 if kept else None
