"""The formats by name, as addresses and the command line know them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from zoo.core.errors import NotFound
from zoo.publishing.exports import bill, every_eval, harness, hub, linked, spdx, tables
from zoo.publishing.exports.measurement import Measurement
from zoo.publishing.exports.subject import Subject


class Format(NamedTuple):
    """A format: what it is called in a download, and how it is made."""

    content_type: str
    extension: str
    make: Callable[[Subject, datetime], str]


FORMATS: dict[str, Format] = {
    "card": Format("text/markdown", "md", lambda subject, now: hub.card(subject)),
    "model-index": Format("application/yaml", "yaml", lambda subject, now: hub.model_index(subject)),
    "eval-results": Format("application/yaml", "yaml", lambda subject, now: hub.eval_results(subject)),
    "cyclonedx": Format(
        "application/vnd.cyclonedx+json", "cdx.json", lambda subject, now: bill.cyclonedx(subject)
    ),
    "spdx": Format("application/spdx+json", "spdx.json", lambda subject, now: spdx.spdx3(subject, now=now)),
    "json-ld": Format("application/ld+json", "jsonld", lambda subject, now: linked.json_ld(subject)),
}


class UnknownFormat(NotFound):
    """There is no such format."""

    code = "unknown_format"


def format_named(name: str) -> Format:
    """A format by name. Raises UnknownFormat, naming those that there are."""
    if name not in FORMATS:
        raise UnknownFormat(f"there is no format '{name}'", remedy=f"Known: {', '.join(FORMATS)}.")
    return FORMATS[name]


class RunFormat(NamedTuple):
    """A format of one finished run. ``make`` gets the run, a task where the format is of one task, and the time."""

    content_type: str
    extension: str
    make: Callable[[Measurement, str, datetime], bytes]


def _document(document: dict[str, Any]) -> bytes:
    return json.dumps(document, indent=2, ensure_ascii=False).encode()


RUN_FORMATS: dict[str, RunFormat] = {
    "lm-eval": RunFormat("application/json", "json", lambda run, task, now: _document(harness.results(run))),
    "lm-eval-samples": RunFormat(
        "application/x-ndjson",
        "jsonl",
        lambda run, task, now: "".join(harness.samples(run, task or run.report.results[0].task)).encode(),
    ),
    "lm-eval-zip": RunFormat("application/zip", "zip", lambda run, task, now: harness.archive(run)),
    "every-eval-ever": RunFormat(
        "application/json", "json", lambda run, task, now: _document(every_eval.record(run, now=now))
    ),
    "every-eval-ever-samples": RunFormat(
        "application/x-ndjson", "jsonl", lambda run, task, now: "".join(every_eval.instances(run)).encode()
    ),
}

TABLES: dict[str, tuple[str, Callable[[dict[str, Any]], bytes]]] = {
    "csv": ("text/csv; charset=utf-8", tables.to_csv),
    "jsonl": ("application/x-ndjson", tables.to_json_lines),
    "parquet": ("application/vnd.apache.parquet", tables.to_parquet),
}
"""The formats of a release's rows: content type, and how they are written."""


def run_format_named(name: str) -> RunFormat:
    """A format of a run by name. Raises UnknownFormat, naming those that there are."""
    if name not in RUN_FORMATS:
        raise UnknownFormat(f"there is no format '{name}'", remedy=f"Known: {', '.join(RUN_FORMATS)}.")
    return RUN_FORMATS[name]
