"""The shipped models are the ones that were recorded, and small enough to be carried."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from evaluation.demo import corpus, shipped

_MEGABYTE = 1_000_000


@pytest.mark.parametrize("model", shipped.SHIPPED)
def test_every_shipped_model_has_the_recorded_digests(model: str) -> None:
    assert shipped.is_shipped(model, shipped.model_directory(model))


@pytest.mark.parametrize("model", shipped.SHIPPED)
def test_weights_are_safetensors_of_at_most_fourteen_megabytes(model: str) -> None:
    files = {path.name: path.stat().st_size for path in shipped.model_directory(model).iterdir()}
    assert {"model.safetensors", "config.json", "tokenizer.json", "README.md", "training.json"} <= set(files)
    assert max(files.values()) < 14 * _MEGABYTE
    assert not [name for name in files if name.endswith((".bin", ".pt", ".pkl", ".py"))]


def test_models_and_corpus_stay_under_fifty_megabytes() -> None:
    folders = (shipped.MODELS_DIR, corpus.CORPUS_DIR)
    total = sum(p.stat().st_size for folder in folders for p in folder.rglob("*") if p.is_file())
    assert total < 50 * _MEGABYTE


@pytest.mark.parametrize("change", ["changed", "added", "removed"])
def test_a_copy_that_differs_in_one_file_is_not_the_shipped_model(tmp_path: Path, change: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(shipped.model_directory(shipped.CAUSAL_STUDENT), copy)
    assert shipped.is_shipped(shipped.CAUSAL_STUDENT, copy)
    if change == "changed":
        (copy / "config.json").write_text((copy / "config.json").read_text() + " ")
    elif change == "added":
        (copy / "modeling.py").write_text("")
    else:
        (copy / "tokenizer_config.json").unlink()
    assert not shipped.is_shipped(shipped.CAUSAL_STUDENT, copy)


def test_a_model_of_another_name_or_a_missing_folder_is_not_shipped(tmp_path: Path) -> None:
    assert not shipped.is_shipped("distill-zoo/none", shipped.model_directory(shipped.CAUSAL_STUDENT))
    assert not shipped.is_shipped(shipped.CAUSAL_STUDENT, tmp_path / "missing")
    with pytest.raises(KeyError):
        shipped.model_directory("distill-zoo/none")


def test_the_cards_of_the_sequence_pair_say_what_was_measured_and_who_taught() -> None:
    measured = json.loads(shipped.BACKWARDS_FILE.read_bytes())
    for model in shipped.OF_SEQUENCES:
        card = (shipped.model_directory(model) / "README.md").read_text(encoding="utf-8")
        fields = yaml.safe_load(card.split("---\n", 2)[1])
        taught = model == shipped.SEQUENCE_STUDENT
        teacher = fields.get("distillation", {}).get("teacher")
        assert teacher == (shipped.SEQUENCE_TEACHER if taught else None)
        # That names weights, and the student began from random ones.
        assert "base_model" not in fields
        assert f"{measured[model]['backwards']:.1%}" in card


@pytest.mark.parametrize("model", shipped.OF_TEXT)
def test_cards_say_license_lineage_and_what_was_measured(model: str) -> None:
    card = (shipped.model_directory(model) / "README.md").read_text(encoding="utf-8")
    _, front, prose = card.split("---\n", 2)
    fields = yaml.safe_load(front)
    assert fields["license"] == "apache-2.0"
    teachers = {
        shipped.CAUSAL_STUDENT: shipped.CAUSAL_TEACHER,
        shipped.MASKED_STUDENT: shipped.MASKED_TEACHER,
    }
    assert fields.get("base_model") == teachers.get(model)
    assert fields.get("distillation", {}).get("teacher") == teachers.get(model)
    measured = json.loads(shipped.MEASURED_FILE.read_bytes())[model]
    assert f"{measured['blimp']:.1%} | {measured['cloze']:.1%}" in prose


def test_knowing_what_is_shipped_loads_no_engine() -> None:
    code = "import sys, evaluation.demo.shipped; print([m for m in ('torch', 'transformers') if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
