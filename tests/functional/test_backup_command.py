"""``zoo backup`` and ``zoo restore`` as they are typed: what comes back in a new home is what was there."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.factories.stack import MAIN, ROOT, clean_environment

pytestmark = pytest.mark.timeout(600)


def zoo(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = clean_environment() | {"ZOO_HOME": str(home), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", MAIN, *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def content(database: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every table with its rows."""
    with sqlite3.connect(database) as opened:
        tables = [name for (name,) in opened.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: sorted(opened.execute(f'SELECT * FROM "{name}"'), key=repr) for name in tables}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation with an account."""
    made = tmp_path_factory.mktemp("home")
    environment = clean_environment() | {
        "ZOO_HOME": str(made),
        "DJANGO_SETTINGS_MODULE": "zoo.settings.local",
        "PYTHONPATH": str(ROOT),
    }
    migrate = [sys.executable, str(ROOT / "manage.py"), "migrate", "--verbosity", "0"]
    subprocess.run(migrate, env=environment, check=True)
    assert zoo(made, "token", "create", "--scope", "operate").returncode == 0
    return made


def test_a_backup_restored_into_a_new_home_is_the_same_to_the_last_row(home: Path, tmp_path: Path) -> None:
    done = zoo(home, "backup", str(tmp_path / "kept"))
    assert done.returncode == 0, done.stderr
    copy = Path(done.stdout.strip())
    assert copy.parent == tmp_path / "kept"
    fresh = tmp_path / "fresh"
    restored = zoo(fresh, "restore", str(copy))
    assert restored.returncode == 0, restored.stderr
    assert "the chain of results holds" in restored.stderr
    found = content(fresh / "zoo.sqlite3")
    assert found == content(home / "zoo.sqlite3")
    assert len(found["accounts_accesstoken"]) == 1

    damaged = tmp_path / "damaged.sqlite3"
    damaged.write_bytes(copy.read_bytes()[: copy.stat().st_size // 2])
    refused = zoo(fresh, "restore", str(damaged))
    assert refused.returncode != 0
    assert "Traceback" not in refused.stderr
    assert content(fresh / "zoo.sqlite3") == found
