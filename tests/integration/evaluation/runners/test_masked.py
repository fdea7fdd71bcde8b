"""The engine for masked models: batched equals one by one, and the method is the one of the papers."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evaluation import samples as samples_file
from evaluation.contract import Engine, RunReport
from evaluation.demo import shipped
from evaluation.runners.base import RunFailed
from evaluation.suites import loader
from tests.factories import language_models

pytestmark = [pytest.mark.engine, pytest.mark.filterwarnings("ignore")]

REQUESTS = [
    ("", " The old horse went slowly down the lane."),
    ("The children who had waited", " by the gate ran after it."),
    ("Nobody had told them that the farmer was", " coming back"),
    ("", " unanswerable questionings"),
    ("Question: which animal lays eggs? Answer:", " the hen."),
]


def instances(requests: list[tuple[str, str]] = REQUESTS) -> list[Any]:
    from lm_eval.api.instance import Instance

    return [
        Instance("loglikelihood", {}, request, 0, metadata=("task", number, 1))
        for number, request in enumerate(requests)
    ]


def load(folder: Path, metric: str = "pll_word_l2r", batch_size: int = 4) -> Any:
    from evaluation.runners.models.masked import MaskedLM, Metric

    return MaskedLM(str(folder), "float32", batch_size, "cpu", metric=Metric(metric))


def one_by_one(model: Any, context: str, continuation: str, metric: str) -> float:
    """The definition, written down plainly: one forward pass a token, full logits, no padding."""
    import torch

    text = (context + continuation).lstrip()
    boundary = len(context) - (len(context + continuation) - len(text))
    encoded = model.tokenizer(text, return_offsets_mapping=True, return_tensors="pt")
    tokens, words = encoded["input_ids"][0], encoded.word_ids()
    total = 0.0
    for place, word in enumerate(words):
        if word is None or int(encoded["offset_mapping"][0][place][1]) <= boundary:
            continue
        masked = tokens.clone()
        masked[place] = model.tokenizer.mask_token_id
        for other, its_word in enumerate(words):
            same = its_word == word and other != place
            if same and ((metric == "pll_word_l2r" and other > place) or metric == "pll_whole_word"):
                masked[other] = model.tokenizer.mask_token_id
        with torch.no_grad():
            logits = model.model(masked[None]).logits[0, place]
        total += float(torch.log_softmax(logits, -1)[tokens[place]])
    return total


@pytest.fixture(scope="module", params=["bert", "distilbert"])
def model_folder(
    request: pytest.FixtureRequest, engine_environment: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return language_models.make_masked(tmp_path_factory.mktemp("masked"), kind=request.param)


@pytest.mark.parametrize("metric", ["pll", "pll_word_l2r", "pll_whole_word"])
def test_batched_scores_are_those_of_one_pass_a_token(model_folder: Path, metric: str) -> None:
    model = load(model_folder, metric)
    answers = model.loglikelihood(instances())
    expected = [one_by_one(model, *request, metric) for request in REQUESTS]
    assert [value for value, _ in answers] == pytest.approx(expected, abs=1e-4)


@pytest.fixture(scope="module", params=[shipped.MASKED_STUDENT, shipped.MASKED_TEACHER])
def shipped_folder(request: pytest.FixtureRequest, engine_environment: Path) -> Path:
    return shipped.model_directory(request.param)


def shipped_requests() -> list[tuple[str, str]]:
    """A few of the texts that the demonstration suite puts to the pair."""
    folder = Path(loader.__file__).parent / "demo"
    pairs = [json.loads(line) for line in (folder / "blimp.jsonl").read_text().splitlines()[::700]]
    cloze = [json.loads(line) for line in (folder / "cloze.jsonl").read_text().splitlines()[:1]]
    sentences = [("", f" {row[name]}") for row in pairs for name in ("sentence_good", "sentence_bad")]
    return [*sentences, *((row["context"], f" {choice}") for row in cloze for choice in row["choices"][:2])]


@pytest.mark.parametrize("metric", ["pll", "pll_word_l2r"])
def test_the_shipped_pair_scores_as_one_pass_a_token_does(shipped_folder: Path, metric: str) -> None:
    model = load(shipped_folder, metric)
    requests = shipped_requests()
    expected = [one_by_one(model, *request, metric) for request in requests]
    assert [value for value, _ in model.loglikelihood(instances(requests))] == pytest.approx(
        expected, abs=1e-4
    )


def test_the_head_runs_on_masked_rows_alone(model_folder: Path) -> None:
    model = load(model_folder)
    assert "masked rows" in model.served_by
    fast = [value for value, _ in model.loglikelihood(instances())]
    model.head = None
    assert fast == pytest.approx([value for value, _ in model.loglikelihood(instances())], abs=1e-4)


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_neither_batch_nor_order_nor_company_moves_a_score(model_folder: Path, batch_size: int) -> None:
    alone = [load(model_folder).loglikelihood(instances([request]))[0][0] for request in REQUESTS]
    model = load(model_folder, batch_size=batch_size)
    together = [value for value, _ in model.loglikelihood(instances())]
    turned = [value for value, _ in model.loglikelihood(instances(REQUESTS[::-1]))][::-1]
    assert together == pytest.approx(alone, abs=1e-4)
    assert turned == pytest.approx(alone, abs=1e-4)


def test_words_of_one_piece_score_alike_under_every_metric(model_folder: Path) -> None:
    model = load(model_folder)
    pieces = model.tokenizer.tokenize("the horse ran")
    assert len(pieces) == 3
    values = [
        load(model_folder, metric).loglikelihood(instances([("", " the horse ran")]))[0][0]
        for metric in ("pll", "pll_word_l2r", "pll_whole_word")
    ]
    assert values == pytest.approx([values[0]] * 3, abs=1e-5)


def test_words_of_many_pieces_do_not(model_folder: Path) -> None:
    values = [
        load(model_folder, metric).loglikelihood(instances([("", " unanswerable questionings")]))[0][0]
        for metric in ("pll", "pll_word_l2r", "pll_whole_word")
    ]
    assert len({round(value, 4) for value in values}) == 3


def test_only_the_continuation_is_scored(model_folder: Path) -> None:
    model = load(model_folder)
    copies = model._copies(0, "The children who had", " waited")
    assert {copy.target for copy in copies} == set(
        model.tokenizer(" waited", add_special_tokens=False)["input_ids"]
    )
    assert all(len(copy.tokens) == len(copies[0].tokens) for copy in copies)


def test_a_text_that_is_too_long_is_refused_and_not_cut(model_folder: Path) -> None:
    with pytest.raises(RunFailed) as caught:
        load(model_folder).loglikelihood(instances([("", " the horse" * 100)]))
    assert caught.value.failure.code == "text_too_long"


def test_a_tokenizer_that_adds_no_special_tokens_is_refused(model_folder: Path, tmp_path: Path) -> None:
    import shutil

    broken = tmp_path / "broken"
    shutil.copytree(model_folder, broken)
    document = json.loads((broken / "tokenizer.json").read_text())
    document["post_processor"] = None
    (broken / "tokenizer.json").write_text(json.dumps(document))
    config = json.loads((broken / "tokenizer_config.json").read_text())
    config["tokenizer_class"] = "PreTrainedTokenizerFast"
    (broken / "tokenizer_config.json").write_text(json.dumps(config))
    with pytest.raises(RunFailed) as caught:
        load(broken)
    assert caught.value.failure.code == "tokenizer_unreadable"


def test_a_masked_model_runs_multiple_choice_tasks_under_its_own_name(
    run: Callable[..., RunReport], masked_model: Path, tmp_path: Path
) -> None:
    report = run(masked_model, "blimp_adjunct_island", limit=6, engine=Engine.AUTO)
    assert report.engine is not None
    assert report.engine.engine is Engine.MASKED
    assert "pll_word_l2r" in report.engine.served_by
    assert "pll_word_l2r" in report.engine.engine_version
    assert report.results[0].task_version.endswith("+pll_word_l2r")
    assert report.reproduce is None
    samples = list(samples_file.read(tmp_path / "out" / "samples.parquet"))
    assert all(len(sample.loglikelihoods) == 2 for sample in samples)


@pytest.mark.parametrize("task", ["gsm8k_cot", "demo_text"])
def test_tasks_that_do_not_apply_to_masked_models_say_so(
    run: Callable[..., RunReport], masked_model: Path, task: str
) -> None:
    with pytest.raises(RunFailed) as caught:
        run(masked_model, task, limit=1, engine=Engine.AUTO)
    assert caught.value.failure.code == "task_not_applicable"


def weights_of(model: str) -> Path:
    """The folder of a published model, or a skip that says what is missing."""
    folder = Path(os.environ.get("ZOO_MODELS_DIR", "/nowhere")) / model
    if not folder.is_dir():
        pytest.skip(f"needs {model} in ZOO_MODELS_DIR")
    return folder


@pytest.mark.weights
def test_published_values_of_bert_base_uncased() -> None:
    """Surprisals in the README of minicons for this model under the plain pseudo-log-likelihood."""
    folder = weights_of("google-bert/bert-base-uncased")
    sentences = ["The keys to the cabinet are on the table.", "The keys to the cabinet is on the table."]
    answers = load(folder, "pll").loglikelihood(instances([("", f" {sentence}") for sentence in sentences]))
    assert [-value for value, _ in answers] == pytest.approx([13.962685585, 23.415111542], abs=1e-3)


@pytest.mark.weights
def test_published_values_of_bert_base_cased() -> None:
    """The score of "Hello world!" and of each of its tokens in the README of mlm-scoring.

    What stands in the context is seen and not scored, so the last token, the last two and all three can be asked for.
    """
    model = load(weights_of("google-bert/bert-base-cased"), "pll")
    asked = [("Hello world", "!"), ("Hello", " world!"), ("", " Hello world!")]
    values = [value for value, _ in model.loglikelihood(instances(asked))]
    assert values == pytest.approx([-0.782515, -0.782515 - 5.501412, -12.410664], abs=1e-3)


@pytest.mark.weights
def test_published_share_of_blimp_of_roberta_large() -> None:
    """86.5 % of BLiMP in mlm-scoring, here on the 2,010 carried pairs: within twice their standard error."""
    rows = [
        json.loads(line)
        for line in (Path(loader.__file__).parent / "demo" / "blimp.jsonl").read_text().splitlines()
    ]
    model = load(weights_of("FacebookAI/roberta-large"), "pll", batch_size=16)
    asked = [("", f" {row[name]}") for row in rows for name in ("sentence_good", "sentence_bad")]
    values = [value for value, _ in model.loglikelihood(instances(asked))]
    right = [good > bad for good, bad in zip(values[::2], values[1::2], strict=True)]
    assert sum(right) / len(right) == pytest.approx(0.865, abs=0.016)
