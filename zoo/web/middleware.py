"""Turns the anticipated errors of the domain into error pages. The API has its own translator."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from zoo.core.errors import ZooError
from zoo.web.views.problems import page_of


class ProblemPages:
    """Django's hook around every request."""

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Nothing on the way in or out."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """The page of an anticipated error; anything else stays an exception."""
        if isinstance(exception, ZooError) and not request.path.startswith("/api/"):
            return page_of(request, exception)
        return None
