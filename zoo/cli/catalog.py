"""``zoo catalog``: the reviewed data into the database, the whole catalog out of it, and into another instance."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path
from typing import IO, Annotated, cast

import typer

catalog = typer.Typer(no_args_is_help=True, help="Load, dump and rebuild the catalog of this machine.")


@catalog.command()
def load(
    diff: Annotated[bool, typer.Option("--diff", help="Only show what would change.")] = False,
) -> None:
    """Bring the reviewed data of this version into the database. Repeating it changes nothing."""
    _set_up()
    from django.utils import timezone

    from zoo.lineage import loading

    changes = loading.load(now=timezone.now(), rehearse=diff)
    for change in changes:
        print(f"{change.subject}: {change.what}")
    print(f"{len(changes)} {'differences' if diff else 'changes'}", file=sys.stderr)


@catalog.command()
def dump(
    file: Annotated[Path, typer.Argument(help="Where to; compressed when it ends in .gz.")],
) -> None:
    """Write the whole catalog with its history as JSON Lines."""
    _set_up()
    from zoo.lineage import dump as dumping

    count = 0
    with _opened(file, "wt") as out:
        for line in dumping.write():
            out.write(line)
            count += 1
    print(f"{count} lines in {file}", file=sys.stderr)


@catalog.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A file that 'zoo catalog dump' wrote, here or elsewhere.")],
) -> None:
    """Add what a dump says and this catalog has not; what is here is left alone."""
    _set_up()
    from django.utils import timezone

    from zoo.lineage import dump as dumping

    with _opened(file, "rt") as lines:
        added = dumping.load(lines, now=timezone.now())
    for kind, count in sorted(added.items()):
        print(f"{kind}: {count} new")


@catalog.command()
def reindex() -> None:
    """Make the search index anew from what the tables say."""
    _set_up()
    from zoo.catalog import search

    print(f"{search.rebuild()} entries", file=sys.stderr)


def _opened(file: Path, mode: str) -> IO[str]:
    if file.suffix == ".gz":
        return cast(IO[str], gzip.open(file, mode, encoding="utf-8"))
    return cast(IO[str], file.open(mode[0], encoding="utf-8"))


def _set_up() -> None:
    from zoo.cli.token import _set_up as set_up

    set_up()
