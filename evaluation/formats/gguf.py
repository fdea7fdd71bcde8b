"""The header of a GGUF file: metadata and tensor descriptions, read within limits; nothing is executed.

The chat template in it is text of bounded length and stays text. Versions 2 and 3, little-endian, one file.
Sizes of the block types are those of ggml's own table.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, prod
from types import MappingProxyType
from typing import BinaryIO, NamedTuple

from evaluation.formats.errors import FormatError, shown

CODE = "bad_gguf"
MAX_HEADER = 96 << 20
MAX_TENSORS = 20_000
MAX_ENTRIES = 4_000
MAX_STRING = 4 << 20
MAX_ARRAY = 1_000_000
MAX_TEMPLATE = 64 << 10
KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-/:]{0,255}\Z")
TENSOR_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,127}\Z")


class BlockType(NamedTuple):
    """How ggml stores numbers of a type: ``elements`` of them in ``size`` bytes."""

    name: str
    elements: int
    size: int


BLOCK_TYPES: Mapping[int, BlockType] = MappingProxyType(
    {
        number: BlockType(name, elements, size)
        for number, name, elements, size in (
            (0, "F32", 1, 4), (1, "F16", 1, 2), (2, "Q4_0", 32, 18), (3, "Q4_1", 32, 20), (6, "Q5_0", 32, 22),
            (7, "Q5_1", 32, 24), (8, "Q8_0", 32, 34), (9, "Q8_1", 32, 40), (10, "Q2_K", 256, 84),
            (11, "Q3_K", 256, 110), (12, "Q4_K", 256, 144), (13, "Q5_K", 256, 176), (14, "Q6_K", 256, 210),
            (15, "Q8_K", 256, 292), (16, "IQ2_XXS", 256, 66), (17, "IQ2_XS", 256, 74), (18, "IQ3_XXS", 256, 98),
            (19, "IQ1_S", 256, 50), (20, "IQ4_NL", 32, 18), (21, "IQ3_S", 256, 110), (22, "IQ2_S", 256, 82),
            (23, "IQ4_XS", 256, 136), (24, "I8", 1, 1), (25, "I16", 1, 2), (26, "I32", 1, 4), (27, "I64", 1, 8),
            (28, "F64", 1, 8), (29, "IQ1_M", 256, 56), (30, "BF16", 1, 2), (34, "TQ1_0", 256, 54),
            (35, "TQ2_0", 256, 66), (39, "MXFP4", 32, 17), (40, "NVFP4", 64, 36), (41, "Q1_0", 128, 18),
        )
    }
)  # fmt: skip

SCALARS: Mapping[int, str] = MappingProxyType(
    {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<B", 10: "<Q", 11: "<q", 12: "<d"}
)
BOOLEAN, STRING, ARRAY = 7, 8, 9

Scalar = bool | int | float | str


class Array(NamedTuple):
    """An array of the metadata: how long it is and the SHA-256 of its bytes. The items are not kept."""

    length: int
    digest: str


class Tensor(NamedTuple):
    """One tensor as described; ``offset`` counts from the beginning of the data."""

    name: str
    block_type: BlockType
    shape: tuple[int, ...]
    offset: int

    @property
    def elements(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @property
    def size(self) -> int:
        """Bytes of its data."""
        return self.elements // self.block_type.elements * self.block_type.size


@dataclass(frozen=True, slots=True)
class Header:
    """What a GGUF file says of itself, checked against its size."""

    version: int
    metadata: Mapping[str, Scalar | Array]
    tensors: tuple[Tensor, ...]
    size: int

    def text(self, key: str) -> str | None:
        """A text of the metadata, or None when it is missing or something else."""
        value = self.metadata.get(key)
        return value if isinstance(value, str) else None

    def number(self, key: str) -> int | None:
        """A whole number of the metadata, or None when it is missing or something else."""
        value = self.metadata.get(key)
        return value if type(value) is int else None

    @property
    def architecture(self) -> str:
        """ggml's name of the architecture, such as ``llama``."""
        return self.text("general.architecture") or ""

    @property
    def parameters(self) -> int:
        """Elements of all tensors."""
        return sum(tensor.elements for tensor in self.tensors)

    @property
    def context_length(self) -> int | None:
        """Tokens the model was trained for."""
        return self.number(f"{self.architecture}.context_length")

    @property
    def vocabulary(self) -> int | None:
        """Number of tokens."""
        tokens = self.metadata.get("tokenizer.ggml.tokens")
        return tokens.length if isinstance(tokens, Array) else None

    @property
    def quantization(self) -> str:
        """The block type that holds most of the elements."""
        counts: Counter[str] = Counter()
        for tensor in self.tensors:
            counts[tensor.block_type.name] += tensor.elements
        return counts.most_common(1)[0][0]

    @property
    def tokenizer_digest(self) -> str | None:
        """SHA-256 over kind, tokens and merges of the tokenizer; None when it has no tokens."""
        tokens, merges = (self.metadata.get(f"tokenizer.ggml.{part}") for part in ("tokens", "merges"))
        if not isinstance(tokens, Array):
            return None
        parts = [
            self.text("tokenizer.ggml.model") or "",
            self.text("tokenizer.ggml.pre") or "",
            tokens.digest,
        ]
        parts.append(merges.digest if isinstance(merges, Array) else "")
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    @property
    def chat_template(self) -> str | None:
        """The template as text. Never rendered outside the sandbox of a run."""
        return self.text("tokenizer.chat_template")


def read_header(file: BinaryIO, size: int, *, name: str = "The GGUF file") -> Header:
    """Parses the header at the beginning of ``file``, which has ``size`` bytes. Raises FormatError (``bad_gguf``)."""
    reader = _Reader(file, min(size, MAX_HEADER), name)
    if reader.take(4) != b"GGUF":
        raise reader.bad("does not begin as one")
    version = reader.integer("<I")
    if version not in (2, 3):
        raise reader.bad(f"has version {version}, and only 2 and 3 are read (little-endian)")
    tensor_count, entry_count = reader.integer("<Q"), reader.integer("<Q")
    if not 0 < tensor_count <= MAX_TENSORS or entry_count > MAX_ENTRIES:
        raise reader.bad(f"claims {tensor_count} tensors and {entry_count} entries of metadata")
    metadata = _metadata(reader, entry_count)
    alignment = _alignment(reader, metadata)
    tensors = [_tensor(reader) for _ in range(tensor_count)]
    _check_layout(reader, tensors, alignment, size)
    header = Header(version, MappingProxyType(metadata), tuple(tensors), size)
    _check_facts(reader, header)
    return header


class _Reader:
    """Takes numbers and texts from a file and never more than ``limit`` bytes."""

    def __init__(self, file: BinaryIO, limit: int, name: str) -> None:
        self._file, self._limit, self._name = file, limit, name
        self.position = 0

    def take(self, count: int) -> bytes:
        """Exactly ``count`` bytes."""
        if count > self._limit - self.position:
            raise self.bad("has a header that is longer than the file, or than what is read")
        data = self._file.read(count)
        if len(data) != count:
            raise self.bad("ends within its header")
        self.position += count
        return data

    def integer(self, form: str) -> int:
        """A whole number."""
        value: int = struct.unpack(form, self.take(struct.calcsize(form)))[0]
        return value

    def string(self, limit: int = MAX_STRING) -> bytes:
        """A text as bytes."""
        length = self.integer("<Q")
        if length > limit:
            raise self.bad(f"has a text of {length} bytes and may have {limit}")
        return self.take(length)

    def name(self, pattern: re.Pattern[str], what: str) -> str:
        """A name that follows a pattern."""
        text = self.string(256).decode("ascii", "replace")
        if not pattern.match(text) or ".." in text:
            raise self.bad(f"has {what} with the name {shown(text)}")
        return text

    def scalar(self, kind: int) -> Scalar:
        """A value of a simple kind."""
        if kind == STRING:
            try:
                return self.string().decode("utf-8")
            except UnicodeDecodeError as error:
                raise self.bad("has a text that is not UTF-8") from error
        form = SCALARS.get(kind)
        if form is None:
            raise self.bad(f"has a value of the unknown kind {kind}")
        value: int | float = struct.unpack(form, self.take(struct.calcsize(form)))[0]
        if isinstance(value, float) and not isfinite(value):
            raise self.bad("has a number that is not finite")
        return bool(value) if kind == BOOLEAN else value

    def array(self) -> Array:
        """An array, of which the length and the digest are kept. Arrays of arrays are refused."""
        kind, length = self.integer("<I"), self.integer("<Q")
        if kind == ARRAY or length > MAX_ARRAY:
            raise self.bad(f"has an array of {length} values of kind {kind}")
        digest = hashlib.sha256()
        if kind == STRING:
            for _ in range(length):
                text = self.string(65_536)
                digest.update(struct.pack("<Q", len(text)) + text)
        elif kind in SCALARS:
            digest.update(self.take(length * struct.calcsize(SCALARS[kind])))
        else:
            raise self.bad(f"has an array of the unknown kind {kind}")
        return Array(length, digest.hexdigest())

    def bad(self, reason: str) -> FormatError:
        """The refusal."""
        return FormatError(
            CODE, f"{self._name} {reason}.", "Convert the model again with llama.cpp's converter."
        )


def _metadata(reader: _Reader, count: int) -> dict[str, Scalar | Array]:
    made: dict[str, Scalar | Array] = {}
    for _ in range(count):
        key = reader.name(KEY, "an entry")
        if key in made:
            raise reader.bad(f"has the entry {shown(key)} twice")
        kind = reader.integer("<I")
        made[key] = reader.array() if kind == ARRAY else reader.scalar(kind)
    return made


def _alignment(reader: _Reader, metadata: Mapping[str, Scalar | Array]) -> int:
    alignment = metadata.get("general.alignment", 32)
    if type(alignment) is not int or alignment not in {1 << power for power in range(3, 17)}:
        raise reader.bad("has an impossible alignment")
    return alignment


def _tensor(reader: _Reader) -> Tensor:
    name = reader.name(TENSOR_NAME, "a tensor")
    dimensions = reader.integer("<I")
    if not 0 < dimensions <= 4:
        raise reader.bad(f"has tensor {shown(name)} with {dimensions} dimensions")
    shape = tuple(reader.integer("<Q") for _ in range(dimensions))
    block_type = BLOCK_TYPES.get(reader.integer("<I"))
    if block_type is None:
        raise reader.bad(f"has tensor {shown(name)} of an unknown type")
    if 0 in shape or prod(shape) >= 1 << 60 or shape[0] % block_type.elements:
        raise reader.bad(f"has tensor {shown(name)} with an impossible shape")
    return Tensor(name, block_type, shape, reader.integer("<Q"))


def _check_layout(reader: _Reader, tensors: list[Tensor], alignment: int, size: int) -> None:
    """Names once each, data one after the other with padding alone between them, nothing behind the last."""
    if len({tensor.name for tensor in tensors}) != len(tensors):
        raise reader.bad("has a tensor twice")
    start = _padded(reader.position, alignment)
    position = 0
    for tensor in sorted(tensors, key=lambda tensor: tensor.offset):
        if tensor.offset != position:
            raise reader.bad(f"has a hole or an overlap at tensor {shown(tensor.name)}")
        end = position + tensor.size
        position = _padded(end, alignment)
    if not start + end <= size <= start + position:
        raise reader.bad(f"has {size} bytes, and its tensors end at byte {start + end}")


def _check_facts(reader: _Reader, header: Header) -> None:
    architecture = header.architecture
    if not re.match(r"[a-z0-9][a-z0-9_\-]{0,63}\Z", architecture):
        raise reader.bad("does not name its architecture")
    if (header.number("split.count") or 0) > 1:
        raise reader.bad("is one of several parts; only whole files are read")
    for key, limit in (("block_count", 512), ("embedding_length", 1 << 16), ("context_length", 20_000_000)):
        value = header.metadata.get(f"{architecture}.{key}")
        if value is not None and (type(value) is not int or not 0 < value <= limit):
            raise reader.bad(f"has {key} {shown(value)}, which must lie between 1 and {limit}")
    template = header.chat_template
    if template is not None and len(template) > MAX_TEMPLATE:
        raise FormatError(
            "bad_template", f"The chat template has {len(template)} characters and may have {MAX_TEMPLATE}."
        )


def _padded(position: int, alignment: int) -> int:
    return -(-position // alignment) * alignment
