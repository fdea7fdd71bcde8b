"""The exceptions from the content policy, by name. Scripts and sheets stay strict on every page."""

from __future__ import annotations

from typing import cast

from csp.constants import UNSAFE_INLINE
from csp.decorators import csp_update
from django.http import HttpRequest, HttpResponse


def with_style_attributes(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Allows style attributes on this page: Vega sets them on the elements that it draws."""
    allow = csp_update({"style-src-attr": [UNSAFE_INLINE]})
    return cast(HttpResponse, allow(lambda _: response)(request))
