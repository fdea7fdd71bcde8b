"""Copies of a SQLite database that can be trusted: made whole while it is in use, and checked before they count.

A plain copy of the file is not a backup: it misses what is in the write-ahead log. Postgres has its own tools.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from datetime import datetime
from pathlib import Path

from django.db import connection

from zoo.core.errors import Conflict, Invalid

KEPT = 24
PATTERN = "zoo-*.sqlite3"


class NotSqlite(Conflict):
    """The database is not SQLite."""

    code = "not_sqlite"


class BadBackup(Invalid):
    """The file is not a whole database of this service."""

    code = "bad_backup"


def back_up(*, folder: Path, now: datetime, kept: int = KEPT) -> Path:
    """Writes a checked copy into the folder, keeps the newest ``kept``, and gives its path.

    Raises NotSqlite; BadBackup when the copy does not pass its check, which means that the database is damaged.
    """
    _need_sqlite()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"zoo-{now:%Y%m%dT%H%M%S%f}.sqlite3"
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(part)])
    try:
        check(part)
        _sync(part)
    except BadBackup:
        part.unlink(missing_ok=True)
        raise
    os.replace(part, path)
    for old in sorted(folder.glob(PATTERN))[:-kept]:
        old.unlink(missing_ok=True)
    return path


def check(path: Path) -> None:
    """Raises BadBackup unless the file is a whole SQLite database with our tables."""
    if not path.is_file():
        raise BadBackup(f"there is no file {path.name}")
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            (verdict,) = database.execute("PRAGMA integrity_check").fetchone()
            tables = {
                name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type='table'")
            }
    except sqlite3.DatabaseError as error:
        raise BadBackup(f"{path.name} is not a whole database: {error}") from error
    if verdict != "ok":
        raise BadBackup(f"{path.name} is damaged: {str(verdict)[:200]}")
    if "django_migrations" not in tables:
        raise BadBackup(f"{path.name} is not a database of this service")


def restore(*, source: Path, target: Path, now: datetime) -> Path | None:
    """Puts a checked backup in the place of the database, and gives where the old one was moved, with its log.

    The write-ahead log of a database that was not closed holds its last commits: without it, it is not whole.
    Nothing may use the database meanwhile; whoever calls this holds the lock of the installation. Raises BadBackup.
    """
    check(source)
    part = target.with_name(target.name + ".part")
    shutil.copyfile(source, part)
    _sync(part)
    old = target.with_name(f"{target.name}.before-restore-{now:%Y%m%dT%H%M%S%f}")
    moved = old if target.exists() else None
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.replace(target.with_name(target.name + suffix), old.with_name(old.name + suffix))
    os.replace(part, target)
    return moved


def checkpoint() -> None:
    """Moves the write-ahead log into the database and empties it. One process alone should do this."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def log_bytes(database: Path) -> int:
    """Size of the write-ahead log."""
    log = database.with_name(database.name + "-wal")
    return log.stat().st_size if log.exists() else 0


def _need_sqlite() -> None:
    if connection.vendor != "sqlite":
        raise NotSqlite("this database is Postgres", remedy="Use pg_dump and pg_restore.")


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
