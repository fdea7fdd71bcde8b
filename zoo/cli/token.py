"""``zoo token``: access tokens and worker tokens, made on the server's own machine and printed once."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from zoo.accounts.models import Scope, User

LOCAL_USER = "local"
SCOPES = ("read", "submit", "curate", "operate")

token = typer.Typer(no_args_is_help=True, help="Make tokens. They are printed once and stored as digests.")


@token.command()
def create(
    scope: Annotated[str, typer.Option(help="read, submit, curate or operate")] = "submit",
    name: Annotated[str, typer.Option(help="By which you will recognize it.")] = "command line",
    user: Annotated[str | None, typer.Option(help="Whose token; default: the first operator's.")] = None,
) -> None:
    """Make an access token for a person. The token alone goes to stdout."""
    if scope not in SCOPES:
        raise typer.BadParameter(f"a scope is one of {', '.join(SCOPES)}")
    _set_up()
    from django.utils import timezone

    from zoo.accounts.models import Scope
    from zoo.accounts.services import create_token

    owner = _owner(user, Scope(scope))
    made = create_token(acting_user=owner, name=name, scope=Scope(scope), now=timezone.now())
    print(f"token '{name}' of {owner.username}, scope {scope}; it is not shown again:", file=sys.stderr)
    print(made.token)


@token.command("create-worker")
def create_worker(
    name: Annotated[str, typer.Option(help="By which you will recognize the machine.")],
) -> None:
    """Make a token that lets a machine claim work: its ZOO_WORKER_TOKEN."""
    _set_up()
    from django.utils import timezone

    from zoo.accounts.models import Scope
    from zoo.runs.workers import create_credential

    made = create_credential(acting_user=_owner(None, Scope.OPERATE), name=name, now=timezone.now())
    print(f"worker token '{name}'; it is not shown again:", file=sys.stderr)
    print(made.token)


def _set_up() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "zoo.settings.local")
    from django.apps import apps

    if not apps.ready:
        django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)


def _owner(name: str | None, scope: Scope) -> User:
    """The named account; else the first operator; else an account of this machine without a password.

    Whoever can run this can read the database, so no right is given that was not there.
    """
    from zoo.accounts.models import Scope, User

    if name is not None:
        found = User.objects.filter(username=name, is_active=True).first()
        if found is None:
            raise typer.BadParameter(f"there is no account '{name}'")
        return found
    operator = User.objects.filter(role=Scope.OPERATE, is_active=True).order_by("pk").first()
    return operator or local_user(scope)


def local_user(scope: Scope) -> User:
    """The account that stands for this machine; its role is at least the scope."""
    from zoo.accounts.models import Scope, User

    user, made = User.objects.get_or_create(username=LOCAL_USER, defaults={"role": scope})
    if made:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    elif not Scope(user.role).covers(scope):
        User.objects.filter(pk=user.pk).update(role=scope)
        user.refresh_from_db()
    return user
