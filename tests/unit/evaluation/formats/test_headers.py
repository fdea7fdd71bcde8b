"""Headers of safetensors and GGUF files: what is counted, what is refused, and that no bytes make the parsers fail."""

from __future__ import annotations

import io
import json
import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.formats import gguf, safetensors
from evaluation.formats.errors import FormatError
from tests.factories.model_files import make_gguf, make_safetensors, with_header


def read_safetensors(data: bytes) -> safetensors.Header:
    return safetensors.read_header(io.BytesIO(data), len(data))


def read_gguf(data: bytes) -> gguf.Header:
    return gguf.read_header(io.BytesIO(data), len(data))


def test_parameters_are_the_elements_of_floating_tensors() -> None:
    header = {
        "w": {"dtype": "BF16", "shape": [3, 5], "data_offsets": [0, 30]},
        "ids": {"dtype": "I64", "shape": [2], "data_offsets": [30, 46]},
    }
    read = read_safetensors(with_header(header, b"\0" * 46))
    assert read.parameters == 15
    assert read.elements_by_dtype == {"BF16": 15, "I64": 2}


def test_a_packed_quantization_counts_what_is_there() -> None:
    header = {"w": {"dtype": "I32", "shape": [4], "data_offsets": [0, 16]}}
    assert read_safetensors(with_header(header, b"\0" * 16)).parameters == 4


def test_a_scalar_and_an_empty_tensor_are_tensors() -> None:
    header = {
        "s": {"dtype": "F32", "shape": [], "data_offsets": [0, 4]},
        "e": {"dtype": "F32", "shape": [0, 3], "data_offsets": [4, 4]},
    }
    assert read_safetensors(with_header(header, b"\0" * 4)).parameters == 1


def test_equal_tensors_have_equal_digests_whatever_they_are_called() -> None:
    first = make_safetensors({"a": (2, 3), "b": (6,)})
    second = make_safetensors({"x": (6,), "y": (2, 3)})
    one = dict(safetensors.tensor_digests(io.BytesIO(first), read_safetensors(first)))
    two = dict(safetensors.tensor_digests(io.BytesIO(second), read_safetensors(second)))
    assert (one["a"], one["b"]) == (two["y"], two["x"])
    assert one["a"] != one["b"]


def test_a_wrong_length_is_refused_at_once() -> None:
    data = struct.pack("<Q", 1 << 63) + b"{}"
    began = time.process_time()
    with pytest.raises(FormatError):
        read_safetensors(data)
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    "header",
    [
        {"a": {"dtype": "F32", "shape": [1]}},
        {"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4], "more": 1}},
        {"a": {"dtype": "F99", "shape": [1], "data_offsets": [0, 4]}},
        {"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}},
        {"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4, 4]}},
        {"a": {"dtype": "F32", "shape": [1] * 9, "data_offsets": [0, 4]}},
        {"a": {"dtype": "F4", "shape": [1], "data_offsets": [0, 1]}},
        {"a": [1], "b": 2},
        {"__metadata__": {"x": 1}, "a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}},
        {"__metadata__": "x"},
        {},
    ],
)
def test_a_header_of_another_form_is_refused(header: object) -> None:
    with pytest.raises(FormatError) as caught:
        read_safetensors(with_header(header, b"\0" * 4))
    assert caught.value.code == "bad_header"


def test_a_gguf_header_tells_what_a_model_is() -> None:
    header = read_gguf(make_gguf(entries={"llama.block_count": 2, "tokenizer.chat_template": "{{ x }}"}))
    assert (header.architecture, header.parameters, header.quantization) == ("llama", 64, "F32")
    assert (header.context_length, header.vocabulary, header.chat_template) == (64, 3, "{{ x }}")


def test_the_tokenizer_digest_of_a_gguf_depends_on_its_tokens() -> None:
    first = read_gguf(make_gguf(entries={"general.name": "one"})).tokenizer_digest
    assert first == read_gguf(make_gguf(entries={"general.name": "two"})).tokenizer_digest
    other = make_gguf(entries={"tokenizer.ggml.tokens": ["a", "b", "c"]})
    assert first != read_gguf(other).tokenizer_digest


ARRAY_OF_ARRAYS = struct.pack("<IIQ", 9, 9, 1) + struct.pack("<IQ", 4, 0)
LONG_ARRAY = struct.pack("<IIQ", 9, 4, 1 << 40)
LONG_TEXT = struct.pack("<IQ", 8, 1 << 40)
NOT_UTF8 = struct.pack("<IQ", 8, 1) + b"\xff"
UNKNOWN_KIND = struct.pack("<I", 99)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"GGUF", b"GGML" + b"\0" * 40, make_gguf(version=1), make_gguf(version=3)[:-1],
        make_gguf() + b"\0" * 64, make_gguf(tensors=[]), make_gguf(architecture="../x"),
        make_gguf(entries={"general.alignment": 3}), make_gguf(entries={"llama.block_count": 10**9}),
        make_gguf(entries={"llama.context_length": 0}), make_gguf(entries={"split.count": 3}),
        make_gguf(entries={"x": ARRAY_OF_ARRAYS}), make_gguf(entries={"x": LONG_ARRAY}),
        make_gguf(entries={"x": LONG_TEXT}), make_gguf(entries={"x": NOT_UTF8}), make_gguf(entries={"x": UNKNOWN_KIND}),
        make_gguf(entries={"x": struct.pack("<If", 6, float("nan"))}), make_gguf(entries={"../x": "y"}),
        make_gguf(tensors=[("a", (32, 2), 0, 32)]), make_gguf(tensors=[("a", (32, 2), 99, 0)]),
        make_gguf(tensors=[("a", (0,), 0, 0)]), make_gguf(tensors=[("a", (1 << 40, 1 << 40), 0, 0)]),
        make_gguf(tensors=[("a", (31, 2), 2, 0)]), make_gguf(tensors=[("../a", (32, 2), 0, 0)]),
        make_gguf(tensors=[("a", (32,), 0, 0), ("a", (32,), 0, 128)]),
        make_gguf(tensors=[("a", (1,) * 5, 0, 0)]),
    ],
)  # fmt: skip
def test_a_gguf_of_another_form_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError) as caught:
        read_gguf(data)
    assert caught.value.code == "bad_gguf"


def test_a_long_template_in_a_gguf_is_refused_as_such() -> None:
    with pytest.raises(FormatError) as caught:
        read_gguf(make_gguf(entries={"tokenizer.chat_template": "x" * 70_000}))
    assert caught.value.code == "bad_template"


@given(st.binary(max_size=400))
def test_no_bytes_make_the_safetensors_parser_fail(data: bytes) -> None:
    for candidate in (data, with_header(data), with_header(data, b"\0" * 8)):
        try:
            read_safetensors(candidate)
        except FormatError as error:
            assert error.code == "bad_header"  # noqa: PT017


NUMBER = st.integers(-1, 2**66) | st.booleans() | st.none() | st.floats(allow_nan=False) | st.text(max_size=3)
TENSOR = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["F32", "BF16", "F4", "X"]) | st.integers(0, 3),
        "shape": st.lists(NUMBER, max_size=4),
        "data_offsets": st.lists(NUMBER, max_size=3),
    }
)


@given(
    st.dictionaries(st.text(max_size=4), TENSOR | st.none() | st.lists(st.integers()), max_size=4),
    st.integers(0, 64),
)
def test_no_header_makes_the_safetensors_parser_fail(header: dict[str, object], size: int) -> None:
    data = with_header(json.dumps(header, allow_nan=True).encode(), b"\0" * size)
    try:
        read = read_safetensors(data)
    except FormatError as error:
        assert error.code == "bad_header"  # noqa: PT017
    else:
        assert sum(tensor.end - tensor.start for tensor in read.tensors) == size


@given(st.integers(0, 400), st.binary(min_size=1, max_size=9))
def test_no_damage_makes_the_gguf_parser_fail(position: int, damage: bytes) -> None:
    good = make_gguf()
    data = good[:position] + damage + good[position + len(damage) :]
    try:
        read_gguf(data)
    except FormatError as error:
        assert error.code in {"bad_gguf", "bad_template"}  # noqa: PT017
