"""Answers that are drawn: n asked is n drawn, draws repeat by seed, and cut answers are counted and refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from evaluation import samples as samples_file
from evaluation.contract import ModelSource, Protocol, RunReport, RunSpec, SuiteRef
from evaluation.runners.base import RunFailed
from tests.factories import language_models

pytestmark = [pytest.mark.engine, pytest.mark.filterwarnings("ignore")]

Run = Callable[..., RunReport]
MIRROR = Path(__file__).parents[3] / "data" / "datasets"


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """GSM8K with as many rows as the suite's list of items needs, made of the six that are carried."""
    folder = tmp_path_factory.mktemp("mirror") / "datasets"
    shutil.copytree(MIRROR, folder)
    path = folder / "openai/gsm8k/main/test.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    many = [
        {**rows[n % len(rows)], "question": f"{n}: {rows[n % len(rows)]['question']}"} for n in range(600)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in many))
    return folder


@pytest.fixture(scope="module")
def talker(engine_environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return language_models.make_talker(tmp_path_factory.mktemp("talker"), ends=True)


def spec(limit: int = 2, seed: int = 1234, batch_size: int = 2) -> RunSpec:
    return RunSpec(
        model=ModelSource(name="tiny/talker", revision="local"),
        suite=SuiteRef(name="reasoning-quick", version="1"),
        tasks=("gsm8k_drawn",),
        protocol=Protocol(limit=limit, seed=seed, batch_size=batch_size),
    )


def rows(folder: Path) -> list[samples_file.Sample]:
    return list(samples_file.read(folder / "samples.parquet"))


def test_every_document_has_as_many_answers_as_were_asked_for(
    run: Run, talker: Path, mirror: Path, tmp_path: Path
) -> None:
    report = run(talker, spec=spec(), datasets=mirror)
    (result,) = report.results
    assert (result.n, result.draws, result.metric) == (8, 4, "exact_match")
    assert result.truncated == 0.0
    samples = rows(tmp_path / "out")
    assert [(sample.doc_id, sample.draw) for sample in samples] == [
        (doc, draw) for draw in range(4) for doc in sorted({sample.doc_id for sample in samples})
    ]
    assert all(sample.tokens and not sample.truncated for sample in samples)
    assert all(sample.prompt.startswith("<user>") and "boxed" in sample.prompt for sample in samples)
    assert len({sample.response for sample in samples}) > 1
    assert result.score.value == sum(sample.score for sample in samples) / 8


def test_draws_depend_on_the_seed_and_on_nothing_else(
    run: Run, talker: Path, mirror: Path, tmp_path: Path
) -> None:
    texts = {}
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run(talker, spec=spec(seed=seed), datasets=mirror, output=tmp_path / name)
        texts[name] = [sample.response for sample in rows(tmp_path / name)]
    assert texts["a"] == texts["b"]
    assert texts["a"] != texts["c"]


def test_draws_that_were_cut_short_are_drawn_alike_when_resumed(
    run: Run, talker: Path, mirror: Path, tmp_path: Path
) -> None:
    whole = run(talker, spec=spec(), datasets=mirror)
    journal = tmp_path / "out" / "journal"
    (journal / "results.jsonl").write_text("")
    answers = (journal / "answers.jsonl").read_text().splitlines(keepends=True)
    (journal / "answers.jsonl").write_text("".join(answers[:5]))
    resumed = run(talker, spec=spec(), datasets=mirror)
    assert resumed.samples == whole.samples


def test_answers_that_never_end_are_counted_and_their_score_refused(
    run: Run, engine_environment: Path, mirror: Path, tmp_path: Path
) -> None:
    endless = language_models.make_talker(tmp_path / "endless", ends=False)
    with pytest.raises(RunFailed) as caught:
        run(endless, spec=spec(limit=1, batch_size=1), datasets=mirror)
    assert caught.value.failure.code == "answers_truncated"
    assert "at least 25.0%" in caught.value.failure.message


def test_greedy_answers_are_counted_too(run: Run, talker: Path, mirror: Path, tmp_path: Path) -> None:
    report = run(talker, "gsm8k_cot", limit=3, batch_size=3, datasets=mirror)
    samples = rows(tmp_path / "out")
    assert report.results[0].truncated == sum(bool(sample.truncated) for sample in samples) / 3
    assert all(sample.tokens is not None for sample in samples)
