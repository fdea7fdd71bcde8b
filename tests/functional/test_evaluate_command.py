"""``zoo evaluate`` as a person or a pipeline uses it, with scripted models and with tiny real ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from evaluation.formats.unchanged import SETTLED_SECONDS
from tests.factories import bad_models
from zoo.cli.evaluate import verdict_code

ROOT = Path(__file__).parents[2]
MIRROR = ROOT / "tests" / "data" / "datasets"
STUDENT, TEACHER = "scripted/student-p80", "scripted/teacher-p90"


def zoo(home: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    code = "from zoo.cli.main import main; main()"
    environment = {
        **os.environ,
        "ZOO_HOME": str(home),
        "OMP_NUM_THREADS": "1",
        "ZOO_ALLOW_WEAK_ISOLATION": "1",
    }
    return subprocess.run(
        [sys.executable, "-c", code, "evaluate", *words],
        cwd=ROOT, env=environment | settings, capture_output=True, text=True, timeout=240,
    )  # fmt: skip


@pytest.mark.stack
def test_a_comparison_is_one_document_on_stdout(tmp_path: Path) -> None:
    done = zoo(
        tmp_path, STUDENT, "--teacher", TEACHER, "--tasks", "scripted_choice.n-400,scripted_rolling", "--json"
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    choice, rolling = document["tasks"]
    assert document["student"]["model"] == STUDENT
    assert choice["n"] == 400
    assert 0.8 < choice["retention"]["value"] < 1
    assert choice["retention"]["ci_low"] < choice["retention"]["value"] < choice["retention"]["ci_high"]
    assert choice["samples"]["lost"] > choice["samples"]["gained"]
    assert rolling["retention"]["undefined"] == "not_a_ratio_metric"
    assert document["reproduce_zoo"].startswith("zoo evaluate scripted/student-p80")
    assert "student: scoring" in done.stderr


@pytest.mark.stack
def test_without_a_teacher_there_are_scores_and_no_retention(tmp_path: Path) -> None:
    done = zoo(tmp_path, STUDENT, "--tasks", "scripted_choice", "--json")
    document = json.loads(done.stdout)
    assert document["teacher"] is None
    assert "retention" not in done.stdout
    assert 0 < document["tasks"][0]["score"]["value"] < 1


@pytest.mark.stack
def test_a_second_call_measures_nothing_again_and_says_the_same(tmp_path: Path) -> None:
    words = (STUDENT, "--teacher", TEACHER, "--tasks", "scripted_slow.n-30.ms-300", "--json")
    first = zoo(tmp_path, *words)
    again = zoo(tmp_path, *words)
    assert json.loads(first.stdout)["tasks"] == json.loads(again.stdout)["tasks"]
    assert "scoring" not in again.stderr


@pytest.mark.stack
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([STUDENT, "--tasks", "scripted_what"], 64, "There is no scripted task"),
        (["org/model", "--tasks", "arc_eazy"], 64, "arc_easy"),
        (["org/model", "--suite", "nothing"], 64, "Known suites"),
        ([STUDENT], 64, "--suite or --tasks"),
        ([STUDENT, "--tasks", "scripted_choice", "--limit", "-1"], 64, "--limit"),
        ([STUDENT, "--tasks", "scripted_choice", "--dtype", "int4"], 64, "dtype"),
        ([STUDENT, "--tasks", "scripted_choice", "--engine", "magic"], 64, "magic"),
        ([STUDENT, "--tasks", "scripted_choice", "--nope"], 64, "nope"),
        ([STUDENT, "--tasks", "scripted_oom"], 70, "did not fit"),
        ([STUDENT, "--tasks", "scripted_crash"], 70, "student"),
    ],
)
def test_wrong_input_and_failures_have_their_exit_codes(
    tmp_path: Path, words: list[str], code: int, said: str
) -> None:
    done = zoo(tmp_path, *words)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert done.stdout == ""


@pytest.mark.stack
@pytest.mark.parametrize(("model", "advice"), bad_models.SAYS.items())
def test_a_model_that_must_not_be_loaded_is_wrong_input(tmp_path: Path, model: str, advice: str) -> None:
    mirror = bad_models.mirror(tmp_path / "mirror")
    done = zoo(tmp_path, str(mirror / model), "--tasks", "arc_easy")
    assert done.returncode == 64
    assert advice in done.stderr
    assert done.stdout == ""


@pytest.mark.stack
def test_a_failure_is_a_document_too(tmp_path: Path) -> None:
    done = zoo(tmp_path, STUDENT, "--tasks", "scripted_refuse", "--json")
    assert done.returncode == 70
    failure = json.loads(done.stdout)["failure"]
    assert (failure["code"], failure["fault"]) == ("scripted_refusal", "submitter")


def document_with(low: float | None, high: float | None) -> dict[str, Any]:
    retention = {"undefined": "too_few_samples"} if low is None else {"ci_low": low, "ci_high": high}
    return {"overall": {"retention": retention}}


@pytest.mark.parametrize(
    ("low", "high", "required", "code"),
    [
        (0.96, 0.99, 0.95, 0),
        (0.80, 0.90, 0.95, 1),
        (0.90, 0.99, 0.95, 2),
        (None, None, 0.95, 2),
        (0.1, 0.2, None, 0),
    ],
)
def test_a_required_retention_is_kept_not_kept_or_undecided(
    low: float | None, high: float | None, required: float | None, code: int
) -> None:
    assert verdict_code(document_with(low, high), required) == code


@pytest.mark.engine
@pytest.mark.stack
@pytest.mark.filterwarnings("ignore")
def test_two_directories_with_tiny_models_are_compared(tmp_path: Path) -> None:
    from tests.factories.language_models import make_causal

    student = make_causal(tmp_path / "student", seed=1, layers=1)
    teacher = make_causal(tmp_path / "teacher")
    time.sleep(SETTLED_SECONDS)  # Of younger files no document is kept.
    words = (
        str(student), "--teacher", str(teacher), "--tasks", "arc_easy,blimp_adjunct_island",
        "--limit", "8", "--no-pair", "--json", "--output", str(tmp_path / "out"),
    )  # fmt: skip
    done = zoo(tmp_path / "home", *words, ZOO_DATASETS_DIR=str(MIRROR))
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert [row["n"] for row in document["tasks"]] == [8, 8]
    assert document["student"]["model"] == "local/student"
    assert len(document["student"]["digest"]) == 64
    assert document["reproduce"].startswith("lm-eval run --model hf")
    assert document["overall"]["coverage"]["limited"] is True
    assert json.loads((tmp_path / "out" / "comparison.json").read_text()) == document
    assert str(tmp_path) not in json.dumps(document["environment"])

    again = zoo(tmp_path / "home", *words, ZOO_DATASETS_DIR=str(MIRROR))
    assert json.loads(again.stdout) == document
    assert "answered from before" in again.stderr
