"""Answers of any length: pieces are sent as they are made, under WSGI and under ASGI.

Under ASGI Django's own FileResponse would read the whole file into memory before the first byte leaves.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import BinaryIO

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

BLOCK = 1 << 20


def stream(
    request: HttpRequest, pieces: Iterator[bytes], *, content_type: str, filename: str
) -> StreamingHttpResponse:
    """A download. ``pieces`` is consumed while the client reads; nothing is kept in memory."""
    under_asgi = isinstance(request, ASGIRequest)
    response = StreamingHttpResponse(_awaited(pieces) if under_asgi else pieces, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response


def blocks(file: BinaryIO) -> Iterator[bytes]:
    """The bytes of an open file, which is closed at their end."""
    with file:
        while block := file.read(BLOCK):
            yield block


async def _awaited(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The pieces, each made in the thread that has the database connection."""
    take = sync_to_async(lambda: next(pieces, None))
    while (piece := await take()) is not None:
        yield piece
