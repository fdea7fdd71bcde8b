"""The worker's client tells apart: try again, stop, and never mind."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx
import pytest

from evaluation.contract import Failure, Fault
from evaluation.exchange import Claim, Delivery, Heartbeat
from evaluation.zoo_client import LeaseGone, NotAdmitted, Refused, Unreachable, ZooClient
from tests.factories.runs import make_spec

DELIVERY = Delivery(release=Failure(code="worker_stopped", fault=Fault.PLATFORM, message="stopped"))
CLAIM = Claim(run="r", lease="l", lease_seconds=10, attempt=1, spec=make_spec())


def client(answer: Callable[[httpx.Request], httpx.Response]) -> ZooClient:
    return ZooClient("http://zoo", "token", transport=httpx.MockTransport(answer))


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, NotAdmitted),
        (409, LeaseGone),
        (400, Refused),
        (500, Unreachable),
        (429, Unreachable),
        (502, Unreachable),
    ],
)
def test_each_status_means_something(status: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        client(lambda request: httpx.Response(status, json={"detail": "no"})).heartbeat(CLAIM, Heartbeat())


def test_silence_is_unreachable() -> None:
    def silent(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("nothing")

    with pytest.raises(Unreachable):
        client(silent).heartbeat(CLAIM, Heartbeat())


def test_an_answer_of_another_version_is_unreachable() -> None:
    with pytest.raises(Unreachable, match="version"):
        client(lambda request: httpx.Response(200, json={"colour": "red"})).heartbeat(CLAIM, Heartbeat())


def test_a_report_is_sent_again_until_it_is_taken() -> None:
    seen = []

    def flaky(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["X-Zoo-Lease"])
        if len(seen) < 3:
            return httpx.Response(500)
        return httpx.Response(200, json={"state": "queued"})

    answer = client(flaky).deliver(CLAIM, DELIVERY, until=lambda: time.monotonic() + 30)
    assert answer.state == "queued"
    assert seen == ["l", "l", "l"]


def test_a_report_is_not_sent_any_more_when_the_lease_has_ended() -> None:
    calls = []

    def down(request: httpx.Request) -> httpx.Response:
        calls.append(1)
        return httpx.Response(503)

    ends = time.monotonic() + 0.5
    with pytest.raises(Unreachable):
        client(down).deliver(CLAIM, DELIVERY, until=lambda: ends)
    assert len(calls) <= 3


def test_a_wrong_token_is_not_tried_again() -> None:
    calls = []

    def wrong(request: httpx.Request) -> httpx.Response:
        calls.append(1)
        return httpx.Response(401)

    with pytest.raises(NotAdmitted):
        client(wrong).deliver(CLAIM, DELIVERY, until=lambda: time.monotonic() + 30)
    assert calls == [1]
