"""How long the body of a request may be, by address, before Django takes its first byte and keeps all of it.

The addresses that take gigabytes ask first who sends them. What is refused is answered at once and not read.
"""

from __future__ import annotations

import io
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from asgiref.sync import sync_to_async

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]

MIB = 1 << 20
USUAL_BYTES = 16 * MIB
PART_BYTES = 33 * MIB
LARGE_BYTES = 2049 * MIB
LIMITS = (
    ("/api/v1/uploads/archive/", LARGE_BYTES),
    ("/api/v1/uploads/", PART_BYTES),
    ("/api/v1/worker/", LARGE_BYTES),
    ("/uploads/", LARGE_BYTES),
)
"""The first prefix that fits counts; elsewhere it is USUAL_BYTES."""
NO_BODY = frozenset({"GET", "HEAD", "OPTIONS"})


class BodyLimit:
    """Wraps an ASGI application."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Refuses with 413 what announces too much, with 401 what is large and of a stranger; cuts off what lies."""
        if scope["type"] != "http" or scope["method"] in NO_BODY:
            await self._application(scope, receive, send)
            return
        limit = limit_of(scope["path"])
        declared = _declared(scope)
        if declared is not None and declared > limit:
            await _refuse(send, 413, "too_large", f"This address takes bodies of up to {limit} bytes.")
            return
        large = limit > USUAL_BYTES and (declared is None or declared > USUAL_BYTES)
        if large and not await sync_to_async(is_admitted, thread_sensitive=False)(scope):
            await _refuse(send, 401, "not_authenticated", "So much is taken only from those who may send it.")
            return
        await self._application(scope, _counted(receive, limit), send)


def limit_of(path: str) -> int:
    """Bytes that a request to the address may have."""
    return next((limit for prefix, limit in LIMITS if path.startswith(prefix)), USUAL_BYTES)


def is_admitted(scope: Message) -> bool:
    """Whether the request is of a worker, or of somebody who may submit. Reads headers alone."""
    from django.contrib.auth import get_user
    from django.contrib.sessions.middleware import SessionMiddleware
    from django.core.handlers.asgi import ASGIRequest
    from django.db import connections
    from django.http import HttpResponse
    from django.utils import timezone

    from zoo.accounts.models import Scope, User
    from zoo.accounts.selectors import live_token
    from zoo.runs import workers

    request = ASGIRequest(dict(scope), io.BytesIO())
    try:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "token":
            known = live_token(token.strip(), now=timezone.now())
            if known is not None:
                return known.user.may(Scope.SUBMIT)
            return workers.admit(token.strip()) is not None
        SessionMiddleware(lambda _: HttpResponse()).process_request(request)
        user = get_user(request)
        return isinstance(user, User) and user.may(Scope.SUBMIT)
    finally:
        connections.close_all()


def _declared(scope: Message) -> int | None:
    for name, value in scope["headers"]:
        if name.lower() == b"content-length" and value.isdigit():
            return int(value)
    return None


def _counted(receive: Receive, limit: int) -> Receive:
    """The same messages until there are too many bytes; then it is as if the client had gone."""
    count = 0

    async def counted() -> Message:
        nonlocal count
        message = await receive()
        count += len(message.get("body", b""))
        return {"type": "http.disconnect"} if count > limit else message

    return counted


async def _refuse(send: Send, status: int, code: str, detail: str) -> None:
    body = json.dumps({"status": status, "code": code, "title": detail, "detail": detail}).encode()
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
