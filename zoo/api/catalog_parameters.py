"""The query parameters of the list of models, as the description of the API tells them."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter

from zoo.catalog import search
from zoo.catalog.search import parameters

_MANY = {"explode": True, "style": "form"}
_FACET_PARAMETERS = [
    OpenApiParameter(
        name,
        {"type": "array", "items": {"type": "string", **({"enum": list(c)} if c else {})}},
        description=f"One or more values of {name}: alternatives.",
        **_MANY,  # type: ignore[arg-type]
    )
    for name in search.FACETS
    for c in [parameters.CHOICES.get(name)]
]
FILTERS = [
    OpenApiParameter("q", str, description="Words: prefixes and misspellings are understood."),
    *_FACET_PARAMETERS,
    OpenApiParameter("parameters__gte", str, description="At least so many parameters: 7000000000 or 7B."),
    OpenApiParameter("parameters__lte", str, description="At most so many parameters."),
    OpenApiParameter("released__gte", str, description="From this day, month or year on."),
    OpenApiParameter("released__lte", str, description="Until this day, month or year."),
    OpenApiParameter("retention__gte", float, description="Overall retention measured here, as a fraction."),
    OpenApiParameter("retention__lte", float),
    OpenApiParameter("measured", bool, description="Only models measured here."),
    OpenApiParameter("ordering", str, enum=list(search.ORDERINGS), description="Unknown figures come last."),
]
PAGING = [
    OpenApiParameter("cursor", str, description="From next or previous of another page."),
    OpenApiParameter("page_size", int, description=f"1 to {search.MAX_PAGE_SIZE}; 25 if not given."),
]
