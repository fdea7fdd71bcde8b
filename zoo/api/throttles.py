"""How often one may ask. Quotas that matter (runs per day) are counted in the submit transaction, not here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from zoo.accounts.models import AccessToken

if TYPE_CHECKING:  # DRF reads this module while it is still loading its views.
    from rest_framework.views import APIView


class Anonymous(SimpleRateThrottle):
    """By address, for those without a token."""

    scope = "anonymous"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        if request.auth is not None:
            return None
        return self.cache_format % {"scope": self.scope, "ident": self.get_ident(request)}


class ByToken(SimpleRateThrottle):
    """By person, however many tokens they have."""

    scope = "token"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        if not isinstance(request.auth, AccessToken):
            return None
        return self.cache_format % {"scope": self.scope, "ident": request.user.pk}
