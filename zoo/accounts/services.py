"""Writes about people and tokens: the first operator, tokens made and revoked."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import NamedTuple

from django.core import signing
from django.db import transaction

from zoo.accounts.models import AccessToken, Scope, User
from zoo.core.errors import Conflict, Forbidden, Invalid, NotFound
from zoo.core.models import record

TOKEN_PREFIX = "zoo_"  # noqa: S105
_TICKET_SALT = "zoo.accounts.first-operator"


class NewToken(NamedTuple):
    """A token as it is shown, once, to the one who asked for it."""

    token: str
    row: AccessToken


class ScopeTooWide(Forbidden):
    """A token may not do more than its owner."""

    code = "scope_too_wide"


class TicketRefused(Forbidden):
    """The one-time link is used up, too old, or not from this installation."""

    code = "ticket_refused"


class NameTaken(Conflict):
    """Another account has this user name."""

    code = "name_taken"


def first_operator_ticket(*, now: datetime, lifetime: timedelta = timedelta(hours=24)) -> str | None:
    """A signed ticket that makes the first operator account, or None when there is an operator already.

    Nothing is stored: the ticket ends by time, or by the account that it made. Whoever holds the secret key
    can make one, and nobody else.
    """
    if _has_operator():
        return None
    return signing.dumps({"until": (now + lifetime).isoformat()}, salt=_TICKET_SALT)


def ticket_is_good(ticket: str, *, now: datetime) -> bool:
    """Whether a ticket may still make the first operator."""
    try:
        until = datetime.fromisoformat(signing.loads(ticket, salt=_TICKET_SALT)["until"])
    except (signing.BadSignature, KeyError, ValueError):
        return False
    return now < until and not _has_operator()


@transaction.atomic
def create_first_operator(*, ticket: str, username: str, password: str, now: datetime) -> User:
    """Makes the operator account that a ticket stands for. Raises TicketRefused or NameTaken."""
    if not ticket_is_good(ticket, now=now):
        raise TicketRefused(
            "this link was used already or is too old",
            remedy="Start the server again: it prints a new link as long as there is no operator.",
        )
    if User.objects.filter(username=username).exists():
        raise NameTaken("this user name is taken", field="username")
    user = User.objects.create_user(
        username=username, password=password, role=Scope.OPERATE, is_staff=True, is_superuser=True
    )
    record(action="user.first_operator", subject=f"user:{user.pk}", acting_user=user, now=now)
    return user


def _has_operator() -> bool:
    return User.objects.filter(role=Scope.OPERATE, is_active=True).exists()


def digest_of_token(token: str) -> str:
    """SHA-256 (hex) of a token. Tokens have 256 random bits, so no salt and no slow hash are needed."""
    return hashlib.sha256(token.encode()).hexdigest()


@transaction.atomic
def create_token(
    *,
    acting_user: User,
    name: str,
    scope: Scope,
    now: datetime,
    lifetime: timedelta | None = timedelta(days=365),
) -> NewToken:
    """Makes a token for the acting user. Raises ScopeTooWide, or Invalid when it has no name."""
    if not name.strip():
        raise Invalid("give the token a name, so that you can tell it from others", field="name")
    if not acting_user.may(scope):
        raise ScopeTooWide(
            f"your role is {acting_user.role}; a token cannot have the scope {scope}", field="scope"
        )
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    row = AccessToken.objects.create(
        user=acting_user,
        name=name.strip()[:80],
        digest=digest_of_token(token),
        prefix=token[:8],
        scope=scope,
        created_at=now,
        expires_at=now + lifetime if lifetime else None,
    )
    record(
        action="token.created",
        subject=f"user:{acting_user.pk}",
        acting_user=acting_user,
        now=now,
        detail={"prefix": row.prefix, "scope": str(scope)},
    )
    return NewToken(token, row)


@transaction.atomic
def revoke_token(*, acting_user: User, token_id: int, now: datetime) -> None:
    """Ends a token of the acting user (an operator: of anyone). Ending it again is harmless. Raises NotFound."""
    tokens = AccessToken.objects.all() if acting_user.may(Scope.OPERATE) else acting_user.tokens.all()
    if not tokens.filter(pk=token_id).exists():
        raise NotFound("you have no such token")
    AccessToken.objects.filter(pk=token_id, revoked_at=None).update(revoked_at=now)
    record(action="token.revoked", subject=f"token:{token_id}", acting_user=acting_user, now=now)
