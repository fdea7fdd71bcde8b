"""The error pages: one template, each with a next step. API addresses get a problem document instead.

Also the catalog of problems at ``/problems/<code>/``, to which the API's problem documents point.
"""

from __future__ import annotations

from http import HTTPStatus

import structlog
from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from zoo.core import errors
from zoo.core.problems import CONTENT_TYPE, document
from zoo.web.problem_catalog import STATUS_OF_KIND, explain, explanations

_CODES = {400: "bad_request", 403: "forbidden", 404: "not_found", 500: "internal_error", 503: "unavailable"}
_TITLES = {
    400: "This request could not be read",
    401: "Sign in first",
    403: "You may not see or do this",
    404: "There is nothing at this address",
    409: "This does not fit the state of things",
    429: "That was too much at once",
    500: "Something went wrong here",
    503: "The zoo is not available right now",
}
_NEXT_STEPS = {
    400: "Go back, change the input, and try again.",
    401: "Sign in, and you come back to this page. Operators make accounts.",
    403: "Sign in with an account whose role covers this, or ask an operator for the role.",
    404: "Search the catalog, or submit the model.",
    409: "Reload the page to see how things stand, and try again.",
    429: "Wait a moment before you try again.",
    500: "It was logged. Try again in a moment; if it stays, tell the operators the number of the request.",
    503: "Try again in a minute; the status page says what is known.",
}


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400: the request itself is malformed."""
    return problem_page(request, 400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403: not for this person."""
    return problem_page(request, 403)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: a form without its token, most often because the page was open for long or cookies are off."""
    detail = "The form came without its token. That happens when a page was open for long or cookies are off."
    return problem_page(request, 403, detail=detail, next_step="Reload the page and send the form again.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404: nothing at this address."""
    query = request.path.strip("/").removeprefix("models/").replace("/", " ")[:80]
    return problem_page(request, 404, query=query)


def server_error(request: HttpRequest) -> HttpResponse:
    """500: our fault."""
    return problem_page(request, 500)


def unavailable(request: HttpRequest) -> HttpResponse:
    """503: the database does not answer."""
    response = problem_page(request, 503)
    response["Retry-After"] = "30"
    return response


def page_of(request: HttpRequest, error: errors.ZooError) -> HttpResponse:
    """The page of an anticipated error of the domain."""
    status = next((code for kind, code in STATUS_OF_KIND if isinstance(error, kind)), 500)
    detail = error.message[:1].upper() + error.message[1:]
    response = problem_page(
        request, status, detail=detail.rstrip(".") + ".", next_step=error.remedy, code=error.code
    )
    if "retry_after" in error.data:
        response["Retry-After"] = str(error.data["retry_after"])
    return response


def problem_page(
    request: HttpRequest,
    status: int,
    *,
    detail: str = "",
    next_step: str = "",
    query: str = "",
    code: str = "",
) -> HttpResponse:
    """Renders the one template of all errors; for an API address, the problem document."""
    if request.path.startswith("/api/"):
        body = document(status, code or _CODES.get(status, "error"), detail or f"{_TITLES[status]}.")
        return JsonResponse(body, status=status, content_type=CONTENT_TYPE)
    context: dict[str, object] = {
        "status": status,
        "title": _TITLES.get(status, HTTPStatus(status).phrase),
        "detail": detail,
        "next_step": next_step or _NEXT_STEPS.get(status, ""),
        "query": query,
        "code": code,
        "request_id": _request_id(request),
    }
    if status >= 500:
        # The session and the database may be what is broken: the page must not ask them who is there.
        context |= {"user": AnonymousUser(), "messages": []}
    return render(request, "problem.html", context, status=status)


def _request_id(request: HttpRequest) -> str:
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))


def catalog(request: HttpRequest) -> HttpResponse:
    """All kinds of problems that the API and the pages know."""
    return render(request, "docs/problems.html", {"problems": explanations()})


def entry(request: HttpRequest, code: str) -> HttpResponse:
    """One kind of problem: what it means and what to do."""
    found = explain(code)
    if found is None:
        raise Http404
    return render(request, "docs/problem_entry.html", {"problem": found})
