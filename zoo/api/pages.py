"""Lists in pages: ``{next, previous, results}`` with addresses, for views that page by a cursor of the domain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from zoo.api.parameters import QuerySerializer
from zoo.core.errors import Invalid


def answer(
    request: Request, results: Sequence[Any], *, next_cursor: str, previous_cursor: str, **more: Any
) -> Response:
    """The body of a list, with a Link header for clients that follow it."""
    links = {
        name: address(request, cursor) if cursor else None
        for name, cursor in (("next", next_cursor), ("previous", previous_cursor))
    }
    response = Response({**links, **more, "results": results})
    given = ", ".join(
        f'<{url}>; rel="{"prev" if name == "previous" else name}"' for name, url in links.items() if url
    )
    if given:
        response["Link"] = given
    return response


def address(request: Request, cursor: str) -> str:
    """The address of the same list at another cursor."""
    parameters = request.query_params.copy()
    parameters["cursor"] = cursor
    return request.build_absolute_uri(f"{request.path}?{parameters.urlencode()}")


class PageParameters(QuerySerializer):
    """The parameters of a list without filters."""

    cursor = serializers.CharField(required=False)
    page_size = serializers.IntegerField(required=False, min_value=1, max_value=100)


class Pages(CursorPagination):
    """Keyset pages over a queryset. A cursor that no list gave is a wrong parameter, not a missing thing."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 100

    def decode_cursor(self, request: Request) -> Cursor | None:
        """The position in the cursor. Raises Invalid."""
        try:
            found = super().decode_cursor(request)
        except NotFound as error:
            raise _bad_cursor() from error
        if found is not None and "\x00" in str(found.position):
            raise _bad_cursor()
        return found

    def paginate_queryset(
        self, queryset: QuerySet[Any] | Sequence[Any], request: Request, view: APIView | None = None
    ) -> list[Any] | None:
        """A page of the rows. Raises Invalid for a position that is no value of the field it is compared with."""
        try:
            return super().paginate_queryset(queryset, request, view)
        except (ValidationError, ValueError, OverflowError) as error:
            raise _bad_cursor() from error


def _bad_cursor() -> Invalid:
    return Invalid("this cursor was not given by this list", field="cursor")


def listed(
    view: APIView,
    request: Request,
    rows: QuerySet[Any],
    serializer: type[serializers.Serializer[Any]],
    *,
    ordering: tuple[str, ...],
    allow: tuple[str, ...] = (),
) -> Response:
    """A page of the rows. Damaged cursors are refused, and unknown parameters where the view read none itself.

    ``allow``: the view has checked the parameters, these among them.
    """
    if not allow:
        PageParameters.read(request)
    pages = Pages()
    pages.ordering = ordering
    found = pages.paginate_queryset(rows, request, view=view)
    return pages.get_paginated_response(serializer(found, many=True, context={"request": request}).data)
