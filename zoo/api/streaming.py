"""Answers of any length: pieces are sent as they are made, under WSGI and under ASGI."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import StreamingHttpResponse
from rest_framework.request import Request


def stream(
    request: Request, pieces: Iterator[bytes], *, content_type: str, filename: str
) -> StreamingHttpResponse:
    """A download. ``pieces`` is consumed while the client reads; nothing is kept in memory."""
    under_asgi = isinstance(request._request, ASGIRequest)
    response = StreamingHttpResponse(_awaited(pieces) if under_asgi else pieces, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response


async def _awaited(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The pieces, each made in the thread that has the database connection."""
    take = sync_to_async(lambda: next(pieces, None))
    while (piece := await take()) is not None:
        yield piece
