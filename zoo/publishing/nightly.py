"""What is made every night so that the data outlives the instance: the dump, and a copy of the whole site."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections

from zoo.catalog.models import Model
from zoo.comparisons.models import Comparison
from zoo.publishing import dumping, site
from zoo.publishing.models import Release


def write(root: Path, *, now: datetime, with_site: bool) -> Path:
    """The dump of a day, with the site when that is wanted; gives the folder."""
    day = dumping.write(root, now=now)
    if with_site:
        with tempfile.TemporaryDirectory() as folder:
            copy_site(Path(folder) / "site", now=now)
            dumping.add_site(day, Path(folder) / "site")
    return day


def copy_site(folder: Path, *, now: datetime, tell: Callable[[int], None] = lambda _: None) -> site.Written:
    """Copies every page into a folder. Raises NotEmpty."""
    instance = settings.ZOO_PUBLIC_URL
    with _one_connection():
        return site.export(
            folder,
            site.fetcher(get_wsgi_application(), instance=instance),
            instance=instance,
            made_at=now.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            more=[*_addresses(), "/feeds/releases.atom", "/feeds/models.atom", "/feeds/licenses.atom"],
            tell=tell,
        )


@contextmanager
def _one_connection() -> Iterator[None]:
    """Keeps the database connection over many requests; each would close it at its begin and end."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    try:
        yield
    finally:
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)


def _addresses() -> list[str]:
    """Pages that no list may lead to: every entry, comparison and release."""
    models = [model.slug for model in Model.objects.select_related("organization").order_by("pk")]
    return [
        *(f"/models/{slug}/" for slug in models),
        *(f"/comparisons/{pk}/" for pk in Comparison.objects.order_by("pk").values_list("pk", flat=True)),
        *(f"/releases/{pk}/" for pk in Release.objects.order_by("sequence").values_list("pk", flat=True)),
    ]
