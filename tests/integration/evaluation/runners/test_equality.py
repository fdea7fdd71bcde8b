"""Scores equal what the ``lm-eval`` command prints for the same model, tasks and settings."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from evaluation import samples as samples_file
from evaluation.contract import RunReport

pytestmark = [pytest.mark.engine, pytest.mark.filterwarnings("ignore")]

MIRROR = Path(__file__).parents[3] / "data" / "datasets"
TASKS = ("blimp_adjunct_island", "arc_easy", "gsm8k_cot", "wikitext")
SCORE_TOLERANCE = 1e-6
LOGLIKELIHOOD_TOLERANCE = 1e-3
ROLLING_TOLERANCE = 1e-5
"""Relative, for metrics of whole texts: windows are batched per text here, over all texts there."""


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The carried slices, and a data set of whole texts made of them under the name that the harness asks for."""
    folder = tmp_path_factory.mktemp("mirror") / "datasets"
    shutil.copytree(MIRROR, folder)
    texts = folder / "EleutherAI" / "wikitext_document_level"
    texts.mkdir(parents=True)
    questions = [
        json.loads(line)["question"]
        for line in (folder / "openai/gsm8k/main/test.jsonl").read_text().splitlines()
    ]
    lines = "".join(
        json.dumps({"page": f" = Page {n} = \n {question * 3}"}) + "\n"
        for n, question in enumerate(questions)
    )
    for split in ("train", "validation", "test"):
        (texts / f"{split}.jsonl").write_text(lines)
    (texts / "README.md").write_text(
        "---\nconfigs:\n- config_name: wikitext-2-raw-v1\n  data_files:\n"
        + "".join(
            f"  - split: {split}\n    path: {split}.jsonl\n" for split in ("train", "validation", "test")
        )
        + "---\n"
    )
    return folder


@pytest.fixture(scope="module")
def command_output(causal_model: Path, mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the command itself leaves in its output folder. It runs in the mirror, where names are folders."""
    output = tmp_path_factory.mktemp("lm-eval")
    words = [
        sys.executable, "-m", "lm_eval", "run", "--model", "hf", "--model_args",
        f"pretrained={causal_model},dtype=float32,softmax_dtype=float32", "--tasks", ",".join(TASKS),
        "--batch_size", "4", "--device", "cpu", "--seed", "1234", "--num_fewshot", "1", "--limit", "5",
        "--log_samples", "--output_path", str(output),
    ]  # fmt: skip
    environment = {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "HF_DATASETS_CACHE": str(output / "cache"),
        "OMP_NUM_THREADS": "1",
    }
    subprocess.run(words, cwd=mirror, env=environment, check=True, capture_output=True, timeout=280)
    return output


@pytest.fixture(scope="module")
def ours(
    causal_model: Path, mirror: Path, engine_environment: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[RunReport, Path]:
    """What our runner leaves for the same."""
    from evaluation.contract import Engine, ModelSource, Protocol, RunSpec
    from evaluation.runners.base import Context
    from evaluation.runners.harness import HarnessRunner

    output = tmp_path_factory.mktemp("ours")
    spec = RunSpec(
        model=ModelSource(name="tiny/causal", revision="local"),
        tasks=TASKS,
        protocol=Protocol(num_fewshot=1, limit=5, batch_size=4),
        engine=Engine.HARNESS,
    )
    context = Context(output=output, model=causal_model, datasets=mirror, cache=engine_environment)
    return HarnessRunner().run(spec, context), output


def results_of(folder: Path) -> dict[str, Any]:
    (path,) = folder.glob("**/results_*.json")
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def samples_of(folder: Path, task: str) -> list[dict[str, Any]]:
    (path,) = folder.glob(f"**/samples_{task}_*.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_metric_is_the_one_that_the_command_prints(
    command_output: Path, ours: tuple[RunReport, Path]
) -> None:
    printed = results_of(command_output)["results"]
    for result in ours[0].results:
        tolerance = (
            {"rel": ROLLING_TOLERANCE}
            if result.output_type == "loglikelihood_rolling"
            else {"abs": SCORE_TOLERANCE}
        )
        for key, score in result.metrics.items():
            assert score.value == pytest.approx(printed[result.task][key], **tolerance), (result.task, key)
        metric, _, filter_name = f"{result.metric},{result.filter}".partition(",")
        stderr = printed[result.task][f"{metric}_stderr,{filter_name}"]
        if isinstance(stderr, float) and result.aggregation == "mean":
            assert result.score.stderr == pytest.approx(stderr, abs=SCORE_TOLERANCE)


def test_documents_prompts_and_targets_are_the_same(
    command_output: Path, ours: tuple[RunReport, Path]
) -> None:
    printed = results_of(command_output)
    for result in ours[0].results:
        assert result.task_hash == printed["task_hashes"][result.task]
        assert result.task_version == str(printed["versions"][result.task])
        assert result.num_fewshot == printed["n-shot"][result.task]


@pytest.mark.parametrize("task", ["blimp_adjunct_island", "arc_easy"])
def test_log_likelihoods_are_the_same_sample_by_sample(
    command_output: Path, ours: tuple[RunReport, Path], task: str
) -> None:
    theirs = samples_of(command_output, task)
    mine = [sample for sample in samples_file.read(ours[1] / "samples.parquet") if sample.task == task]
    assert len(mine) == len(theirs) == 5
    for sample, row in zip(mine, theirs, strict=True):
        values = [float(response[0][0]) for response in row["resps"]]
        assert sample.loglikelihoods == pytest.approx(values, abs=LOGLIKELIHOOD_TOLERANCE)
        assert sample.score == row["acc"]
        assert sample.doc_hash == row["doc_hash"]
        assert sample.prompt == row["arguments"]["gen_args_0"]["arg_0"]


def test_generated_texts_are_the_same(command_output: Path, ours: tuple[RunReport, Path]) -> None:
    theirs = [row for row in samples_of(command_output, "gsm8k_cot") if row["filter"] == "strict-match"]
    mine = [sample for sample in samples_file.read(ours[1] / "samples.parquet") if sample.task == "gsm8k_cot"]
    assert [sample.response for sample in mine] == [row["resps"][0][0] for row in theirs]
    assert [sample.answer for sample in mine] == [row["filtered_resps"][0] for row in theirs]


def test_the_command_that_is_shown_is_the_command_that_was_run(ours: tuple[RunReport, Path]) -> None:
    assert ours[0].reproduce is not None
    words = shlex.split(ours[0].reproduce)
    for name, value in (
        ("--tasks", ",".join(TASKS)),
        ("--num_fewshot", "1"),
        ("--limit", "5"),
        ("--seed", "1234"),
    ):
        assert words[words.index(name) + 1] == value
