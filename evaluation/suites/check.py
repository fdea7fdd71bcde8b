"""Checks every suite that is carried: definition, digests of the data, lists of items. Part of ``make check``."""

from __future__ import annotations

from pydantic import ValidationError

from evaluation.suites import loader
from evaluation.suites.schema import ChoiceItems, FinetuneItems, HarnessItems, Suite, SuiteTask, TextItems


def problems() -> list[str]:
    """What is not in order, a sentence each, naming suite, version and task."""
    return [
        f"suite {name} {version}: {p}"
        for name in loader.names()
        for version in loader.versions(name)
        for p in _suite(name, version)
    ]


def _suite(name: str, version: str) -> list[str]:
    try:
        suite = loader.load(name, version)
    except (ValidationError, loader.BrokenSuite) as error:
        return [str(error)]
    found = []
    for task in suite.tasks:
        try:
            _carried(suite, task)
        except (loader.BrokenSuite, KeyError, OSError, ValueError) as error:
            found.append(f"task {task.name}: {error}")
    return found


def _carried(suite: Suite, task: SuiteTask) -> None:
    """Reads whatever of the task the suite carries; what lies in a data set elsewhere cannot be read here."""
    source = task.source
    if isinstance(source, HarnessItems):
        loader.item_ids(suite, task)
    elif isinstance(source, ChoiceItems | TextItems):
        loader.items(suite, task)
    elif isinstance(source, FinetuneItems) and source.rows is not None:
        for split in ("train", "eval"):
            loader.carried_examples(suite, source, split)
