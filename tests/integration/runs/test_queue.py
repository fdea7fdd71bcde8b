"""The queue keeps its promises: one run per identity, one holder, tokens that fence, moves with events."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import DatabaseError, IntegrityError, transaction

from evaluation.contract import Failure, Fault, Progress, Stage
from tests.factories.runs import (
    LEASE,
    NOW,
    claim,
    finish,
    make_run,
    make_spec,
    make_user,
    make_worker,
    must_claim,
)
from zoo.runs import queue, selectors
from zoo.runs.lifecycle import State
from zoo.runs.models import Outbox, Run, RunEvent
from zoo.runs.reaper import alarms, reap

pytestmark = pytest.mark.django_db

LOST = Failure(code="runner_died", fault=Fault.PLATFORM, message="killed by signal 9")
LATER = NOW + LEASE + timedelta(seconds=1)


def kinds(run: Run) -> list[str]:
    return [event.kind for event in run.events.order_by("pk")]


def test_asking_twice_for_the_same_gives_one_run() -> None:
    first = queue.request_run(spec=make_spec(), acting_user=None, now=NOW)
    second = queue.request_run(spec=make_spec(), acting_user=make_user(), now=NOW)
    assert first.created
    assert not second.created
    assert first.run == second.run


def test_another_limit_is_another_run() -> None:
    assert make_run() != make_run(limit=5)


def test_a_new_run_has_its_event_and_its_hint() -> None:
    run = make_run()
    assert kinds(run) == ["requested"]
    assert run.outbox.get().kind == Outbox.Kind.HINT


def test_a_failed_run_does_not_stand_for_its_identity_any_more() -> None:
    run = make_run()
    queue.cancel(run_id=run.pk, acting_user=make_user(), now=NOW)
    assert make_run() != run


def test_a_claim_gives_a_fresh_token_and_a_lease() -> None:
    run = make_run()
    claimed = must_claim()
    assert claimed.run == run
    assert claimed.lease.token == 1
    assert claimed.run.state == State.FETCHING
    assert claimed.run.lease_until == NOW + LEASE
    assert claim() is None


def test_a_run_that_rests_is_not_claimed_before_its_time() -> None:
    run = make_run()
    queue.lose(lease=must_claim().lease, reason=LOST, now=NOW)
    run.refresh_from_db()
    assert run.state == State.QUEUED
    assert claim(now=NOW + timedelta(seconds=59)) is None
    assert must_claim(now=NOW + timedelta(seconds=61)).lease.token == 2


@pytest.mark.parametrize(
    "facts",
    [
        {"engines": ("harness",)},
        {"spec_versions": (2,)},
        {"trouble": "the disk is full"},
        {"memory_bytes": 1},
        {"disk_bytes": 1},
    ],
)
def test_a_worker_gets_nothing_that_it_cannot_do(facts: dict[str, object]) -> None:
    Run.objects.filter(pk=make_run().pk).update(memory_bytes=2, disk_bytes=2)
    assert claim(**facts) is None
    assert claim() is not None


def test_a_run_for_a_gpu_waits_for_one() -> None:
    Run.objects.filter(pk=make_run().pk).update(device="cuda")
    assert claim() is None
    assert claim(device="cuda") is not None


def test_submitters_take_turns() -> None:
    ada, bob = make_user("ada"), make_user("bob")
    for number in range(3):
        make_run(f"scripted/a{number}", user=ada, now=NOW + timedelta(seconds=number))
    make_run("scripted/b0", user=bob, now=NOW + timedelta(seconds=9))
    moment = NOW + timedelta(minutes=1)
    order = []
    for _ in range(4):
        claimed = must_claim(now=moment)
        order.append(claimed.run.model_name)
        queue.end(queue.locked(claimed.lease), queue.Move.FAILED, reason=LOST, now=moment)
        moment += timedelta(seconds=10)
    assert order == ["scripted/a0", "scripted/b0", "scripted/a1", "scripted/a2"]


def test_priority_comes_first() -> None:
    make_run("scripted/early")
    urgent = make_run("scripted/urgent", priority=5, now=NOW + timedelta(seconds=1))
    assert must_claim(now=LATER).run == urgent


def test_progress_starts_the_run_and_leaves_events() -> None:
    make_run()
    claimed = must_claim()
    for stage in (Stage.FETCHING, Stage.LOADING, Stage.SCORING, Stage.SCORING):
        queue.heartbeat(lease=claimed.lease, progress=Progress(stage=stage), now=NOW, length=LEASE)
    run = Run.objects.get()
    assert run.state == State.RUNNING
    assert kinds(run) == ["requested", "claimed", "progress", "started", "progress", "progress"]


def test_a_heartbeat_renews_the_lease() -> None:
    make_run()
    lease = must_claim().lease
    queue.heartbeat(lease=lease, progress=None, now=NOW + timedelta(seconds=50), length=LEASE)
    assert reap(now=LATER).expired == 0
    assert reap(now=LATER + LEASE).expired == 1


def test_a_lease_that_ends_puts_the_run_back_and_fences_its_holder() -> None:
    run = make_run()
    old = must_claim().lease
    assert reap(now=LATER).expired == 1
    assert reap(now=LATER).expired == 0
    with pytest.raises(queue.LeaseLost):
        queue.heartbeat(lease=old, progress=None, now=LATER, length=LEASE)
    run.refresh_from_db()
    assert run.reason is not None
    assert run.reason["code"] == "worker_lost"
    new = must_claim(now=LATER + timedelta(seconds=60)).lease
    assert new.token == 2
    with pytest.raises(queue.LeaseLost):
        queue.release(lease=old, reason=LOST, now=LATER)


def test_a_run_that_loses_its_worker_three_times_is_given_up_with_the_reason() -> None:
    run = make_run()
    moment = NOW
    for _ in range(settings.ZOO_MAX_LOST):
        moment += timedelta(hours=1)
        assert queue.lose(lease=must_claim(now=moment).lease, reason=LOST, now=moment)
    run.refresh_from_db()
    assert run.state == State.FAILED
    assert run.reason is not None
    assert run.reason["code"] == "runner_died"
    assert "3 attempts" in run.reason["message"]


def test_a_release_costs_no_attempt_and_needs_no_rest() -> None:
    run = make_run()
    for token in range(1, settings.ZOO_MAX_LOST + 2):
        claimed = must_claim()
        assert claimed.lease.token == token
        queue.release(lease=claimed.lease, reason=LOST, now=NOW)
    run.refresh_from_db()
    assert (run.state, run.lost) == (State.QUEUED, 0)


def test_cancelling_a_queued_run_ends_it_at_once_and_again_is_harmless() -> None:
    run = make_run()
    user = make_user()
    assert queue.cancel(run_id=run.pk, acting_user=user, now=NOW) is State.CANCELLED
    assert queue.cancel(run_id=run.pk, acting_user=user, now=NOW) is State.CANCELLED
    assert claim() is None
    assert kinds(run) == ["requested", "cancelled"]


def test_cancelling_a_held_run_reaches_its_holder_by_the_heartbeat() -> None:
    run = make_run()
    lease = must_claim().lease
    assert queue.cancel(run_id=run.pk, acting_user=make_user(), now=NOW) is State.FETCHING
    assert queue.heartbeat(lease=lease, progress=None, now=NOW, length=LEASE).cancel
    assert queue.release(lease=lease, reason=LOST, now=NOW) is State.CANCELLED


def test_a_cancelled_run_whose_worker_is_lost_is_cancelled_and_not_queued_again() -> None:
    run = make_run()
    must_claim()
    queue.cancel(run_id=run.pk, acting_user=make_user(), now=NOW)
    reap(now=LATER)
    run.refresh_from_db()
    assert run.state == State.CANCELLED


def test_somebody_else_who_wants_a_run_takes_the_wish_to_cancel_back() -> None:
    run = make_run()
    lease = must_claim().lease
    queue.cancel(run_id=run.pk, acting_user=make_user(), now=NOW)
    assert queue.request_run(spec=make_spec(), acting_user=make_user("bob"), now=NOW).run == run
    assert not queue.heartbeat(lease=lease, progress=None, now=NOW, length=LEASE).cancel


def test_a_finished_run_cannot_be_cancelled() -> None:
    run = make_run()
    queue.end(queue.locked(must_claim().lease), queue.Move.FAILED, reason=LOST, now=NOW)
    with pytest.raises(queue.AlreadyFinished):
        queue.cancel(run_id=run.pk, acting_user=make_user(), now=NOW)


def test_a_run_that_succeeded_although_it_should_be_cancelled_says_so(tmp_path: Path) -> None:
    run = finish(make_run(), tmp_path)
    Run.objects.filter(pk=run.pk).update(cancel_requested=True)
    with pytest.raises(queue.AlreadyFinished, match="succeeded"):
        queue.cancel(run_id=run.pk, acting_user=make_user(), now=NOW)


def test_a_failed_run_can_be_tried_again_and_keeps_its_reason_until_then() -> None:
    run = make_run()
    queue.end(queue.locked(must_claim().lease), queue.Move.FAILED, reason=LOST, now=NOW)
    queue.retry(run_id=run.pk, acting_user=make_user(), now=NOW)
    assert must_claim().lease.token == 2
    with pytest.raises(queue.CannotRetry, match="is fetching"):
        queue.retry(run_id=run.pk, acting_user=make_user(), now=NOW)


def test_a_run_cannot_be_tried_again_while_another_measures_the_same() -> None:
    run = make_run()
    queue.cancel(run_id=run.pk, acting_user=make_user(), now=NOW)
    make_run()
    with pytest.raises(queue.CannotRetry, match="another run"):
        queue.retry(run_id=run.pk, acting_user=make_user(), now=NOW)


def test_attempts_are_capped_whoever_asks() -> None:
    run = make_run()
    queue.cancel(run_id=run.pk, acting_user=make_user(), now=NOW)
    Run.objects.filter(pk=run.pk).update(attempts=settings.ZOO_MAX_ATTEMPTS, token=99)
    with pytest.raises(queue.CannotRetry, match="the most there are"):
        queue.retry(run_id=run.pk, acting_user=make_user(), now=NOW)


def test_a_forgotten_hint_is_sent_again_instead_of_a_second_one() -> None:
    run = make_run()
    run.outbox.update(sent_at=NOW)
    assert reap(now=NOW + timedelta(seconds=30)).rung_again == 0
    assert reap(now=NOW + timedelta(seconds=61)).rung_again == 1
    assert run.outbox.get().sent_at is None


def test_what_is_older_than_it_should_be_is_an_alarm() -> None:
    make_run()
    assert alarms(now=NOW) == []
    found = {alarm.code for alarm in alarms(now=NOW + timedelta(days=2))}
    assert found == {"queued_too_long", "outbox_unsent"}


def test_a_worker_in_trouble_and_a_run_without_end_are_alarms() -> None:
    make_worker(trouble="the disk is full")
    assert {alarm.code for alarm in alarms(now=NOW)} == {"worker_in_trouble"}
    make_run()
    must_claim(lease=timedelta(days=1))
    found = {alarm.code for alarm in alarms(now=NOW + timedelta(hours=7))}
    assert "running_too_long" in found


@pytest.mark.parametrize(
    "nonsense",
    [
        {"state": "lost"},
        {"state": "running"},
        {"state": "failed", "finished_at": NOW},
        {"state": "succeeded"},
        {"attempts": 5},
        {"lease_until": NOW},
    ],
)
def test_the_database_refuses_nonsense(nonsense: dict[str, object]) -> None:
    run = make_run()
    with pytest.raises(IntegrityError), transaction.atomic():
        Run.objects.filter(pk=run.pk).update(**nonsense)


def test_events_can_be_neither_changed_nor_deleted() -> None:
    make_run()
    with pytest.raises(DatabaseError), transaction.atomic():
        RunEvent.objects.update(kind="nothing")
    with pytest.raises(DatabaseError), transaction.atomic():
        RunEvent.objects.all().delete()


def test_a_worker_is_another_row_after_each_start() -> None:
    assert make_worker().pk != make_worker().pk


def test_ten_thousand_queued_runs_slow_no_claim_and_no_page_of_the_queue() -> None:
    ada, bob = make_user("ada"), make_user("bob")
    template = make_run(user=ada)
    runs = [
        Run(
            identity=f"{number:064x}",
            spec=template.spec,
            model_name=f"scripted/m{number}",
            model_revision="1",
            engine="scripted",
            requested_by=bob if number % 100 == 0 else ada,
            created_at=NOW,
            queued_at=NOW,
            not_before=NOW,
        )
        for number in range(10_000)
    ]
    Run.objects.bulk_create(runs, batch_size=500)
    for call in (
        lambda: must_claim(now=LATER),
        lambda: reap(now=NOW),
        lambda: selectors.place(runs[-1], now=NOW),
        lambda: selectors.waiting(limit=20),
    ):
        began = time.perf_counter()
        call()
        # 50 ms on an idle machine; the bound leaves room for a busy one and would still show a slow plan.
        assert time.perf_counter() - began < 2
