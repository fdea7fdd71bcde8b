"""``zoo demo`` on a fresh home: the shipped pair through the whole stack, and the page it names afterwards."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.factories.shown_alike import assert_shown_alike
from tests.factories.stack import MAIN, ROOT, clean_environment, installation, wait_until
from zoo.cli.broker import free_port

pytestmark = [pytest.mark.stack, pytest.mark.engine, pytest.mark.timeout(1500)]

PAGES = (
    "/",
    "/comparisons/",
    "/leaderboard/?suite=demo",
    "/api/v1/leaderboard/?suite=demo",
    "/models/distill-zoo/tiny-llama-student/",
    "/models/distill-zoo/tiny-llama-teacher/",
    "/releases/",
)
"""What shows the measured pair."""


def test_the_demonstration_measures_the_shipped_pair_and_its_page_is_served_afterwards(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    environment = clean_environment() | {
        "ZOO_HOME": str(home),
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-c", MAIN, "demo", "--port", str(free_port())]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "tiny-llama-student against distill-zoo/tiny-llama-teacher" in done.stdout
    assert "Gain from distillation" in done.stdout
    overall = next(line for line in done.stdout.splitlines() if line.strip().startswith("overall"))
    assert re.search(r"0\.\d{3}", overall)
    page = re.search(r"/comparisons/[0-9a-f-]{36}/", done.stdout)
    assert page is not None
    with installation(home, ZOO_PAIR_JOBS="1") as zoo:
        address = f"comparisons{page.group().removeprefix('/comparisons')}"
        wait_until(lambda: "kl" in zoo.api.get(address)["fidelity"], seconds=400)
        document = zoo.api.get(address)
        assert document["overall"]["retention"]["value"] > 0.5
        assert document["gain"]["overall"]["outcome"] == "better"
        shown = subprocess.run(
            [*command[:3], "show", page.group().split("/")[2]],
            env=environment | {"ZOO_URL": zoo.api.url, "COLUMNS": "200"},
            capture_output=True, text=True, cwd=tmp_path, check=True,
        )  # fmt: skip
        assert_shown_alike(document, shown.stdout, httpx.get(f"{zoo.api.url}{page.group()}", timeout=60).text)
        for path in (page.group(), *PAGES):
            shown = httpx.get(f"{zoo.api.url}{path}", timeout=60)
            assert shown.status_code == 200, path
            assert "distill-zoo/tiny-llama-student" in shown.text, path
        measured = {run["id"] for run in zoo.api.get("runs/?page_size=100")["results"]}
    again = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert page.group() in again.stdout, "what was measured is found and not measured again"
    with installation(home) as zoo:
        assert {run["id"] for run in zoo.api.get("runs/?page_size=100")["results"]} == measured
