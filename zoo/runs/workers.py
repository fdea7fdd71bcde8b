"""The machines that may claim work: their secrets, and the token that proves a lease."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.db import transaction

from zoo.accounts.models import Scope, User
from zoo.core.errors import Forbidden, Invalid, NotFound
from zoo.core.models import record
from zoo.runs.models import Worker, WorkerCredential
from zoo.runs.queue import Lease

PREFIX = "zoow_"
_LEASES = signing.Signer(salt="zoo.runs.lease")


class Admitted(NamedTuple):
    """A machine that showed a worker token; the credential is None for the token of the environment."""

    credential: WorkerCredential | None


class NewCredential(NamedTuple):
    """A worker token as it is shown, once, to the operator who asked for it."""

    token: str
    row: WorkerCredential


class OnlyOperators(Forbidden):
    """Only operators admit machines."""

    code = "only_operators"


@transaction.atomic
def create_credential(*, acting_user: User, name: str, now: datetime) -> NewCredential:
    """Makes a token for a machine. Raises OnlyOperators, or Invalid when it has no name."""
    if not acting_user.may(Scope.OPERATE):
        raise OnlyOperators("only an operator can admit a worker")
    if not name.strip():
        raise Invalid("give the worker a name, so that you can tell it from others", field="name")
    token = PREFIX + secrets.token_urlsafe(32)
    row = WorkerCredential.objects.create(
        name=name.strip()[:80], digest=_digest(token), created_by=acting_user, created_at=now
    )
    record(action="worker.admitted", subject=f"worker:{row.pk}", acting_user=acting_user, now=now)
    return NewCredential(token, row)


@transaction.atomic
def revoke_credential(*, acting_user: User, credential_id: int, now: datetime) -> None:
    """Shuts a machine out. Its leases run out by themselves. Raises OnlyOperators, NotFound."""
    if not acting_user.may(Scope.OPERATE):
        raise OnlyOperators("only an operator can shut a worker out")
    if not WorkerCredential.objects.filter(pk=credential_id).exists():
        raise NotFound("there is no such worker token")
    WorkerCredential.objects.filter(pk=credential_id, revoked_at=None).update(revoked_at=now)
    record(action="worker.shut_out", subject=f"worker:{credential_id}", acting_user=acting_user, now=now)


def admit(token: str) -> Admitted | None:
    """Whether a worker token is good. None when it is unknown or revoked."""
    if settings.ZOO_WORKER_TOKEN and hmac.compare_digest(token.encode(), settings.ZOO_WORKER_TOKEN.encode()):
        return Admitted(None)
    row = WorkerCredential.objects.filter(digest=_digest(token), revoked_at=None).first()
    return Admitted(row) if row else None


def lease_token(lease: Lease) -> str:
    """The token that a holder shows: signed, so that an old one is known for what it is."""
    return _LEASES.sign(f"{lease.run_id}:{lease.token}")


def read_lease(token: str) -> Lease | None:
    """The lease that a token was made for, live or not; None when it was not made here."""
    try:
        run, _, number = _LEASES.unsign(token).rpartition(":")
        return Lease(UUID(run), int(number))
    except (signing.BadSignature, ValueError):
        return None


@transaction.atomic
def say_goodbye(*, worker_id: str, now: datetime) -> None:
    """A worker has stopped by its own will."""
    Worker.objects.filter(pk=worker_id).update(stopped_at=now, seen_at=now)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
