"""Short, seeded slices of the chaos run; ``make chaos`` makes long ones.

Once with all faults on SQLite; where the suite is run on Postgres, with those of links, clock and database on one
of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.stack, pytest.mark.timeout(1200)]


def chaos(tmp_path: Path, *words: str) -> dict[str, Any]:
    """Figures of a run in which everything held."""
    figures = tmp_path / "figures.json"
    command = [sys.executable, "-m", "tests.faults.chaos", *words, "--output", str(figures)]
    # A database of its own, whatever the suite has.
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    found: dict[str, Any] = json.loads(figures.read_text())
    assert found["broken"] == []
    return found


def test_nothing_is_lost_and_nothing_published_twice_under_faults(tmp_path: Path) -> None:
    found = chaos(
        tmp_path, "--seed", "11", "--minutes", "0.4", "--submissions", "6", "--faults", "5", "--pause", "2"
    )
    assert found["submissions"] == 6
    assert found["faults"] >= 5


@pytest.mark.postgres
def test_nothing_is_lost_when_links_clock_and_database_fail(tmp_path: Path) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("the slice above is on SQLite")
    words = ("--seed", "3", "--minutes", "0.3", "--submissions", "4", "--faults", "3", "--pause", "2")
    found = chaos(
        tmp_path,
        *words,
        "--database",
        "postgres",
        "--only",
        "jump_clock",
        "lose_database",
        "lose_broker_links",
    )
    assert found["database"] == "postgres"
    assert found["submissions"] == 4
    assert found["faults"] >= 3
