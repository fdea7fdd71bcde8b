"""A backup made while others write is whole, and a damaged file never takes the place of a database."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import connection, connections

from tests.factories.database import committed
from tests.factories.runs import make_run
from zoo.core import backup
from zoo.runs.models import Run

NOW = datetime(2026, 3, 1, tzinfo=UTC)

pytestmark = pytest.mark.skipif(
    "connection.vendor != 'sqlite'", reason="Postgres has tools of its own for this"
)


@pytest.mark.django_db(transaction=True)
def test_a_backup_under_load_is_whole_and_can_be_restored(tmp_path: Path) -> None:
    with committed():
        stop = threading.Event()
        made = []

        def write() -> None:
            number = 0
            while not stop.is_set():
                made.append(make_run(f"scripted/w{number}").pk)
                number += 1
            connections.close_all()

        writer = threading.Thread(target=write)
        writer.start()
        try:
            while len(made) < 5:
                pass
            paths = [
                backup.back_up(folder=tmp_path / "kept", now=NOW.replace(second=number), kept=2)
                for number in range(3)
            ]
        finally:
            stop.set()
            writer.join()
        assert [path.exists() for path in paths] == [False, True, True]
        target = tmp_path / "zoo.sqlite3"
        target.write_bytes(b"old")
        moved = backup.restore(source=paths[-1], target=target, now=NOW)
        assert moved == tmp_path / "zoo.sqlite3.before-restore-20260301T000000000000"
        assert moved.read_bytes() == b"old"
        with sqlite3.connect(target) as restored:
            (count,) = restored.execute("SELECT count(*) FROM runs_run").fetchone()
            (events,) = restored.execute("SELECT count(*) FROM runs_runevent").fetchone()
        restored.close()
        # A copy is of one moment: each run in it has its event.
        assert 5 <= count == events <= Run.objects.count()


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    target = tmp_path / "zoo.sqlite3"
    target.write_bytes(b"precious")
    junk = tmp_path / "junk"
    junk.write_bytes(b"not a database" * 1000)
    foreign = tmp_path / "foreign"
    with sqlite3.connect(foreign) as database:
        database.execute("CREATE TABLE other (x)")
    database.close()
    for bad in (junk, foreign, tmp_path / "missing"):
        with pytest.raises(backup.BadBackup):
            backup.restore(source=bad, target=target, now=NOW)
    assert target.read_bytes() == b"precious"


def database_of(path: Path, *, value: int) -> None:
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE django_migrations (x)")
        database.execute("INSERT INTO django_migrations VALUES (?)", (value,))


def value_of(path: Path) -> list[int]:
    with contextlib.closing(sqlite3.connect(path)) as database:
        return [x for (x,) in database.execute("SELECT x FROM django_migrations ORDER BY x")]


def test_the_old_database_is_moved_with_its_log_and_no_restore_overwrites_an_earlier_one(
    tmp_path: Path,
) -> None:
    kept, target, crashed = tmp_path / "kept", tmp_path / "zoo.sqlite3", tmp_path / "crashed.sqlite3"
    database_of(kept, value=1)
    database_of(crashed, value=2)
    with contextlib.closing(sqlite3.connect(crashed)) as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        writer.execute("INSERT INTO django_migrations VALUES (3)")
        writer.commit()
        # As after a crash: the last commit is in the log alone.
        for suffix in ("", "-wal"):
            shutil.copyfile(f"{crashed}{suffix}", f"{target}{suffix}")
    first = backup.restore(source=kept, target=target, now=NOW)
    second = backup.restore(source=kept, target=target, now=NOW.replace(second=1))
    assert first is not None
    assert second is not None
    assert (value_of(first), value_of(second), value_of(target)) == ([2, 3], [1], [1])


@pytest.mark.django_db(transaction=True)
def test_the_log_can_be_emptied() -> None:
    with committed():
        make_run()
        database = Path(str(connection.settings_dict["NAME"]))
        assert backup.log_bytes(database) > 0
        backup.checkpoint()
        assert backup.log_bytes(database) == 0
