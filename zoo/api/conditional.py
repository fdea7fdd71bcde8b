"""ETag and 304 for reads: the tag is a digest of the answer, so it is strong and never stale."""

from __future__ import annotations

import hashlib
from typing import Any

from django.http import HttpResponseNotModified
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response, patch_cache_control
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


class Conditional(APIView):
    """Base of views whose successful GET carries an ETag and answers If-None-Match with 304."""

    max_age = 0
    """Seconds for which a cache may answer without asking; 0: it asks each time."""

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """Hangs the tag on once the body is there."""
        final: Response = super().finalize_response(request, response, *args, **kwargs)
        if request.method in ("GET", "HEAD") and final.status_code == 200 and hasattr(final, "render"):
            final.add_post_render_callback(lambda rendered: self._tag(request, rendered))
        return final

    def _tag(self, request: Request, response: Any) -> HttpResponseBase | None:
        tag = f'"{hashlib.sha256(response.content).hexdigest()[:32]}"'
        response["ETag"] = tag
        patch_cache_control(response, max_age=self.max_age, public=request.auth is None)
        answer = get_conditional_response(request._request, etag=tag, response=response)
        return answer if isinstance(answer, HttpResponseNotModified) else None
