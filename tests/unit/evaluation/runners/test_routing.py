"""Which engine a model goes to, and which models go nowhere."""

import json
from pathlib import Path

import pytest

from evaluation.contract import Engine
from evaluation.runners.base import RunFailed
from evaluation.runners.routing import Family, check_weights, route


def make_model(folder: Path, **config: object) -> Path:
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.mark.parametrize(
    ("model_type", "architecture", "family", "engine"),
    [
        ("llama", "LlamaForCausalLM", Family.CAUSAL, Engine.HARNESS),
        ("gpt2", "GPT2LMHeadModel", Family.CAUSAL, Engine.HARNESS),
        ("bert", "BertForMaskedLM", Family.MASKED, Engine.MASKED),
        ("bert", "BertModel", Family.MASKED, Engine.MASKED),
        ("distilbert", "DistilBertForMaskedLM", Family.MASKED, Engine.MASKED),
        ("roberta", "RobertaForMaskedLM", Family.MASKED, Engine.MASKED),
        ("t5", "T5ForConditionalGeneration", Family.SEQ2SEQ, Engine.HARNESS),
    ],
)
def test_auto_takes_the_engine_that_fits_the_architecture(
    tmp_path: Path, model_type: str, architecture: str, family: Family, engine: Engine
) -> None:
    found = route(make_model(tmp_path, model_type=model_type, architectures=[architecture]), Engine.AUTO)
    assert (found.family, found.engine) == (family, engine)


@pytest.mark.parametrize("engine", [Engine.HARNESS, Engine.CAUSAL, Engine.VLLM, Engine.SGLANG])
@pytest.mark.parametrize("model_type", ["bert", "roberta", "distilbert", "xlm-roberta", "modernbert"])
def test_an_encoder_is_never_scored_as_a_causal_model(
    tmp_path: Path, model_type: str, engine: Engine
) -> None:
    with pytest.raises(RunFailed) as caught:
        route(make_model(tmp_path, model_type=model_type, architectures=["AnyModel"]), engine)
    assert caught.value.failure.code == "wrong_engine"
    assert "masked" in caught.value.failure.remedy


def test_a_bert_that_was_trained_as_a_decoder_is_causal(tmp_path: Path) -> None:
    model = make_model(tmp_path, model_type="bert", architectures=["BertLMHeadModel"], is_decoder=True)
    assert route(model, Engine.HARNESS).family is Family.CAUSAL


def test_a_causal_model_is_not_scored_as_a_masked_one(tmp_path: Path) -> None:
    with pytest.raises(RunFailed) as caught:
        route(make_model(tmp_path, model_type="llama", architectures=["LlamaForCausalLM"]), Engine.MASKED)
    assert caught.value.failure.code == "wrong_engine"


def test_a_classifier_has_no_words_to_say(tmp_path: Path) -> None:
    with pytest.raises(RunFailed) as caught:
        route(
            make_model(tmp_path, model_type="bert", architectures=["BertForSequenceClassification"]),
            Engine.AUTO,
        )
    assert caught.value.failure.code == "no_language_head"


@pytest.mark.parametrize("content", [None, "not json", "[]", "{}"])
def test_a_model_without_a_usable_configuration_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(RunFailed) as caught:
        route(tmp_path, Engine.AUTO)
    assert caught.value.failure.code == "model_incomplete"


@pytest.mark.parametrize(
    ("files", "code"),
    [([], "model_incomplete"), (["pytorch_model.bin"], "pickle_only"), (["model.pt"], "pickle_only")],
)
def test_weights_that_are_pickles_or_missing_are_refused(tmp_path: Path, files: list[str], code: str) -> None:
    for name in files:
        (tmp_path / name).touch()
    with pytest.raises(RunFailed) as caught:
        check_weights(tmp_path)
    assert caught.value.failure.code == code


def test_safetensors_beside_pickles_are_taken(tmp_path: Path) -> None:
    for name in ("pytorch_model.bin", "model.safetensors"):
        (tmp_path / name).touch()
    check_weights(tmp_path)
