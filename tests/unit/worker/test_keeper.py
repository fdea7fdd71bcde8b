"""The keeper of a lease: it fences this machine by its own clock, and learns from each answer."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from evaluation.contract import Progress, Stage
from evaluation.exchange import Claim
from evaluation.supervision.keeper import BEATS_PER_LEASE, Keeper
from evaluation.zoo_client import ZooClient
from tests.factories.runs import make_spec

LEASE_SECONDS = 900.0
CERTAIN = LEASE_SECONDS * (1 - 2 / BEATS_PER_LEASE)
CLAIM = Claim(
    run="0198c0de-0000-7000-8000-000000000000",
    lease="lease",
    lease_seconds=LEASE_SECONDS,
    attempt=1,
    request_id="",
    spec=make_spec(),
    journal=None,
)
Answer = Callable[[httpx.Request], httpx.Response]


class Zoo:
    """A zoo that answers as it is told, and remembers what it was asked."""

    def __init__(self, answer: Answer) -> None:
        self.beats: list[dict[str, Any]] = []
        self.heard = threading.Event()
        self._answer = answer

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.beats.append(json.loads(request.content))
        try:
            return self._answer(request)
        finally:
            self.heard.set()


def well(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={"cancel": False, "lease_seconds": LEASE_SECONDS})


def silent(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("nobody there")


def keeper(answer: Answer, *, claimed_ago: float) -> tuple[Keeper, Zoo]:
    """A keeper of a lease that was claimed so many seconds ago; no test waits for them to pass."""
    zoo = Zoo(answer)
    client = ZooClient("http://zoo", "token", transport=httpx.MockTransport(zoo))
    return Keeper(CLAIM, client, claimed_at=time.monotonic() - claimed_ago), zoo


def beaten(made: Keeper, zoo: Zoo) -> None:
    """Lets it beat once, with news."""
    made.start()
    made.tell(Progress(stage=Stage.SCORING, done=1, total=2))
    assert zoo.heard.wait(60)
    made.close()


def test_a_machine_that_hears_nothing_stops_two_beats_before_the_zoo_gives_the_run_away() -> None:
    assert not keeper(silent, claimed_ago=CERTAIN - 60)[0].lost
    made, _ = keeper(silent, claimed_ago=CERTAIN + 1)
    assert made.lost
    assert made.deadline < time.monotonic()
    assert CERTAIN < LEASE_SECONDS - LEASE_SECONDS / BEATS_PER_LEASE


def test_a_beat_that_does_not_arrive_moves_nothing() -> None:
    made, zoo = keeper(silent, claimed_ago=CERTAIN - 300)
    before = made.deadline
    beaten(made, zoo)
    assert made.deadline == before
    assert not made.lost


def test_a_beat_that_arrives_counts_from_before_it_was_sent() -> None:
    made, zoo = keeper(well, claimed_ago=CERTAIN - 300)
    beaten(made, zoo)
    assert zoo.beats[0]["progress"]["done"] == 1
    # The lease is renewed, and by no more than what the zoo gave from a moment that has passed.
    assert 300 < made.deadline - time.monotonic() <= CERTAIN


@pytest.mark.parametrize("status", [401, 404, 409])
def test_a_refusal_ends_the_lease_at_once(status: int) -> None:
    made, zoo = keeper(lambda _: httpx.Response(status, json={"detail": "no"}), claimed_ago=0)
    beaten(made, zoo)
    assert made.lost
    assert made.deadline <= time.monotonic()


def test_a_wish_to_cancel_and_a_shorter_lease_come_with_the_answer() -> None:
    answer = {"cancel": True, "lease_seconds": 60}
    made, zoo = keeper(lambda _: httpx.Response(200, json=answer), claimed_ago=0)
    beaten(made, zoo)
    assert made.cancel_requested
    assert made.deadline - time.monotonic() <= 60 * (1 - 2 / BEATS_PER_LEASE)


def test_what_is_around_the_runner_is_told_once() -> None:
    made, zoo = keeper(well, claimed_ago=0)
    made.tell_isolation("bubblewrap")
    beaten(made, zoo)
    assert zoo.beats[0]["isolation"] == "bubblewrap"
    assert all(beat["isolation"] is None for beat in zoo.beats[1:])
