"""Downloads of paired samples: Parquet and JSON Lines of one task, streamed block by block.

The harness's own format is of one run, not of a pair: ``zoo.publishing`` writes it.
"""

from __future__ import annotations

import dataclasses
import io
import itertools
import json
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from zoo.comparisons.samples import PairedSample

_BLOCK = 512
_SIDE = (
    ("score", pa.float64()),
    ("prediction", pa.int32()),
    ("loglikelihoods", pa.list_(pa.float64())),
    ("response", pa.string()),
    ("answer", pa.string()),
    ("tied", pa.bool_()),
)
SCHEMA = pa.schema(
    [
        ("position", pa.int64()),
        ("task", pa.string()),
        ("doc_id", pa.int64()),
        ("doc_hash", pa.string()),
        ("draw", pa.int32()),
        ("outcome", pa.string()),
        ("prompt", pa.string()),
        ("target", pa.string()),
        ("choices", pa.list_(pa.string())),
        ("gold", pa.int32()),
        ("redacted", pa.bool_()),
        *((f"{side}_{name}", kind) for side in ("student", "teacher") for name, kind in _SIDE),
    ]
)


def to_json_lines(samples: Iterable[PairedSample]) -> Iterator[bytes]:
    """One line a sample, as the REST API gives it."""
    for sample in samples:
        yield json.dumps(dataclasses.asdict(sample), ensure_ascii=False).encode() + b"\n"


def to_parquet(samples: Iterable[PairedSample]) -> Iterator[bytes]:
    """A Parquet file with the two answers side by side, a block of rows at a time."""
    sink = _Sink()
    rows = iter(samples)
    with pq.ParquetWriter(sink, SCHEMA, compression="zstd") as writer:
        while block := [_flat(sample) for sample in itertools.islice(rows, _BLOCK)]:
            writer.write_table(pa.Table.from_pylist(block, schema=SCHEMA))
            yield sink.taken()
    yield sink.taken()


def _flat(sample: PairedSample) -> dict[str, Any]:
    row = dataclasses.asdict(sample)
    for side in ("student", "teacher"):
        row |= {f"{side}_{name}": value for name, value in row.pop(side).items()}
    return row


class _Sink(io.RawIOBase):
    """Keeps what is written until it is taken."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(self._parts[-1])

    def taken(self) -> bytes:
        """What was written since the last time."""
        parts, self._parts = self._parts, []
        return b"".join(parts)
