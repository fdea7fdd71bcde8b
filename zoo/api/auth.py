"""Who asks, and whether they may: ``Authorization: Token zoo_...``, or the session of the web pages.

Reading is open. A view says with ``required_scope`` what writing needs; without it, writing is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone
from rest_framework import authentication, exceptions, permissions
from rest_framework.request import Request

from zoo.accounts.models import AccessToken, Scope, User
from zoo.accounts.selectors import live_token

if TYPE_CHECKING:  # DRF reads this module while it is still loading its views.
    from rest_framework.views import APIView


class TokenAuthentication(authentication.BaseAuthentication):
    """Reads the token. A wrong token is refused even where none is needed, so that a typo is noticed."""

    keyword = "Token"

    def authenticate(self, request: Request) -> tuple[User, AccessToken] | None:
        header = authentication.get_authorization_header(request).decode("latin-1").split()
        if not header or header[0].lower() != self.keyword.lower():
            return None
        if len(header) != 2:
            raise exceptions.AuthenticationFailed("Send one token: Authorization: Token zoo_...")
        token = live_token(header[1], now=timezone.now())
        if token is None:
            raise exceptions.AuthenticationFailed("This token is unknown, expired or revoked.")
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return self.keyword


class HasScope(permissions.BasePermission):
    """Lets anyone read; lets a token with the view's ``required_scope`` write."""

    message = "This token does not have the scope that is needed."

    def has_permission(self, request: Request, view: APIView) -> bool:
        needed: Scope | None = getattr(view, "required_scope", None)
        if request.method in permissions.SAFE_METHODS:
            needed = getattr(view, "read_scope", None)
            if needed is None:
                return True
        if needed is None:
            return False
        token = request.auth
        if not isinstance(token, AccessToken) or not isinstance(request.user, User):
            return False
        if not Scope(token.scope).covers(needed) or not request.user.may(needed):
            self.message = f"This needs a token with the scope '{needed}'."
            return False
        return True
