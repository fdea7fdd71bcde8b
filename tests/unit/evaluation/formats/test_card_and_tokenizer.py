"""Cards within bounds; tokenizer digests that equal tokenizers share; the rules of what is taken from a model."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.contract import WeightsFormat
from evaluation.formats.card import read_card
from evaluation.formats.config import read_config
from evaluation.formats.errors import FormatError, shown
from evaluation.formats.files import Listed, select
from evaluation.formats.tokenizer import read_tokenizer, read_tokenizer_config, tokenizer_digest
from tests.factories.model_files import TOKENIZER, as_json, make_config


def card_of(front: str, text: str = "# Title\n") -> bytes:
    return f"---\n{front}\n---\n{text}".encode()


def test_a_card_is_taken_apart() -> None:
    card = read_card(card_of("license: mit\nbase_model:\n- org/a\n- org/b\ndate: 2024-01-02"))
    assert card.first("license") == "mit"
    assert card.texts("base_model") == ("org/a", "org/b")
    assert card.front["date"] == "2024-01-02"
    assert card.text == "# Title\n"


@pytest.mark.parametrize(
    "data", [b"", b"# no front matter\n---\nlicense: mit\n---\n", b"--- x\n", b"\xff\xfe"]
)
def test_a_card_without_front_matter_is_all_text(data: bytes) -> None:
    assert read_card(data).front == {}


@pytest.mark.parametrize(
    "front",
    [
        "a: &x [1]\nb: *x", "a: !!python/object/apply:os.system ['true']", "a: !x y", "- a\n- b", "a: [1", "a: b: c",
        "[" * 40 + "]" * 40, "{a: " * 30 + "1" + "}" * 30, "a:\n" + "- 1\n" * 60_000, "a: " + "x" * (600 << 10),
        "\t- a",
    ],
)  # fmt: skip
def test_front_matter_out_of_bounds_is_refused(front: str) -> None:
    began = time.process_time()
    with pytest.raises(FormatError) as caught:
        read_card(card_of(front))
    assert caught.value.code == "bad_card"
    assert time.process_time() - began < 20


def test_a_card_of_five_megabytes_is_refused() -> None:
    with pytest.raises(FormatError):
        read_card(b"x" * (5 << 20))


@given(st.text(max_size=200))
def test_no_front_matter_makes_the_parser_fail(front: str) -> None:
    try:
        read_card(card_of(front.encode("utf-8", "replace").decode()))
    except FormatError as error:
        assert error.code == "bad_card"  # noqa: PT017


def digest_of(**changes: object) -> str:
    document = read_tokenizer(as_json({**TOKENIZER, **changes}))
    return tokenizer_digest(document)


def test_equal_tokenizers_have_one_digest() -> None:
    model = {
        "merges": ["a b"],
        "vocab": {"ab": 3, "b": 2, "a": 1, "<unk>": 0},
        "unk_token": "<unk>",
        "type": "BPE",
    }
    padding = {"strategy": "BatchLongest", "pad_id": 0}
    assert digest_of() == digest_of(model=model, padding=padding, version="2.0")
    assert digest_of() != digest_of(normalizer={"type": "Lowercase"})
    assert digest_of() != digest_of(model={**model, "vocab": {"ab": 2, "b": 3, "a": 1, "<unk>": 0}})


@pytest.mark.parametrize(
    "model", [None, {}, {"type": "Mine", "vocab": {"a": 1}}, {"type": "BPE", "vocab": {}}]
)
def test_a_tokenizer_of_another_kind_is_refused(model: object) -> None:
    with pytest.raises(FormatError):
        read_tokenizer(as_json({"model": model}))


def test_templates_may_have_names() -> None:
    document = {"chat_template": [{"name": "default", "template": "a"}, {"name": "tools", "template": "b"}]}
    assert read_tokenizer_config(as_json(document)).templates == {"default": "a", "tools": "b"}
    for wrong in (3, [1], [{"name": "x"}], {"a": "b"}):
        with pytest.raises(FormatError):
            read_tokenizer_config(as_json({"chat_template": wrong}))


@pytest.mark.parametrize(
    "name", ["LlamaTokenizer", "PreTrainedTokenizerFast", "DistilBertTokenizerFast", None]
)
def test_the_library_s_tokenizers_are_known(name: str | None) -> None:
    assert read_tokenizer_config(as_json({"tokenizer_class": name})).tokenizer_class == name


def test_a_configuration_says_what_a_model_is() -> None:
    config = read_config(make_config())
    assert (config.layers, config.hidden_size, config.vocabulary, config.context_length) == (1, 8, 4, 64)
    assert not config.changed


def test_a_range_holds_within_parts_too() -> None:
    with pytest.raises(FormatError, match="num_hidden_layers"):
        read_config(make_config(text_config={"num_hidden_layers": 10**6}))


def test_a_known_quantization_is_named() -> None:
    config = read_config(make_config(quantization_config={"quant_method": "gptq", "bits": 4}))
    assert config.quantization == "gptq"


@given(st.recursive(st.none() | st.integers() | st.text(max_size=4) | st.booleans(), lambda i: st.lists(i, max_size=3)
    | st.dictionaries(st.sampled_from(["hidden_size", "num_labels", "auto_map", "quantization_config", "id2label",
                                       "num_attention_heads", "attn_implementation", "text_config", "model_type"]),
                      i, max_size=4), max_leaves=12))  # fmt: skip
def test_no_configuration_makes_the_check_fail(value: object) -> None:
    try:
        read_config(make_config(text_config=value, model_type=value, quantization_config=value))
    except FormatError as error:
        assert error.code  # noqa: PT017


def listing(*names: str) -> list[Listed]:
    return [Listed(name, 10) for name in names]


def test_a_single_file_is_taken_before_parts() -> None:
    names = [
        "config.json",
        "model.safetensors",
        "model-00001-of-00001.safetensors",
        "model.safetensors.index.json",
    ]
    assert select(listing(*names)).names == ("config.json", "model.safetensors")


def test_safetensors_are_taken_before_gguf_unless_asked_otherwise() -> None:
    files = listing("config.json", "model.safetensors", "x.gguf")
    assert select(files).weights_format is WeightsFormat.SAFETENSORS
    assert select(files, weights_format=WeightsFormat.GGUF).weights == ("x.gguf",)


def test_of_several_gguf_files_the_named_one_is_taken() -> None:
    files = listing("config.json", "model.safetensors", "Q4.gguf", "F16.gguf")
    chosen = select(files, gguf_file="Q4.gguf")
    assert (chosen.weights_format, chosen.weights) == (WeightsFormat.GGUF, ("Q4.gguf",))
    assert {"F16.gguf", "model.safetensors"} <= set(chosen.skipped)
    with pytest.raises(FormatError) as caught:
        select(listing("Q4.gguf", "F16.gguf"))
    assert (caught.value.code, "gguf_file" in caught.value.remedy) == ("gguf_ambiguous", True)


@pytest.mark.parametrize("name", ["Q8.gguf", "../Q4.gguf", "", "model.safetensors", "Q4.gguf\n"])
def test_a_gguf_file_that_is_not_there_is_refused_with_those_that_are(name: str) -> None:
    with pytest.raises(FormatError) as caught:
        select(listing("config.json", "model.safetensors", "Q4.gguf"), gguf_file=name)
    assert caught.value.code == "gguf_missing"
    assert "'Q4.gguf'" in caught.value.remedy


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (["config.json"], "weights_missing"),
        (["config.json", "model.ckpt"], "weights_not_safetensors"),
        (["config.json", "tf_model.h5"], "weights_not_safetensors"),
        (["config.json", "adapter_model.safetensors"], "adapter_only"),
        (["model.safetensors"], "config_missing"),
        (["config.json", "model.safetensors", *(f"LICENSE.{n}" for n in range(300))], "too_many_files"),
        (["config.json", "model.safetensors", "LICENSE", "license"], None),
        (["config.json", "model.safetensors", "LICENSE.a", "LICENSE.A"], "bad_file_name"),
    ],
)
def test_what_is_missing_or_too_much_is_named(names: list[str], code: str | None) -> None:
    if code is None:
        select(listing(*names))
        return
    with pytest.raises(FormatError) as caught:
        select(listing(*names))
    assert caught.value.code == code


def test_foreign_text_is_made_fit_for_a_message() -> None:
    assert shown("a\x1b[31m\n\u202eb") == "'a?[31m??b'"
    assert shown("x" * 100, 5) == "'xxxxx…'"
