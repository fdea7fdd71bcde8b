"""A database that threads and processes share, for tests that need commits. Triggers are lifted for the clean-up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core import signals
from django.db import close_old_connections, connection

from zoo.runs.models import Chain

_LIFTED: dict[str, str] = {}
"""Triggers that a clean-up has lifted, by name, with what makes them again."""


@contextmanager
def committed() -> Iterator[None]:
    """Inside: the database as it is in service, with its triggers. Use it within ``transactional_db``.

    SQLite is emptied by DELETE, which the triggers of what may only be added refuse; so they are lifted at the end
    and put back when the next such test begins. Postgres is emptied by TRUNCATE, which no trigger sees.
    """
    with connection.cursor() as cursor:
        for statement in _LIFTED.values():
            cursor.execute(statement)
    _LIFTED.clear()
    Chain.objects.get_or_create(pk=1)
    try:
        yield
    finally:
        _lift()


def _lift() -> None:
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE '%_refuse_%'"
        )
        _LIFTED.update(dict(cursor.fetchall()))
        for name in _LIFTED:
            cursor.execute(f"DROP TRIGGER {name}")


@contextmanager
def one_connection() -> Iterator[None]:
    """Inside: requests leave the connection open, and with it the test's transaction, as with Django's own client."""
    ends = (signals.request_started, signals.request_finished)
    for signal in ends:
        signal.disconnect(close_old_connections)
    try:
        yield
    finally:
        for signal in ends:
            signal.connect(close_old_connections)
