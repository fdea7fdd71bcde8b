"""Looks at every state that is not final and mends what can be mended: expired leases, unsent or forgotten hints.

What it cannot mend (a run queued for a day) it reports as an alarm for the status page.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from evaluation.contract import Failure, Fault
from zoo.runs import events
from zoo.runs.lifecycle import HELD, State
from zoo.runs.models import Outbox, Run, Worker
from zoo.runs.queue import Lease, LeaseLost, give_back_or_up, locked

HINT_AGAIN_AFTER = timedelta(seconds=60)
QUEUED_TOO_LONG = timedelta(hours=24)
UNSENT_TOO_LONG = timedelta(seconds=60)
BATCH = 100
SLACK = timedelta(minutes=1)
"""By so much a clock may be ahead without being taken for one that was set back."""
ALARMS = ("queued_too_long", "outbox_unsent", "reaper_down", "worker_in_trouble", "running_too_long")
"""The codes of all alarms, for whoever watches from outside."""
SEEN_RECENTLY = timedelta(minutes=5)

WORKER_LOST = Failure(
    code="worker_lost",
    fault=Fault.PLATFORM,
    message="The worker was not heard from until its lease ended.",
    remedy="If this keeps happening, the model probably needs more memory than the worker has.",
)


class Reaped(NamedTuple):
    """What one sweep did."""

    expired: int
    rung_again: int


class Alarm(NamedTuple):
    """Something that an operator should look at: a stable code and a sentence."""

    code: str
    message: str


def reap(*, now: datetime) -> Reaped:
    """Takes runs back from holders whose lease has ended, and rings again for forgotten ones.

    Two sweeps at once are harmless: each run is taken back under its token, once.
    """
    _mind_the_clock(now)
    return Reaped(take_back_expired(now=now), _ring_again(now))


def _mind_the_clock(now: datetime) -> None:
    """What is dated further ahead than it can be was dated by a clock that has been set back since: it counts from now.

    Without this a machine whose clock was an hour ahead for a moment would leave runs that wait for an hour.
    """
    lease = timedelta(seconds=settings.ZOO_LEASE_SECONDS)
    rest = timedelta(seconds=max([*settings.ZOO_BACKOFF_SECONDS, 0])) + SLACK
    Run.objects.filter(state__in=sorted(HELD), lease_until__gt=now + lease + SLACK).update(
        lease_until=now + lease
    )
    Run.objects.filter(state=State.QUEUED, not_before__gt=now + rest).update(not_before=now, queued_at=now)
    Outbox.objects.filter(sent_at=None, due_at__gt=now + rest).update(due_at=now)


def take_back_expired(*, now: datetime) -> int:
    """Takes runs back from holders whose lease has ended; gives how many. Cheap while there are none."""
    expired = Run.objects.filter(state__in=sorted(HELD), lease_until__lt=now).order_by("lease_until")
    leases = [Lease(pk, token) for pk, token in expired.values_list("pk", "token")[:BATCH]]
    return sum(_expire(lease, now) for lease in leases)


@transaction.atomic
def _expire(lease: Lease, now: datetime) -> bool:
    try:
        run = locked(lease)
    except LeaseLost:
        return False
    if run.lease_until is None or run.lease_until >= now:
        return False
    give_back_or_up(run, WORKER_LOST, now)
    return True


@transaction.atomic
def _ring_again(now: datetime) -> int:
    """A run that waits although a hint was sent: the hint may be lost. At most a few, not one for each."""
    recent = Outbox.objects.filter(run=OuterRef("pk"), kind=Outbox.Kind.HINT).filter(
        Q(sent_at__isnull=True) | Q(sent_at__gt=now - HINT_AGAIN_AFTER)
    )
    waiting = Run.objects.filter(
        ~Exists(recent), state=State.QUEUED, not_before__lte=now, queued_at__lte=now - HINT_AGAIN_AFTER
    ).order_by("-priority", "created_at")[:10]
    for run in waiting:
        events.ring_again(run, now=now)
    return len(waiting)


def alarms(*, now: datetime) -> list[Alarm]:
    """What is older than its state should be."""
    found = []
    forgotten = Run.objects.filter(state=State.QUEUED, queued_at__lt=now - QUEUED_TOO_LONG).count()
    if forgotten:
        found.append(
            Alarm(
                "queued_too_long",
                f"{forgotten} runs have been queued for more than a day: no worker fits them.",
            )
        )
    unsent = Outbox.objects.filter(sent_at__isnull=True, due_at__lt=now - UNSENT_TOO_LONG).count()
    if unsent:
        found.append(
            Alarm(
                "outbox_unsent",
                f"{unsent} messages have waited for more than a minute: the broker or relay is down.",
            )
        )
    overdue = Run.objects.filter(state__in=sorted(HELD), lease_until__lt=now - timedelta(minutes=5)).count()
    if overdue:
        found.append(Alarm("reaper_down", f"{overdue} leases ended minutes ago: the reaper is not running."))
    sick = Worker.objects.filter(seen_at__gt=now - SEEN_RECENTLY, stopped_at=None).exclude(trouble="").count()
    if sick:
        found.append(
            Alarm("worker_in_trouble", f"{sick} workers take no work; the table of workers says why.")
        )
    return found + _too_long(now)


def _too_long(now: datetime) -> list[Alarm]:
    """Runs that are held far beyond their time limit: the watch over them must have failed."""
    held = Run.objects.filter(state__in=sorted(HELD)).values_list("started_at", "time_limit_seconds")
    grace = timedelta(minutes=30)
    late = sum(start is not None and now > start + timedelta(seconds=limit) + grace for start, limit in held)
    return [Alarm("running_too_long", f"{late} runs go on long after their time limit.")] if late else []


@transaction.atomic
def prune_outbox(*, now: datetime, older_than: timedelta = timedelta(days=7)) -> int:
    """Deletes messages that were sent long ago. What happened is in the events."""
    deleted, _ = Outbox.objects.filter(sent_at__lt=now - older_than).delete()
    return deleted
