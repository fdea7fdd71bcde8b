"""Errors as pages: one template, a next step each, and none that needs what is broken."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from zoo.core import errors
from zoo.web.middleware import ProblemPages
from zoo.web.views import problems


class BrokenUser:
    """A user that asks a database which does not answer."""

    @property
    def is_authenticated(self) -> bool:
        raise OperationalError("away")


def request_for(path: str = "/somewhere/") -> HttpRequest:
    request = RequestFactory().get(path)
    request.user = AnonymousUser()
    return request


def shown(response: HttpResponse | None) -> tuple[int, str]:
    assert response is not None
    return response.status_code, response.content.decode()


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errors.Invalid, 400),
        (errors.Forbidden, 403),
        (errors.NotFound, 404),
        (errors.Conflict, 409),
        (errors.TooMany, 429),
    ],
)
def test_an_anticipated_error_becomes_a_page_with_its_remedy(
    kind: type[errors.ZooError], status: int
) -> None:
    error = kind("this is what happened", remedy="Do that instead.")
    code, page = shown(ProblemPages(HttpResponse).process_exception(request_for(), error))
    assert code == status
    assert "This is what happened." in page
    assert "Do that instead." in page


def test_a_used_up_quota_says_when_to_come_back() -> None:
    error = errors.TooMany("too many", retry_after=90)
    assert problems.page_of(request_for(), error)["Retry-After"] == "90"


def test_a_database_that_is_away_gives_a_page_that_does_not_ask_it() -> None:
    request = request_for()
    request.user = BrokenUser()
    response = ProblemPages(HttpResponse).process_exception(request, OperationalError("away"))
    code, page = shown(response)
    assert code == 503
    assert "not available right now" in page
    assert response["Retry-After"] == "30"


def test_a_fault_of_ours_gives_a_page_that_does_not_ask_the_database() -> None:
    request = request_for()
    request.user = BrokenUser()
    code, page = shown(problems.server_error(request))
    assert code == 500
    assert "Sign in" in page


def test_errors_of_the_api_are_left_to_its_own_translator() -> None:
    pages = ProblemPages(HttpResponse)
    assert pages.process_exception(request_for("/api/v1/models/"), errors.NotFound("no")) is None
    assert pages.process_exception(request_for(), ValueError("a bug")) is None
