"""``zoo backup`` and ``zoo restore``: the database as one checked file.

Artifacts are files already, named by their content: copy their folder.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from zoo.cli.stack import StackFailed, home_of_environment, only_one


def backup(
    folder: Annotated[Path | None, typer.Argument(help="Default: the folder 'backups' in ZOO_HOME.")] = None,
) -> None:
    """Write a checked copy of the database while it is in use. Its path goes to stdout."""
    _set_up()
    from django.utils import timezone

    from zoo.core import backup as backups

    print(backups.back_up(folder=folder or home_of_environment() / "backups", now=timezone.now()))


def restore(
    file: Annotated[Path, typer.Argument(help="A file that 'zoo backup' wrote.")],
) -> None:
    """Put a backup in the place of the database. Refuses while 'zoo up' runs; keeps the old database beside it."""
    _set_up()
    from django.conf import settings
    from django.db import connection
    from django.utils import timezone

    from zoo.core import backup as backups

    if connection.vendor != "sqlite":
        raise backups.NotSqlite("this database is Postgres", remedy="Use pg_restore.")
    home = home_of_environment()
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with only_one(home):
            connection.close()
            target = Path(str(settings.DATABASES["default"]["NAME"]))
            moved = backups.restore(source=file, target=target, now=timezone.now())
    except StackFailed as error:
        print(f"zoo: {error}", file=sys.stderr)
        raise typer.Exit(70) from None
    if moved is not None:
        print(f"the database that was there is now {moved}", file=sys.stderr)
    from zoo.runs.selectors import chain_breaks

    broken = chain_breaks()
    if broken:
        print(f"zoo: the chain of results does not hold at {broken[:5]}", file=sys.stderr)
        raise typer.Exit(70)
    print("restored; the chain of results holds", file=sys.stderr)


def _set_up() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "zoo.settings.local")
    django.setup()
