"""A backup made while others write is whole, and a damaged file never takes the place of a database."""

from __future__ import annotations

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
        assert backup.restore(source=paths[-1], target=target) == tmp_path / "zoo.sqlite3.before-restore"
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
            backup.restore(source=bad, target=target)
    assert target.read_bytes() == b"precious"


@pytest.mark.django_db(transaction=True)
def test_the_log_can_be_emptied() -> None:
    with committed():
        make_run()
        database = Path(str(connection.settings_dict["NAME"]))
        assert backup.log_bytes(database) > 0
        backup.checkpoint()
        assert backup.log_bytes(database) == 0
