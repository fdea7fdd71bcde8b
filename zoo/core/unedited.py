"""Triggers by which the database itself refuses to change what is on record, on both databases.

Some rows are only ever added (results, events, comparisons, releases); of others some columns are never edited, while
what says that a row no longer holds may change. A later migration that rebuilds one of these tables on SQLite must
guard it again, because the rebuild drops its triggers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper


class Refusal(NamedTuple):
    """One trigger: what it refuses on which table, the Postgres function that says no, and its words.

    The names are those that installations have in their databases. ``words`` come after "rows of TABLE".
    """

    name: str
    table: str
    action: str
    function: str
    words: str


def only_added(tables: Iterable[str]) -> Iterator[Refusal]:
    """Refusals that let rows of the tables be added, and neither changed nor deleted."""
    for table in tables:
        for action in ("UPDATE", "DELETE"):
            name = f"{table}_refuse_{action.lower()}"
            yield Refusal(name, table, action, "runs_append_only", "are only ever added")


def never_edited(columns: Mapping[str, Sequence[str]]) -> Iterator[Refusal]:
    """Refusals that keep the named columns of each table as they were first written."""
    for table, names in columns.items():
        listed = ", ".join(f'"{name}"' for name in names)
        action = f"UPDATE OF {listed}"
        yield Refusal(f"{table}_refuse_edit", table, action, "core_refuse_edit", "are corrected by new rows")


def install(connection: BaseDatabaseWrapper, refusals: Iterable[Refusal]) -> None:
    """Creates the triggers; those that are there are made anew."""
    refusals = list(refusals)
    remove(connection, refusals)
    make = _on_postgres if connection.vendor == "postgresql" else _on_sqlite
    with connection.cursor() as cursor:
        for refusal in refusals:
            for statement in make(refusal):
                cursor.execute(statement)


def remove(connection: BaseDatabaseWrapper, refusals: Iterable[Refusal]) -> None:
    """Drops the triggers, where they are there."""
    with connection.cursor() as cursor:
        for refusal in refusals:
            on = f" ON {refusal.table}" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP TRIGGER IF EXISTS {refusal.name}{on}")


def _on_postgres(refusal: Refusal) -> Iterator[str]:
    yield (
        f"CREATE OR REPLACE FUNCTION {refusal.function}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION 'rows of % {refusal.words}', TG_TABLE_NAME; END $$"
    )
    yield f"{_beginning(refusal)} FOR EACH ROW EXECUTE FUNCTION {refusal.function}()"


def _on_sqlite(refusal: Refusal) -> Iterator[str]:
    yield f"{_beginning(refusal)} BEGIN SELECT RAISE(ABORT, 'rows of {refusal.table} {refusal.words}'); END"


def _beginning(refusal: Refusal) -> str:
    return f"CREATE TRIGGER {refusal.name} BEFORE {refusal.action} ON {refusal.table}"
