"""Downloads of any length from views of the REST framework."""

from __future__ import annotations

from collections.abc import Iterator

from django.http import StreamingHttpResponse
from rest_framework.request import Request

from zoo.core import streaming


def stream(
    request: Request, pieces: Iterator[bytes], *, content_type: str, filename: str
) -> StreamingHttpResponse:
    """A download. ``pieces`` is consumed while the client reads; nothing is kept in memory."""
    return streaming.stream(request._request, pieces, content_type=content_type, filename=filename)
