"""Whether a release still says what would be measured today: harness, engine, statistics or suite may have moved on.

A stale release stays as it was published; it gets marks that say what is newer. Pure but for reading the suites.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from evaluation.contract import current_engine_version
from evaluation.suites import harness_tasks, loader


class Mark(NamedTuple):
    """One thing that moved on: a stable code, and a sentence."""

    code: str
    message: str


class Current(NamedTuple):
    """What a measurement would be made with today. ``suites`` holds the newest version of each suite."""

    harness: str
    statistics: int
    suites: dict[str, str]


@lru_cache(maxsize=4)
def current(*, statistics: int) -> Current:
    """The present state of this installation; it changes with the code alone."""
    newest = {name: loader.versions(name)[-1] for name in loader.names()}
    return Current(harness_tasks.index().harness_version, statistics, newest)


def marks(document: dict[str, Any], now: Current) -> list[Mark]:
    """What moved on since a release was published; empty while it is what would be published today."""
    comparison = document["comparison"]
    found = []
    engine = comparison.get("engine") or {}
    harness = engine.get("harness_version")
    if harness and harness != now.harness:
        found.append(
            Mark("harness_moved_on", f"measured with lm-eval {harness}; {now.harness} is in use now")
        )
    found += _engine(engine)
    if document["statistics_version"] != now.statistics:
        version = document["statistics_version"]
        text = f"computed by version {version} of the statistics; version {now.statistics} is in use now"
        found.append(Mark("statistics_moved_on", text))
    suite = comparison.get("suite")
    newest = now.suites.get(suite["name"]) if suite else None
    if suite and newest is not None and newest != suite["version"]:
        text = f"suite {suite['name']} is now at version {newest}; this is version {suite['version']}"
        found.append(Mark("suite_moved_on", text))
    return found


def _engine(engine: dict[str, Any]) -> list[Mark]:
    """Both sides of a comparison have one engine version, so its facts stand for both."""
    version = engine.get("engine_version")
    if not version:
        return []
    today = current_engine_version(engine["engine"], version)
    text = f"measured with engine version {version}; {today} is in use now"
    return [] if version == today else [Mark("engine_moved_on", text)]
