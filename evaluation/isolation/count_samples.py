"""Counts what is in a samples file: a program of its own, since the file may be made to break its reader.

``python -m evaluation.isolation.count_samples NUMBER`` reads the open file of that number and prints JSON:
{task: [rows, documents, rows without a finite score]}.
"""

from __future__ import annotations

import json
import os
import sys
from typing import BinaryIO

import pyarrow.compute as pc

from evaluation import samples

MAX_TASKS = 1000


def count(file: BinaryIO) -> dict[str, list[int]]:
    """Rows, distinct documents and rows without a finite score, by task. Raises ValueError for another file."""
    table = samples.read_table(file, columns=["task", "doc_id", "score"])
    names = table["task"].cast("string")
    found: dict[str, list[int]] = {}
    for name in pc.unique(names).to_pylist()[: MAX_TASKS + 1]:
        rows = table.filter(pc.equal(names, name))
        finite = pc.sum(pc.cast(pc.is_finite(rows["score"]), "int64")).as_py() or 0
        found[name] = [rows.num_rows, pc.count_distinct(rows["doc_id"]).as_py(), rows.num_rows - finite]
    return found


if __name__ == "__main__":
    with os.fdopen(int(sys.argv[1]), "rb") as opened:
        sys.stdout.write(json.dumps(count(opened)))
