"""The result of a query as CSV, JSON Lines or Parquet, made piece by piece."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from types import MappingProxyType
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from zoo.catalog.selectors import Summary

_BATCH = 2_000
_PIECE = 256 * 1024
Value = str | int | float | list[str] | None

_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("title", pa.string()),
        ("kind", pa.string()),
        ("availability", pa.string()),
        ("organization", pa.string()),
        ("family", pa.string()),
        ("architecture", pa.string()),
        ("modality", pa.string()),
        ("parameters", pa.int64()),
        ("active_parameters", pa.int64()),
        ("released", pa.string()),
        ("license", pa.string()),
        ("hub_license_tag", pa.string()),
        ("verdict", pa.string()),
        ("roles", pa.list_(pa.string())),
        ("methods", pa.list_(pa.string())),
        ("teachers", pa.list_(pa.string())),
        ("retention", pa.float64()),
        ("numbers", pa.list_(pa.string())),
        ("hub_id", pa.string()),
        ("paper", pa.string()),
    ]
)
COLUMNS: Final[tuple[str, ...]] = tuple(_SCHEMA.names)


class Format(NamedTuple):
    """A way to write rows."""

    suffix: str
    content_type: str
    write: Callable[[Iterable[Summary]], Iterator[bytes]]


def row_of(summary: Summary) -> dict[str, Value]:
    """The columns of an entry. Unknown figures are None, unknown texts empty."""
    model = summary.model
    return {
        "id": model.slug,
        "title": model.title,
        "kind": model.kind,
        "availability": model.availability,
        "organization": model.organization.slug,
        "family": model.family,
        "architecture": model.architecture,
        "modality": model.modality,
        "parameters": model.parameters,
        "active_parameters": model.active_parameters,
        "released": model.released,
        "license": model.license,
        "hub_license_tag": model.hub_license_tag,
        "verdict": summary.verdict,
        "roles": list(summary.roles),
        "methods": list(summary.methods),
        "teachers": list(summary.teachers),
        "retention": summary.retention,
        "numbers": list(summary.numbers),
        "hub_id": model.hub_id,
        "paper": model.paper,
    }


def safe_cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula: those signs at its start get an apostrophe before them."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _csv(rows: Iterable[Summary]) -> Iterator[bytes]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(COLUMNS)
    for row in rows:
        cells = row_of(row)
        writer.writerow([_cell(cells[name]) for name in COLUMNS])
        if buffer.tell() > _PIECE:
            yield _taken(buffer)
    yield _taken(buffer)


def _cell(value: Value) -> str | int | float:
    if value is None:
        return ""
    if isinstance(value, list):
        return safe_cell(";".join(value))
    return safe_cell(value) if isinstance(value, str) else value


def _json_lines(rows: Iterable[Summary]) -> Iterator[bytes]:
    buffer = io.StringIO()
    for row in rows:
        buffer.write(json.dumps(row_of(row), ensure_ascii=False, separators=(",", ":")) + "\n")
        if buffer.tell() > _PIECE:
            yield _taken(buffer)
    yield _taken(buffer)


def _taken(buffer: io.StringIO) -> bytes:
    piece = buffer.getvalue().encode()
    buffer.seek(0)
    buffer.truncate()
    return piece


def _parquet(rows: Iterable[Summary]) -> Iterator[bytes]:
    """Parquet has its index at the end, so the file is finished on disk before it is sent."""
    rows = iter(rows)
    with tempfile.TemporaryFile() as file:
        with pq.ParquetWriter(file, _SCHEMA, compression="zstd") as writer:
            while batch := [row_of(row) for row in islice(rows, _BATCH)]:
                writer.write_table(pa.Table.from_pylist(batch, schema=_SCHEMA))
        file.seek(0)
        while piece := file.read(_PIECE):
            yield piece


FORMATS: Final[Mapping[str, Format]] = MappingProxyType(
    {
        "csv": Format("csv", "text/csv; charset=utf-8", _csv),
        "jsonl": Format("jsonl", "application/x-ndjson", _json_lines),
        "parquet": Format("parquet", "application/vnd.apache.parquet", _parquet),
    }
)
