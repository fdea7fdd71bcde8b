"""How long a body may be, by address: what is too long, or long and of a stranger, is refused before it is read."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.test import Client

from tests.factories.database import committed
from tests.factories.runs import NOW, make_user
from zoo.accounts import services as accounts
from zoo.accounts.models import Scope
from zoo.runs import workers
from zoo.web.bodies import LARGE_BYTES, USUAL_BYTES, BodyLimit, limit_of

Headers = list[tuple[bytes, bytes]]


def asked(path: str, headers: Headers, blocks: tuple[bytes, ...] = (b"",)) -> tuple[int, int]:
    """The status of a POST to an application that reads everything, and how many bytes it was given."""
    given, sent = iter(blocks), []
    read = 0

    async def application(scope: Any, receive: Any, send: Any) -> None:
        nonlocal read
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            read += len(message["body"])
            more = message["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def receive() -> dict[str, Any]:
        block = next(given, None)
        return {"type": "http.request", "body": block or b"", "more_body": block is not None}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": path, "headers": headers, "query_string": b""}
    # In a thread of its own: the browser's tests leave this one with a running loop.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, BodyLimit(application)(scope, receive, send)).result()
    return (int(sent[0]["status"]) if sent else 0), read


def length(count: int) -> tuple[bytes, bytes]:
    return b"content-length", str(count).encode()


@pytest.mark.parametrize("path", ["/submit/", "/api/v1/submissions/", "/api/v1/uploads/", "/login/"])
def test_what_announces_too_much_is_refused_unread(path: str) -> None:
    assert asked(path, [length(limit_of(path) + 1)], (b"x" * 100,)) == (413, 0)
    assert asked(path, [length(5)], (b"12345",)) == (200, 5)


def test_what_says_no_length_is_cut_off_where_it_becomes_too_long() -> None:
    block = bytes(1 << 20)
    count = USUAL_BYTES // len(block)
    status, read = asked("/submit/", [], (block,) * (count + 2))
    assert (status, read) == (0, USUAL_BYTES)
    assert asked("/submit/", [], (block,) * count) == (200, USUAL_BYTES)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "path", ["/api/v1/uploads/archive/", "/uploads/", "/api/v1/worker/runs/x/artifacts/"]
)
def test_gigabytes_are_taken_from_those_who_may_send_them(path: str, client: Client) -> None:
    with committed():
        large = length(LARGE_BYTES)
        assert asked(path, [large])[0] == 401
        assert asked(path, [large, (b"authorization", b"Token zoo_forged")])[0] == 401
        assert asked(path, [(b"transfer-encoding", b"chunked")])[0] == 401
        for role, status in ((Scope.READ, 401), (Scope.SUBMIT, 200)):
            user = make_user(f"a-{role}", role)
            made = accounts.create_token(acting_user=user, name="t", scope=role, now=NOW, lifetime=None)
            assert asked(path, [large, (b"authorization", f"Token {made.token}".encode())])[0] == status
            client.force_login(user)
            cookie = f"sessionid={client.cookies['sessionid'].value}".encode()
            assert asked(path, [large, (b"cookie", cookie)])[0] == status
        operator = make_user("boss", Scope.OPERATE)
        machine = workers.create_credential(acting_user=operator, name="gpu", now=NOW)
        assert asked(path, [large, (b"authorization", f"Token {machine.token}".encode())])[0] == 200
