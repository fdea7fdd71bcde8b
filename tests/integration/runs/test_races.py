"""Races are decided by the database: of any number that try, one wins."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connections

from evaluation.contract import RunReport
from tests.factories.database import committed
from tests.factories.runs import (
    LEASE,
    NOW,
    make_run,
    make_spec,
    make_user,
    measure,
    must_claim,
    upload,
    worker_facts,
)
from zoo.core.errors import ZooError
from zoo.runs import claiming, queue, reaper, recording
from zoo.runs.lifecycle import State
from zoo.runs.models import Result, Run


@pytest.fixture(autouse=True)
def _shared_database(transactional_db: None) -> Iterator[None]:
    with committed():
        yield


def together(*calls: Callable[[], object]) -> list[object]:
    """Runs the calls at the same time; gives their results, or the error they raised."""
    barrier = threading.Barrier(len(calls))
    outcomes: list[object] = [None] * len(calls)

    def one(index: int) -> None:
        barrier.wait()
        try:
            outcomes[index] = calls[index]()
        except ZooError as error:
            outcomes[index] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one, args=(index,)) for index in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def test_of_ten_workers_that_claim_one_run_one_gets_it() -> None:
    make_run()

    def claim() -> object:
        return claiming.claim(facts=worker_facts(), credential=None, now=NOW, lease=LEASE)

    won = [claimed for claimed in together(*[claim] * 10) if claimed is not None]
    assert len(won) == 1
    assert Run.objects.get().attempts == 1


def test_of_six_who_ask_for_the_same_all_get_one_run() -> None:
    def ask() -> object:
        return queue.request_run(spec=make_spec(), acting_user=None, now=NOW).run.pk

    assert len(set(together(*[ask] * 6))) == 1
    assert Run.objects.count() == 1


def test_two_sweeps_take_a_run_back_once() -> None:
    make_run()
    must_claim()
    late = NOW + 2 * LEASE
    outcomes = together(*[lambda: reaper.reap(now=late).expired] * 4)
    assert sorted(map(int, outcomes)) == [0, 0, 0, 1]  # type: ignore[call-overload]
    assert Run.objects.get().events.filter(kind="lost").count() == 1


def test_of_cancelling_and_recording_one_wins_and_the_events_say_which(tmp_path: Path) -> None:
    run = make_run()
    user = make_user()
    lease = must_claim().lease
    report = measure(make_spec(), tmp_path)
    upload(lease, report, tmp_path)
    together(
        lambda: queue.cancel(run_id=run.pk, acting_user=user, now=NOW),
        lambda: recording.deliver(lease=lease, report=report, now=NOW),
    )
    run.refresh_from_db()
    assert run.state == State.SUCCEEDED
    assert Result.objects.count() == 1
    moves = [event.kind for event in run.events.order_by("pk") if event.to_state]
    assert moves == ["requested", "claimed", "recorded"]


def test_of_trying_again_and_asking_anew_one_run_comes_out_and_a_loser_is_told_so() -> None:
    user = make_user()
    for number in range(3):
        old = make_run(f"scripted/again{number}")
        queue.cancel(run_id=old.pk, acting_user=user, now=NOW)
        again, anew = together(
            lambda old=old: queue.retry(run_id=old.pk, acting_user=user, now=NOW),
            lambda number=number: make_run(f"scripted/again{number}"),
        )
        assert isinstance(anew, Run)
        assert again == anew or isinstance(again, queue.CannotRetry)
        assert Run.objects.filter(identity=old.identity, state=State.QUEUED).count() == 1


def test_a_report_sent_many_times_at_once_is_recorded_once(tmp_path: Path) -> None:
    make_run()
    lease = must_claim().lease
    report: RunReport = measure(make_spec(), tmp_path)
    upload(lease, report, tmp_path)
    outcomes = together(*[lambda: recording.deliver(lease=lease, report=report, now=NOW)] * 5)
    assert all(isinstance(outcome, recording.Recorded) for outcome in outcomes), outcomes
    assert Result.objects.count() == 1


def test_results_recorded_at_once_still_form_one_chain(tmp_path: Path) -> None:
    calls = []
    for number in range(4):
        make_run(f"scripted/m{number}")
        lease = must_claim().lease
        report = measure(make_spec(f"scripted/m{number}"), tmp_path / str(number))
        upload(lease, report, tmp_path / str(number))
        calls.append(
            lambda lease=lease, report=report: recording.deliver(lease=lease, report=report, now=NOW)
        )
    together(*calls)
    hashes = list(Result.objects.order_by("sequence").values_list("previous_hash", "hash"))
    assert [previous for previous, _ in hashes[1:]] == [own for _, own in hashes[:-1]]
