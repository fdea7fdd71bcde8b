"""The header of a safetensors file, read by our own bounded parser; no tensor is loaded.

Stricter than the format's library: caps on header and number of tensors, plain names, data without holes, overlaps
or bytes behind the end. Metadata is counted, never interpreted.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from types import MappingProxyType
from typing import BinaryIO, NamedTuple

from evaluation.formats.bounded_json import Json, parse_object
from evaluation.formats.errors import FormatError, shown

CODE = "bad_header"
MAX_HEADER = 16 << 20
MAX_TENSORS = 20_000
MAX_DIMENSIONS = 8
MAX_NUMBER = (1 << 63) - 1
TENSOR_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,255}\Z")
BLOCK = 8 << 20

BITS: Mapping[str, int] = MappingProxyType(
    {
        "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
        "I16": 16, "U16": 16, "F16": 16, "BF16": 16,
        "I32": 32, "U32": 32, "F32": 32,
        "I64": 64, "U64": 64, "F64": 64, "C64": 64,
        "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
    }
)  # fmt: skip
"""Bits per element of the format's types."""


class Tensor(NamedTuple):
    """One tensor as the header describes it; offsets are bytes in the file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int

    @property
    def elements(self) -> int:
        """Number of elements; 1 for a scalar."""
        return prod(self.shape)


@dataclass(frozen=True, slots=True)
class Header:
    """What the header says, checked against the size of the file."""

    tensors: tuple[Tensor, ...]
    """In the order of their data."""
    size: int
    """Of the whole file, in bytes."""

    @property
    def parameters(self) -> int:
        """Elements of the floating-point tensors; of all when there are none (a packed quantization)."""
        floating = sum(t.elements for t in self.tensors if t.dtype.startswith(("F", "BF")))
        return floating or sum(t.elements for t in self.tensors)

    @property
    def elements_by_dtype(self) -> dict[str, int]:
        """Number of elements of each type."""
        counts: Counter[str] = Counter()
        for tensor in self.tensors:
            counts[tensor.dtype] += tensor.elements
        return dict(sorted(counts.items()))


def read_header(file: BinaryIO, size: int, *, name: str = "The safetensors file") -> Header:
    """Parses the header at the beginning of ``file``, which has ``size`` bytes.

    Raises FormatError (``bad_header``). Takes milliseconds for a real header, and less to refuse a wrong length.
    """
    start = file.read(8)
    if len(start) < 8:
        raise _bad(name, "is too short to be one")
    length = int.from_bytes(start, "little")
    if length > MAX_HEADER:
        raise _bad(name, f"has a header of {length} bytes and may have {MAX_HEADER}")
    if length < 2 or length > size - 8:
        raise _bad(name, "has a header that is longer than the file, or none")
    data = file.read(length)
    if len(data) != length or not data.startswith(b"{"):
        raise _bad(name, "does not begin with a header")
    return Header(_tensors(_parse(data, name), size - 8 - length, 8 + length, name), size)


def tensor_digests(file: BinaryIO, header: Header) -> Iterator[tuple[str, str]]:
    """(name, SHA-256 over type, shape and data) of every tensor, in the order of the data.

    Reads the whole file. Equal weights give equal digests whatever the file, its order and its names are.
    """
    for tensor in header.tensors:
        file.seek(tensor.start)
        digest = hashlib.sha256(f"{tensor.dtype}{list(tensor.shape)}".encode())
        left = tensor.end - tensor.start
        while left > 0:
            block = file.read(min(BLOCK, left))
            if not block:
                raise FormatError(CODE, "The safetensors file ended while it was read.")
            digest.update(block)
            left -= len(block)
        yield tensor.name, digest.hexdigest()


def _parse(data: bytes, name: str) -> dict[str, Json]:
    try:
        return parse_object(
            data,
            name=f"The header of {name}",
            max_bytes=MAX_HEADER,
            max_depth=4,
            max_values=8 * MAX_TENSORS * 4,
        )
    except FormatError as error:
        raise FormatError(CODE, error.message, error.remedy) from error


def _tensors(document: dict[str, Json], data_size: int, data_start: int, name: str) -> tuple[Tensor, ...]:
    metadata = document.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise _bad(name, "has metadata that are not texts")
    if not 0 < len(document) <= MAX_TENSORS:
        raise _bad(name, f"has {len(document)} tensors and may have 1 to {MAX_TENSORS}")
    tensors = sorted(
        (_tensor(key, value, name) for key, value in document.items()), key=lambda t: (t.start, t.end)
    )
    position = 0
    for tensor in tensors:
        if tensor.start != position:
            raise _bad(name, f"has a hole or an overlap at tensor {shown(tensor.name)}")
        position = tensor.end
    if position != data_size:
        raise _bad(name, f"has {data_size} bytes of data, and its tensors need {position}")
    return tuple(t._replace(start=t.start + data_start, end=t.end + data_start) for t in tensors)


def _tensor(key: str, value: Json, name: str) -> Tensor:
    if not TENSOR_NAME.match(key) or ".." in key:
        raise _bad(name, f"has a tensor with the name {shown(key)}")
    if not isinstance(value, dict) or set(value) != {"dtype", "shape", "data_offsets"}:
        raise _bad(name, f"describes tensor {shown(key)} in another way than the format")
    dtype, shape, offsets = value["dtype"], _integers(value["shape"]), _integers(value["data_offsets"])
    if not isinstance(dtype, str) or dtype not in BITS:
        raise _bad(name, f"has a tensor of the unknown type {shown(dtype)}")
    if shape is None or len(shape) > MAX_DIMENSIONS:
        raise _bad(name, f"has tensor {shown(key)} with an impossible shape")
    if offsets is None or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise _bad(name, f"has tensor {shown(key)} with impossible offsets")
    bits = prod(shape) * BITS[dtype]
    if bits > MAX_NUMBER or bits % 8 or bits // 8 != offsets[1] - offsets[0]:
        raise _bad(name, f"has tensor {shown(key)} with a shape that does not fit its data")
    return Tensor(key, dtype, tuple(shape), offsets[0], offsets[1])


def _integers(value: Json) -> list[int] | None:
    """The value as a list of whole numbers from 0 on; None when it is anything else (true is no number)."""
    if not isinstance(value, list):
        return None
    numbers = [item for item in value if type(item) is int and 0 <= item <= MAX_NUMBER]
    return numbers if len(numbers) == len(value) else None


def _bad(name: str, reason: str) -> FormatError:
    return FormatError(
        CODE, f"{name} {reason}.", "Save the weights with the safetensors library and upload that file."
    )
