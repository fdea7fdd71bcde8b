"""What keeps each kind of database safe and quick, and how long a statement may take where."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.factories.stack import ROOT, clean_environment
from zoo.settings.base import database

POSTGRES = "postgres://zoo:secret@127.0.0.1/zoo"


def test_sqlite_writes_ahead_keeps_what_it_confirmed_and_takes_its_lock_at_once() -> None:
    options = database("sqlite:////tmp/zoo.sqlite3")["OPTIONS"]
    assert options["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in options["init_command"]
    assert "synchronous=FULL" in options["init_command"]


def test_postgres_gives_up_what_takes_too_long() -> None:
    options = database(POSTGRES)["OPTIONS"]
    assert options["connect_timeout"] == 5
    for limit in ("statement_timeout=", "lock_timeout=5000", "idle_in_transaction_session_timeout=30000"):
        assert limit in options["options"]


@pytest.mark.parametrize(
    ("start", "milliseconds"),
    [
        (["-c", "import django; django.setup()"], 5000),
        (["-c", "import zoo.celery"], 300_000),
        (["manage.py", "shell", "--no-imports", "-v0", "-c"], 0),
    ],
)
def test_the_web_is_held_short_and_jobs_and_migrations_are_not(start: list[str], milliseconds: int) -> None:
    say = "from django.conf import settings; print(settings.DATABASES['default']['OPTIONS']['options'])"
    command = [*start[:-1], f"{start[-1]}; {say}"] if start[0] == "-c" else [*start, say]
    environment = clean_environment() | {
        "DATABASE_URL": POSTGRES,
        "DJANGO_SETTINGS_MODULE": "zoo.settings.dev",
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, *command], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert f"statement_timeout={milliseconds} " in done.stdout
