"""Turns the anticipated errors of the domain into error pages. The API has its own translator."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse

from zoo.core.errors import ZooError
from zoo.web.views.problems import page_of, unavailable

logger = logging.getLogger(__name__)


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
        """The page of an anticipated error, or of a database that is away; anything else stays an exception."""
        if request.path.startswith("/api/"):
            return None
        if isinstance(exception, ZooError):
            return page_of(request, exception)
        if isinstance(exception, OperationalError):
            logger.error("the database does not answer", exc_info=exception)
            return unavailable(request)
        return None
