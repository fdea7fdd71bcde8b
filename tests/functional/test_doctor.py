"""``zoo doctor`` as a newcomer runs it: on a machine that is well, and on one with several troubles at once."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.factories.stack import MAIN, ROOT, clean_environment
from zoo.cli.broker import free_port

LOOKED_AT = {
    *("Python", "home", "broker", "port", "SQLite", "database", "results", "engine", "device", "isolation"),
    *("demonstration models", "hub"),
}
pytestmark = pytest.mark.stack


def doctor(home: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = clean_environment() | {
        "ZOO_HOME": str(home), "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", **settings
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, "-c", MAIN, "doctor", *words],
        env=environment, capture_output=True, text=True, cwd=home.parent, timeout=120,
    )  # fmt: skip


def levels(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    return {finding["what"]: finding["level"] for finding in json.loads(done.stdout)}


def test_a_machine_that_is_well_is_told_so(tmp_path: Path) -> None:
    done = doctor(tmp_path / "home", "--json", "--port", str(free_port()))
    found = levels(done)
    assert set(found) == LOOKED_AT
    # A fresh home has no tables yet, and some machines have no walls: both are said, neither is in the way.
    assert {what for what, level in found.items() if level != "good"} <= {"database", "isolation"}
    assert "could not be looked at" not in done.stdout
    assert done.returncode == 0


def test_each_trouble_is_named_with_what_mends_it(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file where the folder should be")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        silent = f"redis://127.0.0.1:{free_port()}/0"
        done = doctor(tmp_path / "home", "--port", port, REDIS_URL=silent)
    assert done.returncode == 70
    assert "BAD   home:" in done.stdout
    assert "Set ZOO_HOME to a folder of yours." in done.stdout
    assert f"warn  port: 127.0.0.1:{port} is taken" in done.stdout
    assert "warn  broker: REDIS_URL does not answer" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
