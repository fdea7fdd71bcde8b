"""What somebody types becomes one immutable model, or a reason: mirror and hub, the hub with its moods."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.cache import cache
from pytest_django import Settings

from tests.factories.hub import COMMIT, Hub, HubRepo, running_hub
from tests.factories.model_files import make_config, make_folder, make_safetensors
from zoo.cli.broker import free_port
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
        ("acme/good@main; rm", "bad_revision"),
        ("acme/../good", "bad_model_id"),
        ("good", "bad_model_id"),
    ],
)
def test_what_cannot_be_run_says_why(hub: Hub, reference: str, code: str) -> None:
    with pytest.raises(Unresolved) as caught:
        resolve(reference)
    assert caught.value.code == code


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
