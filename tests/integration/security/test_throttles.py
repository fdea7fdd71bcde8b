"""By which address one is counted: a forwarded one is believed as far as there are proxies of our own, no further."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.test import RequestFactory
from pytest_django import Settings
from rest_framework.request import Request
from rest_framework.views import APIView

from zoo.api.throttles import Anonymous


class TwoAMinute(Anonymous):
    """The shipped throttle with a small rate."""

    def get_rate(self) -> str:
        return "2/min"


@pytest.fixture(autouse=True)
def counted_anew() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def allowed(forwarded: str, *, address: str = "10.0.0.1") -> bool:
    """Whether one more request is let through."""
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    request = Request(RequestFactory().get("/api/v1/models/", REMOTE_ADDR=address, headers=headers))
    return TwoAMinute().allow_request(request, APIView())


def proxies(settings: Settings, count: int) -> None:
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": count}


def test_without_proxies_a_header_for_each_request_gets_nobody_around_the_limit(settings: Settings) -> None:
    proxies(settings, 0)
    assert [allowed(f"203.0.113.{number}") for number in range(4)] == [True, True, False, False]
    assert allowed("", address="10.0.0.2")


def test_behind_one_proxy_what_it_wrote_counts_and_what_a_client_wrote_does_not(settings: Settings) -> None:
    proxies(settings, 1)
    forged = [allowed(f"198.51.100.{number}, 203.0.113.7") for number in range(4)]
    assert forged == [True, True, False, False]
    assert allowed("203.0.113.8")


def test_behind_two_proxies_the_last_but_one_counts(settings: Settings) -> None:
    proxies(settings, 2)
    assert [allowed(f"1.2.3.{number}, 203.0.113.9, 10.0.0.9") for number in range(3)] == [True, True, False]
    assert allowed("203.0.113.10, 10.0.0.9")
