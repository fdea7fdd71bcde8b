"""The client tries again what may pass, never what could be done twice, and says problems in words."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import httpx
import pytest

from zoo.client import ApiProblem, Connection, Unreachable, Zoo
from zoo.client.connection import PAUSES_SECONDS

Answers = list[httpx.Response | Exception]


def connected(answers: Answers, slept: list[float]) -> tuple[Connection, list[httpx.Request]]:
    asked: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    transport = httpx.MockTransport(handle)
    return Connection("http://zoo.example", "zoo_x", transport=transport, sleep=slept.append), asked


def no_answer(kind: Callable[[str], Exception] = httpx.ConnectError) -> Exception:
    return kind("nobody there")


def test_a_read_is_tried_again_until_the_server_is_back() -> None:
    slept: list[float] = []
    connection, asked = connected(
        [no_answer(), httpx.Response(503), httpx.Response(200, json={"a": 1})], slept
    )
    assert connection.get("runs/") == {"a": 1}
    assert slept == list(PAUSES_SECONDS[:2])
    assert asked[0].headers["Authorization"] == "Token zoo_x"


def test_a_server_that_says_when_to_come_back_is_waited_for() -> None:
    slept: list[float] = []
    busy = httpx.Response(429, headers={"Retry-After": "7"})
    connection, _ = connected([busy, httpx.Response(200, json={})], slept)
    connection.get("runs/")
    assert slept == [7.0]


def test_a_write_without_a_key_is_repeated_only_when_it_never_arrived() -> None:
    slept: list[float] = []
    connection, asked = connected([no_answer(), no_answer(httpx.ReadTimeout)], slept)
    with pytest.raises(Unreachable):
        connection.post("runs/1/cancel/")
    assert len(asked) == 2
    connection, asked = connected([httpx.Response(503, json={"detail": "busy"})], slept)
    with pytest.raises(ApiProblem, match="busy"):
        connection.post("runs/1/cancel/")
    assert len(asked) == 1


def test_a_submission_has_a_key_and_is_repeated_with_it() -> None:
    row = {"id": "1", "state": "queued", "student": "a/b", "student_run": "2", "new_field": 1}
    answers: Answers = [httpx.Response(502), httpx.Response(202, json=row)]
    asked: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        answer = answers.pop(0)
        assert isinstance(answer, httpx.Response)
        return answer

    with Zoo("http://zoo.example", "zoo_x", transport=httpx.MockTransport(handle)) as zoo:
        made = zoo.submit("a/b", suite="demo")
    assert made.state == "queued"
    assert made.model_extra == {"new_field": 1}, "what a newer server adds is kept"
    keys = {request.headers["Idempotency-Key"] for request in asked}
    assert len(asked) == 2
    assert len(keys) == 1


def test_after_the_last_try_the_address_is_named() -> None:
    slept: list[float] = []
    connection, asked = connected([no_answer()] * 4, slept)
    with pytest.raises(Unreachable, match=r"zoo\.example"):
        connection.get("runs/")
    assert len(asked) == 4


def test_a_problem_is_told_with_its_fields_and_remedy() -> None:
    body = {
        "code": "invalid",
        "detail": "That cannot be.",
        "errors": [{"pointer": "/suite", "detail": "There is no such suite."}],
        "remedy": "Known: demo.",
    }
    connection, _ = connected([httpx.Response(400, json=body)], [])
    with pytest.raises(ApiProblem) as caught:
        connection.get("suites/")
    assert str(caught.value).split("\n     ") == [
        "That cannot be.",
        "suite: There is no such suite.",
        "Known: demo.",
    ]
    assert (caught.value.status, caught.value.code) == (400, "invalid")


def test_lists_are_followed_page_after_page() -> None:
    pages: Answers = [
        httpx.Response(200, json={"next": "http://zoo.example/api/v1/runs/?cursor=x", "results": [{"n": 1}]}),
        httpx.Response(200, json={"next": None, "results": [{"n": 2}]}),
    ]
    connection, asked = connected(pages, [])
    assert [row["n"] for row in connection.listed("runs/", {"state": "failed", "model": None})] == [1, 2]
    assert str(asked[0].url) == "http://zoo.example/api/v1/runs/?state=failed"


def test_the_client_loads_without_django() -> None:
    code = "import sys, zoo.client; sys.exit('django' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
