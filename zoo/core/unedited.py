"""Triggers that let the database itself refuse to edit what is on record: a correction is a new row.

They guard columns, not rows: what says that a row no longer holds may still change. A later migration that rebuilds
one of these tables on SQLite must call ``install`` again, because the rebuild drops them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.db.backends.base.base import BaseDatabaseWrapper


def install(connection: BaseDatabaseWrapper, guarded: Mapping[str, Sequence[str]]) -> None:
    """Creates the triggers for the columns of each table; those that are there are made anew."""
    remove(connection, guarded)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "CREATE OR REPLACE FUNCTION core_refuse_edit() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE EXCEPTION 'rows of % are corrected by new rows', TG_TABLE_NAME; END $$"
            )
        for table, columns in guarded.items():
            listed = ", ".join(f'"{column}"' for column in columns)
            action = (
                "FOR EACH ROW EXECUTE FUNCTION core_refuse_edit()"
                if connection.vendor == "postgresql"
                else f"BEGIN SELECT RAISE(ABORT, 'rows of {table} are corrected by new rows'); END"
            )
            cursor.execute(f"CREATE TRIGGER {_name(table)} BEFORE UPDATE OF {listed} ON {table} {action}")


def remove(connection: BaseDatabaseWrapper, guarded: Mapping[str, Sequence[str]]) -> None:
    """Drops the triggers."""
    with connection.cursor() as cursor:
        for table in guarded:
            on = f" ON {table}" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP TRIGGER IF EXISTS {_name(table)}{on}")


def _name(table: str) -> str:
    return f"{table}_refuse_edit"
