"""Runs that live through deployments and through clocks that are set."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings

from evaluation.contract import Failure, Fault
from tests.factories.runs import LEASE, NOW, make_run, make_user, must_claim
from zoo.runs import queue
from zoo.runs.lifecycle import State
from zoo.runs.models import Run
from zoo.runs.reaper import reap

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]
STOPPED = Failure(code="worker_stopped", fault=Fault.PLATFORM, message="It was stopped.", remedy="Wait.")
LOST = Failure(code="worker_lost", fault=Fault.PLATFORM, message="It was lost.", remedy="Wait.")
HOUR = timedelta(hours=1)


def test_deployments_use_up_no_attempts_and_what_is_lost_afterwards_is_tried_again() -> None:
    run = make_run()
    for _ in range(settings.ZOO_MAX_ATTEMPTS + 3):
        assert queue.release(lease=must_claim().lease, reason=STOPPED, now=NOW) is State.QUEUED
    assert queue.lose(lease=must_claim().lease, reason=LOST, now=NOW) is State.QUEUED
    run.refresh_from_db()
    assert run.attempts == settings.ZOO_MAX_ATTEMPTS + 4
    queue.cancel(run_id=run.pk, acting_user=make_user(), now=NOW)
    assert queue.retry(run_id=run.pk, acting_user=make_user(), now=NOW).state == State.QUEUED


def test_a_clock_that_was_an_hour_ahead_leaves_nobody_waiting_for_an_hour() -> None:
    dead, lost = make_run("scripted/dead"), make_run("scripted/lost")
    worker = must_claim(now=NOW + HOUR)
    second = must_claim(now=NOW + HOUR)
    queue.lose(lease=second.lease, reason=LOST, now=NOW + HOUR)
    # The clock is right again. The one whose worker died has a lease for an hour, the other a rest of one.
    reap(now=NOW)
    now = NOW + timedelta(seconds=settings.ZOO_LEASE_SECONDS + 1)
    assert reap(now=now).expired == 1
    assert {Run.objects.get(pk=pk).state for pk in (dead.pk, lost.pk)} == {State.QUEUED}
    assert must_claim(now=now).run.pk == second.run.pk
    assert worker.run.outbox.filter(sent_at=None, due_at__gt=now + HOUR / 2).count() == 0


def test_a_clock_that_jumps_ahead_ends_leases_and_their_holders_are_refused() -> None:
    make_run()
    claimed = must_claim()
    assert reap(now=NOW + HOUR).expired == 1
    with pytest.raises(queue.LeaseLost):
        queue.heartbeat(lease=claimed.lease, progress=None, now=NOW, length=LEASE)
