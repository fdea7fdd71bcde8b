"""What each problem code means: read from the error classes themselves, so that no list can fall behind."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from http import HTTPStatus
from typing import NamedTuple

from rest_framework import exceptions

from zoo.core import errors

STATUS_OF_KIND: tuple[tuple[type[errors.ZooError], int], ...] = (
    (errors.Invalid, 400),
    (errors.Forbidden, 403),
    (errors.NotFound, 404),
    (errors.Conflict, 409),
    (errors.TooMany, 429),
)
_FROM_THE_FRAMEWORK: tuple[tuple[type[exceptions.APIException], str], ...] = (
    (exceptions.ParseError, "The body is not the JSON that it claims to be."),
    (exceptions.NotAuthenticated, "This needs a token: send the header Authorization: Token zoo_..."),
    (
        exceptions.AuthenticationFailed,
        "The token is unknown, expired or revoked. Make a new one on your account page.",
    ),
    (exceptions.PermissionDenied, "The token is good, but its scope does not cover this."),
    (exceptions.MethodNotAllowed, "This address does not take this method."),
    (exceptions.NotAcceptable, "The API answers with JSON alone."),
    (exceptions.UnsupportedMediaType, "Send application/json."),
    (
        exceptions.Throttled,
        "Too many requests in a short time. The header Retry-After says when to come back.",
    ),
)


_REMEDIES = {
    400: "Change what `detail` and `errors` name, and send it again.",
    401: "Send the header `Authorization: Token zoo_...`. Your account page makes a token; an operator makes accounts.",
    403: "Use a token whose scope covers this, or ask an operator for the role.",
    404: "Check the id, search for it in the list it belongs to, or propose it as a new entry.",
    405: "Look up in the API page which methods this address takes.",
    406: "Ask for `application/json`, or leave out the header `Accept`.",
    409: "Fetch how things stand now, and decide anew: what you sent does not fit it.",
    412: "Fetch it again; it changed since you read it. Send the new `ETag` in `If-Match`.",
    413: "Send less at once.",
    415: "Send `Content-Type: application/json`.",
    429: "Wait as long as the header `Retry-After` says, then send it again.",
    500: "Try again in a moment; if it stays, tell the operators when it was and what you sent.",
    503: "Try again in a minute; the status page says what is known.",
}
_ANY_REMEDY = "Change what `detail` names, and send it again."


class Explanation(NamedTuple):
    """One kind of problem. `remedy` is Markdown: what helps in general; a document may know better."""

    code: str
    status: int
    phrase: str
    meaning: str
    remedy: str


def explanations() -> list[Explanation]:
    """All kinds of problems, by status and code."""
    found = {entry.code: entry for entry in _all()}
    return sorted(found.values(), key=lambda entry: (entry.status, entry.code))


def explain(code: str) -> Explanation | None:
    """One kind of problem, or None when there is no such code."""
    return next((entry for entry in explanations() if entry.code == code), None)


def _all() -> Iterator[Explanation]:
    for kind in _descendants(errors.ZooError):
        status = next((code for base, code in STATUS_OF_KIND if issubclass(kind, base)), 500)
        yield _explanation(kind.code, status, inspect.getdoc(kind) or "")
    for error, meaning in _FROM_THE_FRAMEWORK:
        yield _explanation(str(error.default_code), error.status_code, meaning)
    yield _explanation(
        "internal_error", 500, "A fault of the zoo. It was logged with the number of the request."
    )


def _explanation(code: str, status: int, meaning: str) -> Explanation:
    text = meaning.split("\n\n")[0].replace("\n", " ").replace("``", "")
    return Explanation(code, status, HTTPStatus(status).phrase, text, _REMEDIES.get(status, _ANY_REMEDY))


def _descendants(kind: type[errors.ZooError]) -> Iterator[type[errors.ZooError]]:
    for child in kind.__subclasses__():
        yield child
        yield from _descendants(child)
