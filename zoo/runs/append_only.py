"""Triggers that let the database itself refuse to change or delete what may only be added.

A later migration that rebuilds one of these tables on SQLite must call ``install`` again: the rebuild drops them.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db.backends.base.base import BaseDatabaseWrapper

OWN_TABLES = ("runs_result", "runs_runevent")
ACTIONS = ("UPDATE", "DELETE")


def install(connection: BaseDatabaseWrapper, tables: Sequence[str] = OWN_TABLES) -> None:
    """Creates the triggers; those that are there are made anew."""
    remove(connection, tables)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "CREATE OR REPLACE FUNCTION runs_append_only() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE EXCEPTION 'rows of % are only ever added', TG_TABLE_NAME; END $$"
            )
        for table, action in _each(tables):
            if connection.vendor == "postgresql":
                cursor.execute(
                    f"CREATE TRIGGER {_name(table, action)} BEFORE {action} ON {table} "
                    "FOR EACH ROW EXECUTE FUNCTION runs_append_only()"
                )
            else:
                cursor.execute(
                    f"CREATE TRIGGER {_name(table, action)} BEFORE {action} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, 'rows of {table} are only ever added'); END"
                )


def remove(connection: BaseDatabaseWrapper, tables: Sequence[str] = OWN_TABLES) -> None:
    """Drops the triggers."""
    with connection.cursor() as cursor:
        for table, action in _each(tables):
            on = f" ON {table}" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP TRIGGER IF EXISTS {_name(table, action)}{on}")


def _each(tables: Sequence[str]) -> list[tuple[str, str]]:
    return [(table, action) for table in tables for action in ACTIONS]


def _name(table: str, action: str) -> str:
    return f"{table}_refuse_{action.lower()}"
