"""JSON from strangers, parsed within limits that the standard parser does not have.

Size, depth and number of values are bounded before parsing; duplicate keys, NaN, Infinity, numbers that
overflow, lone surrogates and any encoding but UTF-8 are refused. Time and memory are linear in the size.
"""

from __future__ import annotations

import json
import math
import re
from itertools import accumulate
from typing import NoReturn

from evaluation.formats.errors import FormatError, shown

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

CODE = "bad_json"
MAX_INTEGER = 1 << 63
# Possessive, and content to end at the end of the text: every match succeeds, so the scan is linear.
_STRINGS = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEP = {0x5B: 1, 0x7B: 1, 0x5D: -1, 0x7D: -1}
_SURROGATE = re.compile(rb"\\u[dD][89abcdefABCDEF]")


def parse(data: bytes, *, name: str, max_bytes: int, max_depth: int = 32, max_values: int = 200_000) -> Json:
    """The JSON value in ``data``; ``name`` is what messages call it.

    Raises FormatError (``bad_json``, or ``file_too_large`` past ``max_bytes``).
    """
    if len(data) > max_bytes:
        raise FormatError("file_too_large", f"{name} has {len(data)} bytes and may have {max_bytes}.")
    _check_shape(data, name, max_depth, max_values)
    try:
        value: Json = json.loads(
            data.decode("utf-8"),
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_bounded,
            object_pairs_hook=_without_duplicates,
        )
    except UnicodeDecodeError as error:
        raise _bad(name, "is not UTF-8") from error
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, _Refused) else "is not valid JSON"
        raise _bad(name, reason) from error
    if _SURROGATE.search(data):
        _check_surrogates(value, name)
    return value


def parse_object(
    data: bytes, *, name: str, max_bytes: int, max_depth: int = 32, max_values: int = 200_000
) -> dict[str, Json]:
    """Like ``parse``, for files that must hold an object."""
    value = parse(data, name=name, max_bytes=max_bytes, max_depth=max_depth, max_values=max_values)
    if not isinstance(value, dict):
        raise _bad(name, "does not hold an object")
    return value


class _Refused(ValueError):
    """Our own refusal from within the standard parser."""


def _check_shape(data: bytes, name: str, max_depth: int, max_values: int) -> None:
    if data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")) or b"\x00" in data:
        raise _bad(name, "is not plain UTF-8")
    outside = _STRINGS.sub(b'""', data)
    if outside.count(b",") + outside.count(b"[") + outside.count(b"{") > max_values:
        raise _bad(name, f"holds more than {max_values} values")
    brackets = outside.translate(None, _NOT_BRACKETS)
    if max(accumulate(_STEP[bracket] for bracket in brackets), default=0) > max_depth:
        raise _bad(name, f"is nested more than {max_depth} deep")


def _check_surrogates(value: Json, name: str) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise _bad(name, "holds half of a surrogate pair") from error


def _refuse_constant(text: str) -> NoReturn:
    raise _Refused(f"holds {text}, which is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise _Refused(f"holds the number {shown(text, 20)}, which overflows")
    return value


def _bounded(text: str) -> int:
    if len(text) > 20 or abs(int(text)) > MAX_INTEGER:
        raise _Refused(f"holds the number {shown(text, 20)}, which does not fit 64 bits")
    return int(text)


def _without_duplicates(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _Refused(f"holds the key {shown(key)} twice")
            seen.add(key)
    return made


def _bad(name: str, reason: str) -> FormatError:
    return FormatError(CODE, f"{name} {reason}.", "Upload the file as the library that made it wrote it.")
