"""The walls of the house hold, and would be noticed if they did not."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env={"PYTHONPATH": "."}
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code alone, in which violations can be planted."""
    folder = tmp_path_factory.mktemp("house")
    ignored = shutil.ignore_patterns("__pycache__", "static", "*.safetensors", "*.xz", "*.jsonl", "data")
    for package in ("zoo", "evaluation"):
        shutil.copytree(ROOT / package, folder / package, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


VIOLATIONS = [
    pytest.param("zoo/catalog/selectors.py", "import zoo.runs.models", id="a lower layer knows a higher one"),
    pytest.param("zoo/runs/lifecycle.py", "import django", id="a pure module knows Django"),
    pytest.param("zoo/runs/queue.py", "import celery", id="the domain knows Celery"),
    pytest.param("zoo/web/charts.py", "import torch", id="the web knows torch"),
    pytest.param("zoo/jobs/tasks.py", "import evaluation.tasks", id="the zoo imports the evaluation task"),
    pytest.param("evaluation/tasks.py", "import zoo.core.errors", id="evaluation knows the zoo"),
    pytest.param("evaluation/isolation/__init__.py", "import lm_eval", id="the supervisor loads the harness"),
    pytest.param("zoo/web/presenters.py", "import zoo.api.problems", id="an interface knows its sibling"),
]


@pytest.mark.parametrize(("file", "line"), VIOLATIONS)
def test_a_planted_violation_is_caught(copy: Path, file: str, line: str) -> None:
    path = copy / file
    before = path.read_text()
    path.write_text(f"{before}\n{line}\n")
    try:
        outcome = lint(copy)
    finally:
        path.write_text(before)
    assert outcome.returncode != 0
    assert "broken" in outcome.stdout


def test_a_new_package_must_be_placed_before_it_passes(copy: Path) -> None:
    stray = copy / "zoo" / "stray"
    stray.mkdir()
    (stray / "__init__.py").write_text("")
    try:
        outcome = lint(copy)
    finally:
        shutil.rmtree(stray)
    assert outcome.returncode != 0


def test_the_contracts_hold(copy: Path) -> None:
    outcome = lint(copy)
    assert outcome.returncode == 0, outcome.stdout


ENGINES = ("torch", "lm_eval", "transformers", "datasets", "safetensors", "gguf")


def test_the_web_process_starts_where_no_engine_is_installed() -> None:
    """Static rules do not see imports made from strings: start Django where importing an engine fails."""
    code = f"""
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {ENGINES!r}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
import django; django.setup()
from django.urls import get_resolver
assert get_resolver().resolve("/models/")
from zoo.asgi import application
from zoo.celery import app
app.loader.import_default_modules()
"""
    environment = {
        "DJANGO_SETTINGS_MODULE": "zoo.settings.test",
        "PYTHONPATH": str(ROOT),
        "PATH": "/usr/bin:/bin",
    }
    outcome = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert outcome.returncode == 0, outcome.stderr


@pytest.mark.parametrize("package", ["zoo", "evaluation"])
def test_no_file_outgrows_its_budget(package: str) -> None:
    """Past 450 lines a module surely holds two things. Data and migrations do not count."""
    files = [p for p in (ROOT / package).rglob("*.py") if not {"migrations", "static"} & set(p.parts)]
    too_long = {str(p.relative_to(ROOT)): n for p in files if (n := len(p.read_text().splitlines())) > 450}
    assert not too_long


def test_every_module_says_what_it_is_for() -> None:
    files = [
        p for d in ("zoo", "evaluation") for p in (ROOT / d).rglob("*.py") if "migrations" not in p.parts
    ]
    silent = [
        p for p in files if (text := p.read_text()).strip() and ast.get_docstring(ast.parse(text)) is None
    ]
    assert not silent
