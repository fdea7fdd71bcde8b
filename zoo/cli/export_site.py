"""``zoo export-site FOLDER``: the whole site as files. ``zoo dump``: its open data as files."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

EVERY = 50


def export_site(
    folder: Annotated[Path, typer.Argument(help="An empty folder, or an earlier copy.")],
) -> None:
    """Copy every page of this machine's site into a folder that any file server shows."""
    _set_up()
    from django.utils import timezone

    from zoo.publishing import nightly

    def tell(count: int) -> None:
        if count % EVERY == 0:
            print(f"{count} files ...", file=sys.stderr)

    written = nightly.copy_site(folder, now=timezone.now(), tell=tell)
    print(
        f"{written.pages} pages and {written.files - written.pages} other files in {folder}", file=sys.stderr
    )
    for address in written.broken:
        print(f"left out, because it answers with an error: {address}", file=sys.stderr)
    raise typer.Exit(1 if written.broken else 0)


def dump(
    folder: Annotated[
        Path | None, typer.Argument(help="Default: ZOO_DUMPS, which the site serves at /dumps/.")
    ] = None,
    site: Annotated[bool, typer.Option("--site", help="With a copy of the whole site.")] = False,
) -> None:
    """Write the open data of this machine: catalog, releases with their results, imported scores, the key."""
    _set_up()
    from django.conf import settings
    from django.utils import timezone

    from zoo.publishing import nightly

    print(nightly.write(folder or Path(settings.ZOO_DUMPS), now=timezone.now(), with_site=site))


def _set_up() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "zoo.settings.local")
    django.setup()
    logging.getLogger("django_structlog").setLevel(logging.WARNING)
