"""Every error of the API as an RFC 9457 problem document (``application/problem+json``).

``type`` is the address of a page that explains the problem; ``code`` is stable; ``errors`` point at the
fields that are wrong. No message shows a path of this machine or a traceback.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions, serializers
from rest_framework.response import Response

from zoo.core import errors
from zoo.core.problems import CONTENT_TYPE, document

_STATUS_BY_KIND: dict[type[errors.ZooError], int] = {
    errors.Invalid: 400,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooMany: 429,
}
_REMEDIES = {
    401: "Send the header 'Authorization: Token zoo_...'. Make a token on your account page, "
    "or with 'zoo token create --scope submit'.",
    403: "Use a token with the scope that this needs, or ask the operator for the role.",
    404: "Look at /api/docs/ for the addresses there are.",
    405: "Look at /api/docs/ for the methods of this address.",
    406: "Ask for application/json.",
    415: "Send application/json, with that as the Content-Type.",
    429: "Wait as long as the header Retry-After says.",
}
"""What to change, by status, where the error itself does not know better."""
logger = logging.getLogger(__name__)


class ProblemSerializer(serializers.Serializer[dict[str, Any]]):
    """The problem document, for the OpenAPI schema."""

    type = serializers.CharField(
        help_text="the address of the page that explains it, relative to this server"
    )
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()
    remedy = serializers.CharField(required=False)
    errors = serializers.ListField(child=serializers.DictField(), required=False)  # type: ignore[assignment]


def exception_handler(error: Exception, context: dict[str, Any]) -> Response:
    """DRF's hook: our errors by kind, DRF's own, and anything unforeseen as a 500 without details."""
    body, headers = _translate(error)
    if body["status"] >= 500:
        logger.error("unforeseen error in the API", exc_info=error)
    response = Response(body, status=body["status"], content_type=CONTENT_TYPE, headers=headers)
    response["Content-Type"] = CONTENT_TYPE
    return response


def _translate(error: Exception) -> tuple[dict[str, Any], dict[str, str]]:
    if isinstance(error, errors.ZooError):
        return _ours(error)
    if isinstance(error, Http404):
        return document(404, "not_found", "There is nothing at this address."), {}
    if isinstance(error, PermissionDenied):
        return document(403, "forbidden", "You may not do this."), {}
    if isinstance(error, exceptions.ValidationError):
        found = list(_pointers(error.detail))
        return document(400, "invalid", "Some of the input is not right.", errors=found), {}
    if isinstance(error, exceptions.APIException):
        headers = {}
        if (wait := getattr(error, "wait", None)) is not None:
            headers["Retry-After"] = str(int(wait) + 1)
        if header := getattr(error, "auth_header", None):
            headers["WWW-Authenticate"] = header
        status = error.status_code
        body = document(status, str(error.default_code), str(error.detail), remedy=_REMEDIES.get(status, ""))
        return body, headers
    return document(500, "internal_error", "Something went wrong here. It was logged."), {}


def _ours(error: errors.ZooError) -> tuple[dict[str, Any], dict[str, str]]:
    status = next((code for kind, code in _STATUS_BY_KIND.items() if isinstance(error, kind)), 500)
    found = (
        [{"pointer": f"/{error.field}", "code": error.code, "detail": error.message}] if error.field else []
    )
    headers = {"Retry-After": str(error.data["retry_after"])} if "retry_after" in error.data else {}
    body = document(status, error.code, error.message, remedy=error.remedy, errors=found)
    return error.data | body, headers


def _pointers(detail: Any, path: str = "") -> Iterator[dict[str, str]]:
    if isinstance(detail, dict):
        for key, value in detail.items():
            yield from _pointers(value, path if key == "non_field_errors" else f"{path}/{key}")
    elif isinstance(detail, list):
        for index, value in enumerate(detail):
            nested = isinstance(value, dict | list)
            yield from _pointers(value, f"{path}/{index}" if nested else path)
    else:
        yield {"pointer": path or "/", "code": str(getattr(detail, "code", "invalid")), "detail": str(detail)}


def json_404(request: HttpRequest, exception: Exception | None = None) -> JsonResponse:
    """The problem for an API address that no route knows."""
    body = document(404, "not_found", "There is nothing at this address.")
    return JsonResponse(body, status=404, content_type=CONTENT_TYPE)
