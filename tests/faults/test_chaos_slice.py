"""A short, seeded slice of the chaos run; ``make chaos`` makes long ones."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.stack, pytest.mark.timeout(1200)]


def test_nothing_is_lost_and_nothing_published_twice_under_faults(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    words = [
        "--seed",
        "11",
        "--minutes",
        "0.4",
        "--submissions",
        "6",
        "--faults",
        "5",
        "--pause",
        "2",
        "--output",
    ]
    command = [sys.executable, "-m", "tests.faults.chaos", *words, str(figures)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    found = json.loads(figures.read_text())
    assert found["broken"] == []
    assert found["submissions"] == 6
    assert found["faults"] >= 5
