"""A database that threads and processes share, for tests that need commits. Triggers are lifted for the clean-up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from zoo.runs import append_only
from zoo.runs.models import Chain

TABLES = [*append_only.OWN_TABLES, "comparisons_comparison"]


@contextmanager
def committed() -> Iterator[None]:
    """Inside: the database as it is in service, with its triggers. Use it within ``transactional_db``."""
    append_only.install(connection, TABLES)
    Chain.objects.get_or_create(pk=1)
    try:
        yield
    finally:
        append_only.remove(connection, TABLES)
