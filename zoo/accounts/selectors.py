"""Reads about people and tokens."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import QuerySet

from zoo.accounts.models import AccessToken, User
from zoo.accounts.services import digest_of_token
from zoo.core.errors import NotFound

_TOUCH_EVERY = timedelta(minutes=5)


def live_token(token: str, *, now: datetime) -> AccessToken | None:
    """The live token with its user, or None. Notes its use, at most every five minutes."""
    row = AccessToken.objects.select_related("user").filter(digest=digest_of_token(token)).first()
    if row is None or not row.is_live(now) or not row.user.is_active:
        return None
    if row.last_used_at is None or now - row.last_used_at > _TOUCH_EVERY:
        AccessToken.objects.filter(pk=row.pk).update(last_used_at=now)
    return row


def tokens_of(user: User) -> QuerySet[AccessToken]:
    """A person's tokens, the newest first, ended ones too."""
    return AccessToken.objects.filter(user=user).order_by("-created_at", "-id")


def people() -> QuerySet[User]:
    """Everybody with an account, shut out or not, by name."""
    return User.objects.order_by("username")


def person(user_id: int) -> User:
    """An account. Raises NotFound."""
    found = User.objects.filter(pk=user_id).first()
    if found is None:
        raise NotFound("there is no such account")
    return found
