"""The bounded JSON parser agrees with the standard one on what is plain, and refuses the rest quickly."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.formats.bounded_json import Json, parse, parse_object
from evaluation.formats.errors import FormatError

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


def read(data: bytes) -> Json:
    return parse(data, name="x.json", max_bytes=1 << 20)


@given(PLAIN)
def test_what_the_library_writes_is_read_back(value: Json) -> None:
    try:
        text = json.dumps(value)
    except ValueError:
        return
    if "\\u0000" not in text:
        assert read(text.encode()) == value


@given(
    st.binary(max_size=300)
    | st.text(alphabet='{}[]",:\\u0123456789aeE.-+ntrfls ', max_size=120).map(str.encode)
)
def test_anything_is_read_as_the_standard_parser_reads_it_or_refused(data: bytes) -> None:
    try:
        value = read(data)
    except FormatError as error:
        assert error.code == "bad_json"  # noqa: PT017
        return
    assert json.loads(data) == value


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{", b'{"a": 1, "a": 2}', b'{"a": {"b": 1, "b": 1}}', b"NaN", b"[Infinity]", b"-Infinity", b"1e400",
        b"-1e999", b'"\\ud800"', b'{"\\udc00": 1}', b"\xff", b'\xef\xbb\xbf{"a": 1}', b"[1]\x00", b"9" * 30,
        b"[" * 33 + b"]" * 33, b"[" * 100_000, b'{"a":' * 1000 + b"1" + b"}" * 1000, b"'a'", b"{a: 1}", b"[1,]",
        b"9223372036854775809",
    ],
)  # fmt: skip
def test_what_is_not_plain_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError) as caught:
        read(data)
    assert caught.value.code == "bad_json"


def test_a_whole_surrogate_pair_is_a_character() -> None:
    assert read(b'"\\ud83d\\ude00"') == "\U0001f600"


def test_brackets_within_texts_are_no_depth() -> None:
    assert read(b'["' + b"[" * 1000 + b'\\"' + b"{" * 1000 + b'"]') == ["[" * 1000 + '"' + "{" * 1000]


def test_only_an_object_will_do_where_one_is_asked_for() -> None:
    with pytest.raises(FormatError, match="does not hold an object"):
        parse_object(b"[]", name="x.json", max_bytes=10)


def test_too_many_values_are_refused_before_they_are_made() -> None:
    with pytest.raises(FormatError, match="more than 10 values"):
        parse(b"[" + b"1," * 20 + b"1]", name="x.json", max_bytes=100, max_values=10)


@pytest.mark.parametrize(
    "data",
    [b'"' + b"\\" * (1 << 20), b'\\"' * (1 << 19), b'"' * (1 << 20), b'["\\"' * (1 << 18), b"{" * (1 << 20)],
)
def test_no_text_takes_more_than_linear_time(data: bytes) -> None:
    began = time.process_time()
    with pytest.raises(FormatError):
        parse(data, name="x.json", max_bytes=2 << 20, max_values=10 << 20)
    assert time.process_time() - began < 10


@settings(max_examples=30)
@given(st.integers(1, 60))
def test_depth_is_counted_exactly(depth: int) -> None:
    data = b"[" * depth + b"]" * depth
    if depth <= 32:
        read(data)
    else:
        with pytest.raises(FormatError):
            read(data)
