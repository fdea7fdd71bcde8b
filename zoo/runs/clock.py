"""The one clock that leases go by: the database's. A machine whose own clock jumps holds its lease all the same."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import connection


def database_now() -> datetime:
    """The database's time, in UTC. SQLite has no clock but that of the machine that holds the file.

    The time is read before the transaction that uses it; waiting for a lock then makes it older, and an
    older time is safe everywhere it is used: leases end sooner, nothing is taken early.
    """
    sqlite = connection.vendor == "sqlite"
    statement = "SELECT strftime('%Y-%m-%dT%H:%M:%f', 'now')" if sqlite else "SELECT clock_timestamp()"
    with connection.cursor() as cursor:
        cursor.execute(statement)
        (value,) = cursor.fetchone()
    return datetime.fromisoformat(value).replace(tzinfo=UTC) if sqlite else value.astimezone(UTC)
