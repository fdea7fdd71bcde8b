"""What tasks are called in the suite that they belong to."""

from __future__ import annotations

from evaluation.suites import loader


def task_titles(suite: str, version: str) -> dict[str, str]:
    """Titles by task name; empty outside of suites and for a suite that this version no longer carries."""
    if not suite:
        return {}
    try:
        return {task.name: task.title for task in loader.load(suite, version).tasks}
    except loader.UnknownSuite:
        return {}
