"""Answers pass from run to run only where the same weights gave them under the same protocol."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evaluation.contract import Dtype, Engine, ModelSource, Protocol, RunSpec
from evaluation.runners import earlier
from evaluation.runners.journal import Journal

KEY = "0123456789abcdef" * 2
OTHER = "f" * 32


def make_spec(**changes: Any) -> RunSpec:
    model = ModelSource(name="org/model", revision="local", digest=changes.pop("digest", "a" * 64))
    fields: dict[str, Any] = {"tasks": ("arc_easy",), "engine": Engine.CAUSAL, "protocol": Protocol()}
    return RunSpec(model=model, **(fields | changes))


def finish(spec: RunSpec, folder: Path, output: Path, answers: dict[str, Any]) -> None:
    with Journal(output, spec.identity()) as journal:
        journal.record_answers(answers.items())
    earlier.collect(spec, folder, output)


def lent(spec: RunSpec, folder: Path, output: Path) -> dict[str, Any]:
    earlier.lend(spec, folder, output)
    return dict(earlier.read(output / earlier.LENT))


def test_another_suite_of_the_same_model_finds_the_answers(tmp_path: Path) -> None:
    finish(make_spec(), tmp_path / "stores", tmp_path / "one", {KEY: [-1.5, True]})
    changed = make_spec(tasks=("arc_easy", "blimp"), protocol=Protocol(limit=9))
    assert lent(changed, tmp_path / "stores", tmp_path / "two") == {KEY: [-1.5, True]}
    finish(changed, tmp_path / "stores", tmp_path / "two", {KEY: [-9.0, False], OTHER: [-2.0, False]})
    both = {KEY: [-1.5, True], OTHER: [-2.0, False]}
    assert lent(make_spec(), tmp_path / "stores", tmp_path / "three") == both, "the first answer stays"


@pytest.mark.parametrize(
    "other",
    [
        make_spec(digest="b" * 64),
        make_spec(engine=Engine.HARNESS),
        make_spec(protocol=Protocol(batch_size=1)),
        make_spec(protocol=Protocol(seed=7)),
        make_spec(protocol=Protocol(apply_chat_template=True)),
        make_spec(protocol=Protocol(dtype=Dtype.BFLOAT16)),
        make_spec(digest=None),
    ],
    ids=["weights", "engine", "batch", "seed", "chat", "bf16", "weights unknown"],
)
def test_nothing_else_finds_them(other: RunSpec, tmp_path: Path) -> None:
    finish(make_spec(), tmp_path / "stores", tmp_path / "one", {KEY: [-1.5, True]})
    assert lent(other, tmp_path / "stores", tmp_path / "two") == {}


def test_in_bf16_nothing_is_kept(tmp_path: Path) -> None:
    spec = make_spec(protocol=Protocol(dtype=Dtype.BFLOAT16))
    finish(spec, tmp_path / "stores", tmp_path / "one", {KEY: [-1.5, True]})
    assert not (tmp_path / "stores").exists()


def test_what_a_run_left_is_read_as_data(tmp_path: Path) -> None:
    journal = tmp_path / "out" / "journal"
    journal.mkdir(parents=True)
    good = json.dumps({"key": KEY, "answer": [-1.0, True]})
    bad = ["[1]", "{", json.dumps({"key": f"{KEY}.0.1", "answer": 1}), json.dumps({"key": OTHER}), "null"]
    (journal / "answers.jsonl").write_text("\n".join([*bad, good, '{"key": "torn']))
    assert dict(earlier.read(journal / "answers.jsonl")) == {KEY: [-1.0, True]}
    (journal / "link").symlink_to(journal / "answers.jsonl")
    assert dict(earlier.read(journal / "link")) == {}
    assert dict(earlier.read(tmp_path / "missing")) == {}


def test_the_oldest_stores_go_when_there_are_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(earlier, "MOST_STORES", 2)
    specs = [make_spec(digest=letter * 64) for letter in "abc"]
    for number, spec in enumerate(specs):
        finish(spec, tmp_path / "stores", tmp_path / str(number), {KEY: [-1.0, True]})
    assert len(list((tmp_path / "stores").iterdir())) == 2
    assert lent(specs[2], tmp_path / "stores", tmp_path / "again") == {KEY: [-1.0, True]}
