"""The samples file: one row per task, document and draw, as Parquet. Written by a runner, read by the zoo.

One schema for every kind of task, so that retention, flips and the sample explorer need one reader.
This module knows columns and bytes; what the numbers mean is for ``scoring``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

ROW_GROUP_SIZE = 1024
MAX_TEXT = 64_000
"""Characters kept of a prompt or a response; a longer one is cut and marked with an ellipsis."""


class Sample(NamedTuple):
    """One document of one task, as one model answered it.

    ``score`` is the harness's own per-sample value of the task's main metric (0 or 1 for accuracy);
    ``loglikelihoods`` are sums over the tokens of each choice, natural logarithm, in order of ``choices``.
    """

    task: str
    doc_id: int
    doc_hash: str
    prompt_hash: str
    target_hash: str
    score: float
    cluster: str | None = None
    draw: int = 0
    tie_split: float | None = None
    tied: bool = False
    prediction: int | None = None
    gold: int | None = None
    prompt: str = ""
    target: str = ""
    choices: Sequence[str] = ()
    loglikelihoods: Sequence[float] = ()
    response: str | None = None
    answer: str | None = None
    truncated: bool | None = None
    tokens: int | None = None
    byte_count: int | None = None
    """Bytes of the text, for rolling tasks and for normalizing choices."""


SCHEMA = pa.schema(
    [
        pa.field("task", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.field("doc_id", pa.int64(), nullable=False),
        pa.field("doc_hash", pa.string(), nullable=False),
        pa.field("prompt_hash", pa.string(), nullable=False),
        pa.field("target_hash", pa.string(), nullable=False),
        pa.field("score", pa.float64(), nullable=False),
        pa.field("cluster", pa.dictionary(pa.int32(), pa.string())),
        pa.field("draw", pa.int32(), nullable=False),
        pa.field("tie_split", pa.float64()),
        pa.field("tied", pa.bool_(), nullable=False),
        pa.field("prediction", pa.int32()),
        pa.field("gold", pa.int32()),
        pa.field("prompt", pa.string(), nullable=False),
        pa.field("target", pa.string(), nullable=False),
        pa.field("choices", pa.list_(pa.string()), nullable=False),
        pa.field("loglikelihoods", pa.list_(pa.float64()), nullable=False),
        pa.field("response", pa.string()),
        pa.field("answer", pa.string()),
        pa.field("truncated", pa.bool_()),
        pa.field("tokens", pa.int64()),
        pa.field("byte_count", pa.int64()),
    ]
)


def clip(text: str) -> str:
    """The text, cut to MAX_TEXT characters with an ellipsis."""
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def write(path: Path, samples: Iterable[Sample]) -> None:
    """Writes the samples as Parquet, in the order given, in row groups that can be read apart."""
    rows = [sample._asdict() for sample in samples]
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    pq.write_table(table, path, row_group_size=ROW_GROUP_SIZE, compression="zstd")


def read_table(source: Path | BinaryIO, *, columns: Sequence[str] | None = None) -> pa.Table:
    """Reads the file as an Arrow table.

    Raises ValueError when the file is not Parquet or its columns are not those of SCHEMA.
    """
    try:
        file = pq.ParquetFile(source)
    except (pa.ArrowInvalid, OSError) as error:
        raise ValueError(f"not a Parquet file: {error}") from error
    if not file.schema_arrow.remove_metadata().equals(SCHEMA):
        raise ValueError("the samples file has other columns than the contract says")
    return file.read(columns=list(columns) if columns is not None else None)


def read(source: Path | BinaryIO) -> Iterator[Sample]:
    """The samples of the file, in its order. Raises ValueError like ``read_table``."""
    for batch in read_table(source).to_batches(max_chunksize=ROW_GROUP_SIZE):
        for row in batch.to_pylist():
            yield Sample(**row)
