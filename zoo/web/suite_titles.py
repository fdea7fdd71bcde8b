"""Names of tasks as their suite gives them. A suite that is not known here has none, and nothing fails."""

from __future__ import annotations

from functools import lru_cache

from evaluation.suites import loader


@lru_cache(maxsize=64)
def titles_of(suite: str) -> dict[str, str]:
    """Titles by task for a suite written as ``name@version``; empty for loose tasks and unknown suites."""
    name, _, version = suite.partition("@")
    if not version:
        return {}
    try:
        return {task.name: task.title for task in loader.load(name, version).tasks}
    except loader.UnknownSuite:
        return {}
