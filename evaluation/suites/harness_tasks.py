"""What tasks the pinned harness has, without the harness: names, kinds, dangers, members of groups.

Read from ``harness_tasks.json``, which ``python -m evaluation.runners.index_tasks`` writes. Preflight uses it to
answer at once, the runner to open only the files it needs. It says nothing about data being at hand.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

INDEX_FILE = Path(__file__).with_name("harness_tasks.json")

TYPES = {
    "multiple_choice": "m",
    "generate_until": "g",
    "loglikelihood": "l",
    "loglikelihood_rolling": "r",
}
_NAMES = {letter: name for name, letter in TYPES.items()}


class HarnessTask(NamedTuple):
    """One leaf task. ``output_type`` is None where only the task's own Python knows it."""

    name: str
    output_type: str | None
    runs_code: bool
    """It runs what the model wrote, or hands it to a program: refused until there is a sandbox for that."""
    multimodal: bool
    python: bool
    """A Python class of the harness rather than a file of settings."""
    hub_metric: bool
    """It computes a metric that the harness fetches from the hub."""
    makes_data: bool
    """Its documents come from the task's own code, not from a data set."""
    dataset: str | None
    file: str
    """Path below the harness's folder of tasks."""


class HarnessGroup(NamedTuple):
    """A group: its members by name, and whether it has members without one."""

    name: str
    file: str
    members: tuple[str, ...]
    has_inline: bool


@dataclass(frozen=True, slots=True)
class HarnessIndex:
    """All names that the pinned harness knows."""

    harness_version: str
    tasks: dict[str, HarnessTask]
    groups: dict[str, HarnessGroup]
    tags: dict[str, tuple[str, ...]]

    def __contains__(self, name: str) -> bool:
        return name in self.tasks or name in self.groups or name in self.tags

    def leaves(self, name: str) -> tuple[HarnessTask, ...]:
        """The leaf tasks below a name, in the harness's order, without repeats. Empty for unknown names.

        Members of a group that have no name of their own are not among them.
        """
        found: dict[str, HarnessTask] = {}
        self._collect(name, found, set())
        return tuple(found.values())

    def _collect(self, name: str, found: dict[str, HarnessTask], seen: set[str]) -> None:
        if name in seen:
            return
        seen.add(name)
        if name in self.tasks:
            found[name] = self.tasks[name]
            return
        members = self.groups[name].members if name in self.groups else self.tags.get(name, ())
        for member in members:
            self._collect(member, found, seen)

    def nearest(self, name: str, count: int = 5) -> tuple[str, ...]:
        """Known names that look like this one, best first, for "did you mean"."""
        lowered = name.lower()
        starting = [known for known in self._names() if known.lower().startswith(lowered)][:count]
        close = difflib.get_close_matches(name, [*self._names()], n=count, cutoff=0.7)
        return tuple(dict.fromkeys([*close, *starting]))[:count]

    def _names(self) -> Iterable[str]:
        yield from self.groups
        yield from self.tags
        yield from self.tasks


@lru_cache(maxsize=1)
def index() -> HarnessIndex:
    """The index of the pinned harness. Read once per process, in about 50 ms."""
    document = json.loads(INDEX_FILE.read_text(encoding="utf-8"))
    datasets, folders = document["datasets"], document["folders"]
    names = [line[0] for part in ("tasks", "groups", "tags") for line in document[part]]
    return HarnessIndex(
        harness_version=document["harness_version"],
        tasks={line[0]: _task(line, datasets, folders) for line in document["tasks"]},
        groups={line[0]: _group(line, names, folders) for line in document["groups"]},
        tags={name: tuple(names[number] for number in members) for name, members in document["tags"]},
    )


def _task(line: list[Any], datasets: list[str], folders: list[str]) -> HarnessTask:
    name, kind, flags, dataset, folder, *file = line
    return HarnessTask(
        name=name,
        output_type=_NAMES.get(kind),
        runs_code="c" in flags,
        multimodal="v" in flags,
        python="p" in flags,
        hub_metric="h" in flags,
        makes_data="d" in flags,
        dataset=datasets[dataset] or None,
        file=_path(name, folders[folder], file),
    )


def _group(line: list[Any], names: list[str], folders: list[str]) -> HarnessGroup:
    name, members, others, folder, *file = line
    return HarnessGroup(
        name=name,
        file=_path(name, folders[folder], file),
        members=tuple(names[number] for number in members),
        has_inline=bool(others),
    )


def _path(name: str, folder: str, file: list[str]) -> str:
    return f"{folder}/{file[0] if file else name + '.yaml'}"
