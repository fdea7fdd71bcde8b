"""Writes about people and tokens: the first operator, accounts, roles, tokens made and revoked.

Sign-up is closed: an operator makes an account and hands over a link, by which its owner sets the password.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import datetime, timedelta
from typing import NamedTuple

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.tokens import default_token_generator
from django.core import signing
from django.db import transaction
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from zoo.accounts.models import AccessToken, Scope, User
from zoo.core.errors import Conflict, Forbidden, Invalid, NotFound
from zoo.core.models import record

TOKEN_PREFIX = "zoo_"  # noqa: S105
_TICKET_SALT = "zoo.accounts.first-operator"
_USER_NAME = re.compile(r"[\w.@+-]+")


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


class OnlyOperators(Forbidden):
    """Accounts are made and changed by operators."""

    code = "operators_only"


class BadUserName(Invalid):
    """A user name has letters, digits and @ . + - _ alone, and 150 characters at most."""

    code = "bad_user_name"


class LastOperator(Conflict):
    """The only operator cannot be made less or shut out: nobody could undo it."""

    code = "last_operator"


def first_operator_ticket(*, now: datetime, lifetime: timedelta = timedelta(hours=24)) -> str | None:
    """A signed ticket that makes the first operator account, or None when somebody can sign in as one already.

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
            remedy="'manage.py operator_link' and the start of 'zoo up' print a new one, while there is no operator.",
        )
    if User.objects.filter(username=username).exists():
        raise NameTaken("this user name is taken", field="username")
    user = User.objects.create_user(
        username=username, password=password, role=Scope.OPERATE, is_staff=True, is_superuser=True
    )
    record(action="user.first_operator", subject=f"user:{user.pk}", acting_user=user, now=now)
    return user


def _has_operator() -> bool:
    """Whether somebody can sign in as operator. The account of the command line has no password and does not count."""
    operators = User.objects.filter(role=Scope.OPERATE, is_active=True)
    return operators.exclude(password__startswith=UNUSABLE_PASSWORD_PREFIX).exists()


@transaction.atomic
def create_account(*, acting_user: User, username: str, role: Scope, now: datetime) -> User:
    """Makes an account without a password. Raises OnlyOperators, BadUserName, NameTaken."""
    _check_operator(acting_user)
    name = User.normalize_username(username.strip())
    if not name or len(name) > 150 or not _USER_NAME.fullmatch(name):
        raise BadUserName("a user name has letters, digits and @ . + - _ alone", field="username")
    if User.objects.filter(username__iexact=name).exists():
        raise NameTaken("this user name is taken", field="username")
    operates = role is Scope.OPERATE
    user = User(username=name, role=role, is_staff=operates, is_superuser=operates)
    user.set_unusable_password()
    user.save()
    record(
        action="user.created",
        subject=f"user:{user.pk}",
        acting_user=acting_user,
        now=now,
        detail={"role": str(role)},
    )
    return user


def entry_path(*, acting_user: User, user: User) -> str:
    """The path by which the account's owner sets a password: works once, for three days. Raises OnlyOperators.

    It is signed over the present password and the last time of signing in, so using it, or signing in, ends it.
    """
    _check_operator(acting_user)
    key = urlsafe_base64_encode(force_bytes(user.pk))
    return f"/account/enter/{key}/{default_token_generator.make_token(user)}/"


@transaction.atomic
def change_account(*, acting_user: User, user_id: int, role: Scope, active: bool, now: datetime) -> User:
    """Sets role and whether the account may be used; tokens and sessions can do no more from that moment.

    Raises OnlyOperators, NotFound, LastOperator.
    """
    _check_operator(acting_user)
    user = User.objects.select_for_update().filter(pk=user_id).first()
    if user is None:
        raise NotFound("there is no such account")
    others = User.objects.filter(role=Scope.OPERATE, is_active=True).exclude(pk=user.pk)
    if not (active and role is Scope.OPERATE) and user.may(Scope.OPERATE) and not others.exists():
        raise LastOperator("this is the only operator", remedy="Make another operator first.")
    before = {"role": user.role, "active": user.is_active}
    operates = role is Scope.OPERATE
    user.role, user.is_active, user.is_staff, user.is_superuser = role, active, operates, operates
    user.save(update_fields=["role", "is_active", "is_staff", "is_superuser"])
    record(
        action="user.changed",
        subject=f"user:{user.pk}",
        acting_user=acting_user,
        now=now,
        detail={"before": before, "role": str(role), "active": active},
    )
    return user


def _check_operator(user: User) -> None:
    if not user.may(Scope.OPERATE):
        raise OnlyOperators("only operators make and change accounts")


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
