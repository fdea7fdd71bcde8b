"""Which samples of a task hold a text, or have a margin in a range: worked out over columns, once for each file.

Only row groups of the task are read, and what was found is remembered by the file's content, so that turning the
pages of 100,000 samples does not search again. Knows files and row numbers, not comparisons.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from zoo.core import storage

Rows = npt.NDArray[np.int64]
ALL_TEXTS = ("prompt", "target", "response", "answer")
ANSWERS = ("response", "answer")
"""What differs between two models on the same document."""
_REMEMBERED = 64


class Narrowing(NamedTuple):
    """Which samples are wanted. ``text`` is looked for in prompt, choices, target and answers, in either case."""

    text: str = ""
    margin_of: Literal["student", "teacher"] = "student"
    margin_from: float = -math.inf
    margin_to: float = math.inf

    @property
    def by_margin(self) -> bool:
        """Whether margins matter; samples without one (no choices, or none right) are then left out."""
        return self.margin_from > -math.inf or self.margin_to < math.inf


EVERYTHING = Narrowing()


class Margins(NamedTuple):
    """Row numbers, ascending, and how far the right choice's log-likelihood lies above the best of the others."""

    rows: Rows
    values: npt.NDArray[np.float64]


@lru_cache(maxsize=_REMEMBERED)
def rows_with(digest: str, task: str, text: str, columns: tuple[str, ...] = ALL_TEXTS) -> Rows:
    """Row numbers of a task whose texts hold ``text``."""
    found: list[Rows] = []
    with storage.open_artifact(digest) as opened:
        file = pq.ParquetFile(opened)
        start = 0
        for number in range(file.num_row_groups):
            ours = pc.equal(pc.cast(file.read_row_group(number, columns=["task"])["task"], pa.string()), task)
            if pc.any(ours).as_py():
                wanted = [*columns, "choices"] if columns is ALL_TEXTS else list(columns)
                table = file.read_row_group(number, columns=wanted)
                hits = np.asarray(ours) & _holds(table, text)
                found.append(start + np.flatnonzero(hits))
            start += file.metadata.row_group(number).num_rows
    return np.concatenate(found) if found else np.empty(0, dtype=np.int64)


def _holds(table: pa.Table, text: str) -> npt.NDArray[np.bool_]:
    """Whether any column of each row holds the text."""
    hits = np.zeros(len(table), dtype=np.bool_)
    for name in table.column_names:
        column = table[name].combine_chunks()
        if pa.types.is_list(column.type):
            inside = np.asarray(pc.match_substring(column.flatten(), text, ignore_case=True), dtype=np.bool_)
            hits[np.asarray(pc.list_parent_indices(column))[inside]] = True
        else:
            one = pc.fill_null(pc.match_substring(column, text, ignore_case=True), False)
            hits |= np.asarray(one, dtype=np.bool_)
    return hits


@lru_cache(maxsize=_REMEMBERED)
def margins_of(digest: str, task: str) -> Margins:
    """Margins of the samples of a task that have a right choice among several."""
    with storage.open_artifact(digest) as opened:
        table = pq.read_table(opened, columns=["task", "gold", "loglikelihoods"])
    table = table.append_column("row", pa.array(np.arange(len(table), dtype=np.int64)))
    count = pc.list_value_length(table["loglikelihoods"])
    named = pc.equal(pc.cast(table["task"], pa.string()), task)
    right = pc.and_(pc.greater_equal(table["gold"], 0), pc.less(table["gold"], count))
    table = table.filter(pc.and_(pc.and_(named, right), pc.greater_equal(count, 2))).combine_chunks()
    if not len(table):
        return Margins(np.empty(0, dtype=np.int64), np.empty(0))
    return Margins(_numbers(table, "row"), _margins(table))


def _margins(table: pa.Table) -> npt.NDArray[np.float64]:
    lists = table["loglikelihoods"]
    lengths = np.asarray(pc.list_value_length(lists), dtype=np.int64)
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    values = np.asarray(pc.list_flatten(lists), dtype=np.float64).copy()
    right = starts + _numbers(table, "gold")
    own = values[right]
    values[right] = -np.inf
    return np.asarray(own - np.maximum.reduceat(values, starts), dtype=np.float64)


def _numbers(table: pa.Table, name: str) -> Any:
    return np.asarray(table[name], dtype=np.int64)


def within(digest: str, task: str, rows: Rows, low: float, high: float) -> npt.NDArray[np.bool_]:
    """Which of the rows have a margin from ``low`` to ``high``."""
    known = margins_of(digest, task)
    chosen = known.rows[(known.values >= low) & (known.values <= high)]
    return np.isin(rows, chosen)
