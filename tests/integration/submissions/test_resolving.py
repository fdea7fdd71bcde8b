"""What somebody types becomes one immutable model, or a reason: mirror and hub, the hub with its moods."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.cache import cache
from pytest_django import Settings

from evaluation.contract import RunSpec
from tests.factories.hub import COMMIT, Hub, HubRepo, running_hub
from tests.factories.model_files import make_config, make_folder, make_gguf, make_safetensors
from tests.factories.runs import NOW
from zoo.cli.broker import free_port
from zoo.submissions.preflight import preflight
from zoo.submissions.requests import read_request
from zoo.submissions.resolving import Unresolved, resolve

pytestmark = pytest.mark.django_db

GOOD = {
    "config.json": make_config(),
    "model.safetensors": make_safetensors(),
    "tokenizer.json": b"{}",
    "pytorch_model.bin": b"pickle",
}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    repos = {
        "acme/good": HubRepo(GOOD),
        "acme/gated": HubRepo(GOOD, gated=True),
        "acme/moved": HubRepo(GOOD, moved_to="acme/good"),
        "acme/quantized": HubRepo({"Q4.gguf": make_gguf(), "Q8.gguf": make_gguf()}),
        "acme/pickle": HubRepo({"config.json": make_config(), "pytorch_model.bin": b"x"}),
    }
    with running_hub(repos) as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        monkeypatch.setenv("HF_HUB_OFFLINE", "")
        yield running


def test_a_branch_of_the_hub_is_resolved_to_its_commit(hub: Hub) -> None:
    found = resolve("acme/good")
    assert found.source.revision == COMMIT
    assert found.total_bytes
    assert found.skipped == ("pytorch_model.bin",)
    assert not found.trusted
    assert len(hub.asked) == 1, "one question is enough"


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ("acme/missing", "unknown_model"),
        ("acme/moved", "model_moved"),
        ("acme/pickle", "weights_not_safetensors"),
        ("acme/quantized", "gguf_ambiguous"),
        ("acme/good@main; rm", "bad_revision"),
        ("acme/../good", "bad_model_id"),
        ("good", "bad_model_id"),
    ],
)
def test_what_cannot_be_run_says_why(hub: Hub, reference: str, code: str) -> None:
    with pytest.raises(Unresolved) as caught:
        resolve(reference)
    assert caught.value.code == code


def test_the_named_gguf_file_is_part_of_what_is_measured(hub: Hub) -> None:
    first, second = (resolve("acme/quantized", name).source for name in ("Q4.gguf", "Q8.gguf"))
    assert (first.revision, first.gguf_file) == (COMMIT, "Q4.gguf")
    assert RunSpec(model=first, tasks=("t",)).identity() != RunSpec(model=second, tasks=("t",)).identity()


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"student": "acme/quantized"}, "gguf_file"),
        ({"student": "acme/quantized", "gguf_file": "Q5.gguf"}, "gguf_file"),
        ({"student": "acme/good", "gguf_file": "Q4.gguf"}, "gguf_file"),
        ({"student": "acme/good", "teacher": "acme/quantized"}, "teacher_gguf_file"),
        ({"student": "acme/good", "teacher_gguf_file": "Q4.gguf"}, "teacher"),
    ],
)
def test_a_choice_of_file_that_is_missing_or_wrong_is_named(
    hub: Hub, given: dict[str, object], field: str
) -> None:
    answer = preflight(read_request({**given, "suite": "demo"}), now=NOW)
    assert [finding.field for finding in answer.failures] == [field]
    if field.endswith("gguf_file") and "quantized" in str(given):
        failure = answer.failures[0]
        assert field in failure.remedy or "Q4.gguf" in failure.remedy


def test_two_files_of_one_repository_are_student_and_teacher(hub: Hub) -> None:
    given = {
        "student": "acme/quantized",
        "teacher": "acme/quantized",
        "gguf_file": "Q4.gguf",
        "suite": "demo",
    }
    same = preflight(read_request(given | {"teacher_gguf_file": "Q4.gguf"}), now=NOW)
    assert [finding.code for finding in same.failures] == ["same_model"]
    answer = preflight(read_request(given | {"teacher_gguf_file": "Q8.gguf"}), now=NOW)
    assert answer.ok
    assert any("Q8.gguf" in finding.message for finding in answer.findings)


def test_a_gated_model_is_found_and_marked(hub: Hub) -> None:
    assert resolve("acme/gated").gated


def test_a_hub_that_is_away_is_no_fault_of_the_submitter(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(Unresolved) as caught:
        resolve("acme/good")
    assert caught.value.code == "hub_unavailable"


def test_the_mirror_comes_before_the_hub_and_is_named_by_its_content(
    hub: Hub, tmp_path: Path, settings: Settings
) -> None:
    cache.clear()
    settings.ZOO_MODELS_DIR = tmp_path
    folder = make_folder(tmp_path / "acme" / "good")
    first = resolve("acme/good")
    assert hub.asked == []
    assert first.source.digest == first.source.revision
    assert first.parameters
    (folder / "README.md").write_text("mended")
    assert resolve("acme/good").source == first.source
    (folder / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes() + b" ")
    assert resolve("acme/good").source != first.source
