"""A pair job on real (tiny, random) models: speed, fidelity, similarity and drafting, and what cannot be had."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluation.contract import ModelSource, PairMeasure, PairReport, PairSpec
from evaluation.runners.base import Context, RunFailed

pytestmark = [pytest.mark.engine, pytest.mark.filterwarnings("ignore")]

torch = pytest.importorskip("torch")


def tokenizer(extra: str = "") -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    special = ["<s>", "</s>", "<pad>", "<mask>", *([extra] if extra else [])]
    words = [*special, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    base = Tokenizer(models.BPE(vocab={word: number for number, word in enumerate(words)}, merges=[]))
    base.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    base.decoder = decoders.ByteLevel()
    named = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "mask_token": "<mask>"}
    return PreTrainedTokenizerFast(tokenizer_object=base, **named)


def save(folder: Path, kind: str, layers: int, extra: str = "") -> Path:
    import transformers as hf

    tokens = tokenizer(extra)
    shape = {"vocab_size": len(tokens), "hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4}
    common = {**shape, "max_position_embeddings": 128, "num_hidden_layers": layers}
    torch.manual_seed(layers)
    if kind == "causal":
        ends = {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2}
        model = hf.LlamaForCausalLM(hf.LlamaConfig(**common, **ends))
    else:
        model = hf.BertForMaskedLM(hf.BertConfig(**common, pad_token_id=2))
    model.save_pretrained(folder)
    tokens.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("models")
    return {
        "causal-2": save(root / "causal-2", "causal", 2),
        "causal-4": save(root / "causal-4", "causal", 4),
        "other-words": save(root / "other-words", "causal", 2, extra="<extra>"),
        "masked-2": save(root / "masked-2", "masked", 2),
        "masked-4": save(root / "masked-4", "masked", 4),
    }


def measure(models: dict[str, Path], student: str, teacher: str, output: Path) -> PairReport:
    from evaluation.runners.pair import PairMeasurer

    spec = PairSpec(
        student=ModelSource(name=f"test/{student}", revision="1"),
        teacher=ModelSource(name=f"test/{teacher}", revision="1"),
        measures=tuple(PairMeasure),
        batch_size=2,
    )
    return PairMeasurer().run(spec, Context(output=output, model=models[student], teacher=models[teacher]))


def test_a_model_beside_itself_differs_in_nothing(models: dict[str, Path], tmp_path: Path) -> None:
    report = measure(models, "causal-2", "causal-2", tmp_path)
    assert report.fidelity and report.similarity and report.efficiency and report.speculation
    assert report.fidelity["kl"]["value"] == pytest.approx(0, abs=1e-6)
    assert report.fidelity["top1"]["value"] == 1
    assert report.fidelity["acceptance"]["value"] == pytest.approx(1, abs=1e-6)
    assert np.diag(report.similarity["cka"]) == pytest.approx(1)
    assert report.efficiency["parameter_share"] == 1
    assert report.speculation["same_text"] == report.speculation["prompts"]
    assert report.speculation["acceptance"]["value"] > 0.75


def test_half_the_layers_are_cheaper_and_not_the_same(models: dict[str, Path], tmp_path: Path) -> None:
    report = measure(models, "causal-2", "causal-4", tmp_path)
    assert report.fidelity and report.similarity and report.efficiency
    assert report.fidelity["kl"]["value"] > 0
    assert [row["temperature"] for row in report.fidelity["by_temperature"]] == [1.0, 2.0, 4.0]
    assert (len(report.similarity["cka"]), len(report.similarity["cka"][0])) == (3, 5)
    assert report.efficiency["compute_share"] < 1
    # How much quicker is the machine's business; that both were timed, alternating, is ours.
    assert report.efficiency["decode"]["rounds"] > 1
    assert "value" in report.efficiency["decode"]["speed_up"]


def test_masked_models_are_compared_where_they_are_masked(models: dict[str, Path], tmp_path: Path) -> None:
    report = measure(models, "masked-2", "masked-4", tmp_path)
    assert report.fidelity and report.efficiency and report.speculation
    assert report.fidelity["compared"].startswith("masked")
    assert report.efficiency["decode"] is None
    assert report.speculation["undefined"] == "not_measured"


def test_other_tokenizers_leave_fidelity_undefined_with_the_reason(
    models: dict[str, Path], tmp_path: Path
) -> None:
    report = measure(models, "other-words", "causal-2", tmp_path)
    assert report.fidelity and report.similarity
    assert report.fidelity["undefined"] == report.similarity["undefined"] == "tokenizers_differ"
    bits = report.fidelity["bits_per_byte"]
    assert bits["documents"] + bits["left_out"] == 120
    assert bits["bytes"] > 10_000
    # Random weights know nothing: about as many bits as choosing one of all tokens takes.
    for side in ("student", "teacher"):
        assert bits[side]["value"] == pytest.approx(np.log2(260), abs=0.5)
    assert bits["difference"]["value"] == pytest.approx(bits["student"]["value"] - bits["teacher"]["value"])


def test_bits_are_those_of_the_plain_forward_pass(models: dict[str, Path], tmp_path: Path) -> None:
    from evaluation.runners.measures import bits
    from evaluation.runners.measures.loading import load

    source = ModelSource(name="test/causal-2", revision="1")
    context = Context(output=tmp_path, model=models["causal-2"])
    loaded = load(models["causal-2"], source, "float32", torch.device("cpu"), context)
    text = "The cat sat on the mat, and the dog looked on."
    ids = [0, *loaded.tokenizer(text)["input_ids"]]
    with torch.no_grad():
        logs = loaded.model(torch.tensor([ids])).logits[0, :-1].log_softmax(-1)
    expected = -sum(float(row[token]) for row, token in zip(logs, ids[1:], strict=True)) / np.log(2)
    assert bits.bits(loaded, text) == pytest.approx(expected, rel=1e-5)
    assert len(bits.tokens(loaded, bits.fit(text * 20, loaded))) < loaded.max_tokens
    assert bits.fit("<unknown>", loaded) == "<unknown>"
    assert bits.fit("", loaded) == ""


def test_models_of_two_kinds_are_refused(models: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(RunFailed) as caught:
        measure(models, "masked-2", "causal-2", tmp_path)
    assert caught.value.failure.code == "pair_of_different_kinds"


def test_the_quick_divergences_are_those_of_the_reference() -> None:
    from evaluation.runners.measures.fidelity import divergences
    from evaluation.scoring import fidelity

    generator = torch.Generator().manual_seed(3)
    teacher, student = (torch.randn(40, 300, generator=generator) * 4 for _ in range(2))
    quick = divergences(teacher, student)
    exact = fidelity.divergences(*(side.double().log_softmax(-1).numpy() for side in (teacher, student)))
    for name in ("kl", "kl_reverse", "js", "tv", "top1"):
        assert getattr(quick, name) == pytest.approx(getattr(exact, name), abs=1e-4)
