"""Files of small models as bytes: safetensors, GGUF, configurations, tokenizers. No library that loads models."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

CONFIG: dict[str, object] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 8,
    "intermediate_size": 16,
    "max_position_embeddings": 64,
    "num_attention_heads": 2,
    "num_hidden_layers": 1,
    "num_key_value_heads": 1,
    "vocab_size": 4,
}
TOKENIZER: dict[str, object] = {
    "version": "1.0",
    "truncation": None,
    "padding": None,
    "added_tokens": [],
    "normalizer": None,
    "pre_tokenizer": {"type": "Whitespace"},
    "post_processor": None,
    "decoder": None,
    "model": {
        "type": "BPE",
        "unk_token": "<unk>",
        "vocab": {"<unk>": 0, "a": 1, "b": 2, "ab": 3},
        "merges": [["a", "b"]],
    },
}


def make_config(**overrides: object) -> bytes:
    """A small, valid ``config.json``; a value of ... takes the key out."""
    return as_json({key: value for key, value in (CONFIG | overrides).items() if value is not ...})


def as_json(document: object) -> bytes:
    """A document as the library writes it."""
    return json.dumps(document, indent=2).encode()


def make_safetensors(tensors: Mapping[str, Sequence[int]] | None = None, *, metadata: object = None) -> bytes:
    """A valid file of zeros in F32 with tensors of these shapes."""
    header: dict[str, object] = {}
    if metadata is not None:
        header["__metadata__"] = metadata
    position = 0
    for name, shape in (tensors or {"model.embed_tokens.weight": (4, 8), "lm_head.weight": (4, 8)}).items():
        size = 4
        for dimension in shape:
            size *= dimension
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [position, position + size]}
        position += size
    return with_header(header, b"\x00" * position)


def with_header(header: object, data: bytes = b"") -> bytes:
    """A file with any header, right or wrong."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def make_gguf(
    *,
    architecture: str = "llama",
    entries: Mapping[str, object] | None = None,
    tensors: Sequence[tuple[str, Sequence[int], int, int]] | None = None,
    data: bytes | None = None,
    version: int = 3,
) -> bytes:
    """A valid GGUF file of zeros; a tensor is (name, shape, number of its type, offset)."""
    tensors = [("token_embd.weight", (32, 2), 0, 0)] if tensors is None else tensors
    known: dict[str, object] = {"general.architecture": architecture, f"{architecture}.context_length": 64}
    known |= {"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.tokens": ["a", "b", "ab"]}
    known |= entries or {}
    body = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(known))
    for key, value in known.items():
        body += _string(key) + _value(value)
    for name, shape, kind, offset in tensors:
        body += _string(name) + struct.pack("<I", len(shape))
        body += b"".join(struct.pack("<Q", size) for size in shape) + struct.pack("<IQ", kind, offset)
    body += b"\x00" * (-len(body) % 32)
    return body + (b"\x00" * 256 if data is None else data)


def make_folder(folder: Path, files: Mapping[str, bytes] | None = None, **overrides: bytes | None) -> Path:
    """A folder with a small, valid model; ``files`` are added or replace, None takes one out."""
    folder.mkdir(parents=True, exist_ok=True)
    contents: dict[str, bytes | None] = {
        "config.json": make_config(),
        "model.safetensors": make_safetensors(),
        "tokenizer.json": as_json(TOKENIZER),
        "tokenizer_config.json": as_json({"tokenizer_class": "PreTrainedTokenizerFast"}),
        "README.md": b"---\nlicense: apache-2.0\nbase_model: org/teacher\n---\n# A model\n",
        **(files or {}),
        **overrides,
    }
    for name, content in contents.items():
        if content is not None:
            (folder / name).write_bytes(content)
    return folder


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _value(value: object) -> bytes:
    """A metadata value with its kind; raw bytes are taken as they are."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return struct.pack("<I", 8) + _string(value)
    if isinstance(value, bool):
        return struct.pack("<IB", 7, value)
    if isinstance(value, int):
        return struct.pack("<II", 4, value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    assert isinstance(value, list)
    return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(_string(str(item)) for item in value)
