"""Intake as a process of its own: started, watched, ended, and what it gives goes to a run."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from evaluation import isolation
from evaluation.contract import ModelSource, Progress
from evaluation.formats.intake import IntakeSpec
from evaluation.isolation import Limits
from tests.factories.hub import COMMIT, HubRepo, running_hub
from tests.factories.model_files import TOKENIZER, as_json, make_config, make_folder, make_safetensors

GOOD = {
    "config.json": make_config(),
    "model.safetensors": make_safetensors(),
    "tokenizer.json": as_json(TOKENIZER),
    "tokenizer_config.json": as_json({"chat_template": "{% for m in messages %}{{ m.content }}{% endfor %}"}),
}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    for path, folders, _ in os.walk(tmp_path / "cache"):
        for name in folders:
            os.chmod(os.path.join(path, name), 0o700)


def spec_of(place: Path, **source: object) -> IntakeSpec:
    made = ModelSource.model_validate({"name": "org/student", "revision": COMMIT, **source})
    return IntakeSpec(source=made, cache_dir=str(place / "cache"))


def test_a_model_comes_from_the_hub_with_its_probes(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Progress] = []
    with running_hub({"org/student": HubRepo(GOOD)}) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("HF_TOKEN", "hf_of_the_zoo")
        fetch = isolation.start_fetch(spec_of(place), out_dir=place / "out", on_progress=told.append)
        report = fetch.wait(60)
    assert report.failure is None, fetch.last_words(2000)
    assert report.notes == ()
    assert report.source.directory is not None
    assert report.facts is not None
    assert report.facts.has_chat_template
    assert set(hub.tokens) == {"Bearer hf_of_the_zoo"}
    assert told


def test_a_hostile_template_is_refused_there(place: Path) -> None:
    config = {
        "tokenizer_config.json": as_json({"chat_template": "{{ ''.__class__.__mro__[1].__subclasses__() }}"})
    }
    folder = make_folder(place / "model", config)
    report = isolation.start_fetch(spec_of(place, directory=str(folder)), out_dir=place / "out").wait(60)
    assert report.failure is not None
    assert report.failure.code == "bad_template"


def test_a_fetch_that_stands_still_is_ended(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        limits = Limits(stall_seconds=2)
        report = isolation.start_fetch(spec_of(place), out_dir=place / "out", limits=limits).wait(30)
    assert report.failure is not None
    assert report.failure.code == "stalled"


def test_a_killed_fetch_says_so(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_hub({"org/student": HubRepo(GOOD, endless=frozenset({"model.safetensors"}), sizes={
        "model.safetensors": 50 << 30})}) as hub:  # fmt: skip
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        fetch = isolation.start_fetch(spec_of(place), out_dir=place / "out")
        end = time.monotonic() + 30
        while fetch.poll() is None and time.monotonic() < end:
            if fetch.progress is not None and fetch.progress.message == "model.safetensors":
                break
            time.sleep(0.02)
        fetch.kill()
        report = fetch.wait(10)
    assert report.failure is not None
    assert report.failure.code in {"cancelled", "disk_full"}
