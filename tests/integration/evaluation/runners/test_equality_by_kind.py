"""Scores and samples equal those of the ``lm-eval`` command for every kind of model that the harness runs itself.

An encoder-decoder, a chat model with its template applied, and a GGUF file. The command's own entry is called for
each in one process, as three calls from a shell would, so that libraries are imported and tasks are indexed once.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from evaluation import samples as samples_file
from evaluation.contract import Engine, ModelSource, Protocol, RunReport, RunSpec, WeightsFormat
from evaluation.runners.base import Context
from tests.factories import language_models

pytestmark = [pytest.mark.engine, pytest.mark.filterwarnings("ignore")]

MIRROR = Path(__file__).parents[3] / "data" / "datasets"
TURN = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
TEMPLATE = TURN + "{% if add_generation_prompt %}<a>{% endif %}"
TASKS = ("blimp_adjunct_island", "arc_easy")
LIMIT = 4
FILE = "tiny.F32.gguf"


class Kind(NamedTuple):
    """A model, the command's words beyond the usual, and the file of it that is loaded."""

    folder: Path
    words: tuple[str, ...] = ()
    gguf_file: str | None = None


@pytest.fixture(scope="module")
def kinds(causal_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Kind]:
    made = tmp_path_factory.mktemp("kinds")
    return {
        "sequence": Kind(language_models.make_seq2seq(made / "sequence")),
        "chat": Kind(
            language_models.make_causal(made / "chat", chat_template=TEMPLATE), ("--apply_chat_template",)
        ),
        "gguf": Kind(language_models.make_gguf(causal_model, made / "gguf"), gguf_file=FILE),
    }


@pytest.fixture(scope="module")
def printed(kinds: dict[str, Kind], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the command leaves: a folder for each kind. It runs in the mirror, where names are folders."""
    output = tmp_path_factory.mktemp("lm-eval")
    calls = [_words(kind, output / name) for name, kind in kinds.items()]
    code = (
        "import json, sys\nimport lm_eval.tasks as tasks\nfrom lm_eval.__main__ import cli_evaluate\n"
        "once = tasks.TaskManager()\ntasks.TaskManager = lambda *_, **__: once\n"
        "for words in json.loads(sys.argv[1]):\n    sys.argv = words\n    cli_evaluate()\n"
    )
    environment = {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "HF_DATASETS_CACHE": str(output / "cache"),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-c", code, json.dumps(calls)]
    done = subprocess.run(
        command, cwd=MIRROR, env=environment, check=False, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return output


def _words(kind: Kind, output: Path) -> list[str]:
    arguments = f"pretrained={kind.folder},dtype=float32,softmax_dtype=float32"
    if kind.gguf_file is not None:
        arguments += f",gguf_file={kind.gguf_file}"
    return [
        "lm-eval", "run", "--model", "hf", "--model_args", arguments, "--tasks", ",".join(TASKS),
        "--batch_size", "4", "--device", "cpu", "--seed", "1234", "--limit", str(LIMIT), "--log_samples",
        "--output_path", str(output), *kind.words,
    ]  # fmt: skip


def ours(kind: Kind, output: Path, cache: Path) -> RunReport:
    from evaluation.runners.harness import HarnessRunner

    format_ = WeightsFormat.SAFETENSORS if kind.gguf_file is None else WeightsFormat.GGUF
    source = ModelSource(
        name="tiny/model", revision="local", weights_format=format_, gguf_file=kind.gguf_file
    )
    spec = RunSpec(
        model=source,
        tasks=TASKS,
        protocol=Protocol(limit=LIMIT, batch_size=4, apply_chat_template=bool(kind.words)),
        engine=Engine.HARNESS,
    )
    context = Context(output=output, model=kind.folder, datasets=MIRROR, cache=cache)
    return HarnessRunner().run(spec, context)


def command_samples(folder: Path, task: str) -> list[dict[str, Any]]:
    (path,) = folder.glob(f"**/samples_{task}_*.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("name", ["sequence", "chat", "gguf"])
def test_every_kind_scores_as_the_command_does(
    kinds: dict[str, Kind], printed: Path, engine_environment: Path, tmp_path: Path, name: str
) -> None:
    report = ours(kinds[name], tmp_path, engine_environment)
    (path,) = (printed / name).glob("**/results_*.json")
    results = json.loads(path.read_text())
    mine = list(samples_file.read(tmp_path / "samples.parquet"))
    assert len(report.results) == len(TASKS)
    for result in report.results:
        for key, score in result.metrics.items():
            assert score.value == pytest.approx(results["results"][result.task][key], abs=1e-6), key
        assert result.task_hash == results["task_hashes"][result.task]
        theirs = command_samples(printed / name, result.task)
        rows = [sample for sample in mine if sample.task == result.task]
        assert len(rows) == len(theirs) == LIMIT
        for sample, row in zip(rows, theirs, strict=True):
            values = [float(response[0][0]) for response in row["resps"]]
            assert sample.loglikelihoods == pytest.approx(values, abs=1e-3)
            assert (sample.score, sample.doc_hash) == (row["acc"], row["doc_hash"])
            assert sample.prompt == row["arguments"]["gen_args_0"]["arg_0"]
            assert (name == "chat") == ("<user>" in sample.prompt)
