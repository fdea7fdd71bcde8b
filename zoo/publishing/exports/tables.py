"""A release as rows, one a task, in CSV, JSON Lines or Parquet. Reads the frozen document alone."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

_NUMBERS = (
    *("student", "student_stderr", "teacher", "teacher_stderr", "chance"),
    *("retention", "retention_low", "retention_high", "retention_above_chance", "difference", "p_adjusted"),
)
_COUNTS = ("n", "both", "lost", "gained", "neither")
_TEXTS = (
    "release",
    "published_at",
    "student_model",
    "teacher_model",
    "suite",
    "task",
    "capability",
    "metric",
)
_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in _TEXTS),
        *((name, pa.int64()) for name in _COUNTS),
        *((name, pa.float64()) for name in _NUMBERS),
        ("undefined", pa.string()),
        ("verdict", pa.string()),
    ]
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def rows(document: dict[str, Any]) -> list[dict[str, Any]]:
    """One row a task; what is undefined is None, with the reason in ``undefined``."""
    comparison = document["comparison"]
    suite = comparison["suite"]
    shared = {
        "release": document["release"],
        "published_at": document["published_at"],
        "student_model": comparison["student"]["model"],
        "teacher_model": comparison["teacher"]["model"],
        "suite": f"{suite['name']}@{suite['version']}" if suite else None,
    }
    return [shared | _row(task) for task in comparison["tasks"]]


def _row(task: dict[str, Any]) -> dict[str, Any]:
    retention = task.get("retention") or {}
    samples = task.get("samples") or {}
    return {
        "task": task["task"],
        "capability": task.get("capability"),
        "metric": task["metric"],
        "n": task["n"],
        **{name: samples.get(name) for name in _COUNTS[1:]},
        "student": task["student"].get("value"),
        "student_stderr": task["student"].get("stderr"),
        "teacher": task["teacher"].get("value"),
        "teacher_stderr": task["teacher"].get("stderr"),
        "chance": task.get("chance"),
        "retention": retention.get("value"),
        "retention_low": retention.get("ci_low"),
        "retention_high": retention.get("ci_high"),
        "retention_above_chance": (task.get("retention_above_chance") or {}).get("value"),
        "difference": (task.get("difference") or {}).get("value"),
        "p_adjusted": task.get("p_adjusted"),
        "undefined": retention.get("undefined"),
        "verdict": task.get("verdict"),
    }


def to_csv(document: dict[str, Any]) -> bytes:
    """With a header; texts that a spreadsheet would take for a formula get an apostrophe."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(_SCHEMA.names)
    for row in rows(document):
        writer.writerow([_cell(row[name]) for name in _SCHEMA.names])
    return buffer.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return "" if value is None else value


def to_json_lines(document: dict[str, Any]) -> bytes:
    """A row a line."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows(document)).encode()


def to_parquet(document: dict[str, Any]) -> bytes:
    """The rows with their types."""
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows(document), schema=_SCHEMA), buffer, compression="zstd")
    return buffer.getvalue()
