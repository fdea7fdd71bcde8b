"""The body of an RFC 9457 problem document, shared by the interfaces that answer with one."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

CONTENT_TYPE = "application/problem+json"


def document(status: int, code: str, detail: str, **extra: Any) -> dict[str, Any]:
    """The body of a problem."""
    body: dict[str, Any] = {
        "type": f"/problems/{code}/",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
    }
    return body | {key: value for key, value in extra.items() if value not in (None, "", [], {})}
