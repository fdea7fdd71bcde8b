"""The document of a release: a pure function of what was measured. No database, no clock."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

from evaluation.contract import canonical_json

SCHEMA = "distill-zoo/release/1"
FIRST_HASH = "0" * 64
Document = dict[str, Any]


class Evidence(NamedTuple):
    """What stands behind one side of a comparison: the recorded result, by place and hash, and its samples."""

    run: str
    identity: str
    result_sequence: int
    result_hash: str
    samples_sha256: str


def build(
    *,
    release_id: str,
    sequence: int,
    published_at: str,
    comparison: Document,
    statistics_version: int,
    student: Evidence,
    teacher: Evidence,
    instance: str,
    replaces: str | None,
    reason: str,
) -> Document:
    """The frozen document. Times are ISO 8601 in UTC."""
    return {
        "schema": SCHEMA,
        "release": release_id,
        "sequence": sequence,
        "published_at": published_at,
        "instance": instance,
        "statistics_version": statistics_version,
        "comparison": comparison,
        "evidence": {"student": student._asdict(), "teacher": teacher._asdict()},
        "replaces": replaces,
        "reason": reason,
    }


def digest(document: Document) -> str:
    """SHA-256 (hex) of the canonical form."""
    return hashlib.sha256(canonical_json(document)).hexdigest()


def chained(previous_hash: str, document_digest: str) -> str:
    """The hash that ties a release to all before it."""
    return hashlib.sha256(f"{previous_hash}{document_digest}".encode()).hexdigest()


def differences(before: Document, after: Document) -> list[str]:
    """Which numbers of two releases' comparisons differ, as sentences for a correction's page."""
    old, new = _numbers(before["comparison"]), _numbers(after["comparison"])
    found = [
        f"{path}: {old[path]:.6g} became {new[path]:.6g}"
        for path in old.keys() & new.keys()
        if old[path] != new[path]
    ]
    found += [f"{path} is new" for path in new.keys() - old.keys()]
    found += [f"{path} is gone" for path in old.keys() - new.keys()]
    return sorted(found)


def _numbers(value: Any, path: str = "") -> dict[str, float]:
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return {}
    if isinstance(value, int | float):
        return {path: float(value)}
    pairs = (
        value.items() if isinstance(value, dict) else ((_name(item, i), item) for i, item in enumerate(value))
    )
    found: dict[str, float] = {}
    for key, item in pairs:
        found |= _numbers(item, f"{path}.{key}" if path else str(key))
    return found


def _name(item: Any, place: int) -> str:
    return str(item.get("task") or item.get("name") or place) if isinstance(item, dict) else str(place)
