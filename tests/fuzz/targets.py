"""What is fuzzed: each bounded parser, fed bytes, must give a value or a FormatError, in bounded time and memory."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping

from evaluation.formats import bounded_json, card, config, gguf, safetensors, sharded, tokenizer
from evaluation.formats.errors import FormatError
from tests.factories.model_files import (
    TOKENIZER,
    as_json,
    make_config,
    make_gguf,
    make_safetensors,
    with_header,
)
from tests.fuzz import MAX_LENGTH


def _json(data: bytes) -> object:
    return bounded_json.parse(data, name="x", max_bytes=MAX_LENGTH)


def _safetensors(data: bytes) -> object:
    return safetensors.read_header(io.BytesIO(data), len(data))


def _safetensors_text(data: bytes) -> object:
    """The same with a right length in front, so that most inputs reach the parser behind it."""
    whole = with_header(data, b"\x00" * 64)
    return safetensors.read_header(io.BytesIO(whole), len(whole))


def _gguf(data: bytes) -> object:
    header = gguf.read_header(io.BytesIO(data), len(data))
    return header.quantization, header.tokenizer_digest, header.parameters, header.context_length


def _index(data: bytes) -> object:
    return sharded.read_index(data, {"model-00001-of-00001.safetensors"})


def _tokenizer(data: bytes) -> object:
    return tokenizer.tokenizer_digest(tokenizer.read_tokenizer(data))


TARGETS: Mapping[str, tuple[Callable[[bytes], object], tuple[bytes, ...]]] = {
    "json": (_json, (b'{"a": [1, 2.5, "x\\n", null, true]}',)),
    "safetensors": (_safetensors, (make_safetensors(), make_safetensors(metadata={"format": "pt"}))),
    "safetensors_text": (_safetensors_text, (make_safetensors()[8:300],)),
    "gguf": (_gguf, (make_gguf(), make_gguf(entries={"tokenizer.chat_template": "{{ x }}"}))),
    "config": (
        config.read_config,
        (make_config(), make_config(quantization_config={"quant_method": "gptq"})),
    ),
    "index": (_index, (b'{"weight_map": {"a": "model-00001-of-00001.safetensors"}}',)),
    "tokenizer": (_tokenizer, (as_json(TOKENIZER),)),
    "tokenizer_config": (
        tokenizer.read_tokenizer_config,
        (b'{"chat_template": "x", "tokenizer_class": null}',),
    ),
    "card": (card.read_card, (b"---\nlicense: mit\nbase_model:\n- a/b\n---\ntext",)),
}
"""Name: the parser, and what to begin with."""


def try_one(parser: Callable[[bytes], object], data: bytes) -> bool:
    """Whether the parser took the input. Raises whatever is neither a value nor a refusal."""
    try:
        parser(data)
    except FormatError:
        return False
    return True
