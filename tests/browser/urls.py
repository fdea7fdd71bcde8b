"""The routes of the zoo, and pages that no visit reaches by itself: errors, the first start, the style guide."""

from __future__ import annotations

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from zoo.core import errors
from zoo.urls import handler400, handler403, handler404, handler500
from zoo.urls import urlpatterns as of_the_zoo
from zoo.web.forms.account import FirstOperatorForm
from zoo.web.views import styleguide

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

FAULTS: dict[int, Exception] = {
    409: errors.Conflict("the run has succeeded and cannot be cancelled", remedy="Look at its comparison."),
    429: errors.TooMany("20 runs a day are yours, and 20 were asked for", remedy="Come back tomorrow."),
    500: RuntimeError("a fault of ours"),
    503: OperationalError("the database is away"),
}


def fault(request: HttpRequest, status: int) -> HttpResponse:
    """Fails as the views of the zoo do, so that its own pages answer."""
    raise FAULTS[status]


def first_start(request: HttpRequest) -> HttpResponse:
    """What the one-time link shows while there is no operator; the visited zoo has one."""
    return render(request, "account/welcome.html", {"form": FirstOperatorForm()})


urlpatterns = [
    path("fault/<int:status>/", fault),
    path("first-start/", first_start),
    path("styleguide/", styleguide.show),
    *of_the_zoo,
]
