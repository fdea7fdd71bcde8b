"""The error pages: one template, each with a next step. API addresses get a problem document instead."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from zoo.core.problems import CONTENT_TYPE, document

_CODES = {400: "bad_request", 403: "forbidden", 404: "not_found", 500: "internal_error"}


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400: the request itself is malformed."""
    return _page(request, 400, "This request could not be read", "Go back and try again.")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403: not for this person."""
    return _page(request, 403, "You may not see or do this", "Sign in with an account that may.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404: nothing at this address."""
    return _page(request, 404, "There is nothing at this address", "Search the catalog, or submit the model.")


def server_error(request: HttpRequest) -> HttpResponse:
    """500: our fault."""
    return _page(request, 500, "Something went wrong here", "It was logged. Try again in a moment.")


def _page(request: HttpRequest, status: int, title: str, next_step: str) -> HttpResponse:
    if request.path.startswith("/api/"):
        body = document(status, _CODES[status], f"{title}.")
        return JsonResponse(body, status=status, content_type=CONTENT_TYPE)
    context = {"status": status, "title": title, "next_step": next_step}
    return render(request, "problem.html", context, status=status)
