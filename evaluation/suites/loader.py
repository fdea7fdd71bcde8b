"""Reads suites: ``<name>/<version>.yaml`` in this folder, with ``items.json`` and JSON Lines beside it.

Data files are checked against the digests in the definition before a row of them is used.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import TypeAdapter

from evaluation.suites.schema import (
    AnswerItems,
    Capability,
    ChoiceItems,
    FinetuneItems,
    HarnessItems,
    RowsFile,
    Suite,
    SuiteTask,
    TextItems,
)

FOLDER = Path(__file__).parent
LETTERS = "ABCDEFGHIJ"


class UnknownSuite(LookupError):
    """There is no such suite, or no such version of it."""


class BrokenSuite(ValueError):
    """A data file of a suite is not the one that its definition names."""


def capability_of(task: str) -> Capability | None:
    """What a task of the harness speaks of, by ``capabilities.yaml``; None where nothing there matches its name."""
    known = _capability_map()
    parts = task.split("_")
    names = ("_".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((known[name] for name in names if name in known), None)


@lru_cache(maxsize=1)
def _capability_map() -> dict[str, Capability]:
    adapter = TypeAdapter(dict[Capability, tuple[str, ...]])
    document = adapter.validate_python(
        yaml.safe_load((FOLDER / "capabilities.yaml").read_text(encoding="utf-8"))
    )
    return {name: capability for capability, names in document.items() for name in names}


class Item(NamedTuple):
    """One document of a task with data of its own, in the form in which it is put to a model.

    For texts ``choices`` is empty and ``context`` is the text.
    """

    id: str
    context: str
    choices: tuple[str, ...]
    gold: int
    cluster: str | None


def names() -> tuple[str, ...]:
    """The names of all suites, in alphabetical order."""
    return tuple(sorted({path.parent.name for path in FOLDER.glob("*/[0-9]*.yaml")}))


def versions(name: str) -> tuple[str, ...]:
    """The versions of a suite, newest last. Empty for an unknown name."""
    found = [path.stem for path in FOLDER.glob("*/[0-9]*.yaml") if path.parent.name == name]
    return tuple(sorted(found, key=int))


@lru_cache(maxsize=32)
def load(name: str, version: str | None = None) -> Suite:
    """A suite in one version, the newest by default.

    Raises UnknownSuite; pydantic's ValidationError for a definition that is not in order.
    """
    known = versions(name)
    if not known or (version is not None and version not in known):
        raise UnknownSuite(f"there is no suite '{name}'" + (f" in version {version}" if version else ""))
    path = FOLDER / name / f"{version or known[-1]}.yaml"
    suite = Suite.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    if (suite.name, suite.version) != (name, path.stem):
        raise BrokenSuite(f"{name}/{path.name} calls itself {suite.name} {suite.version}")
    return suite


def item_ids(suite: Suite, task: SuiteTask) -> tuple[int, ...] | None:
    """The documents of a harness task, by position in its data set, ascending; None for all of them."""
    source = task.source
    if not isinstance(source, HarnessItems | AnswerItems) or source.items is None:
        return None
    ids = _item_lists(suite.name)[source.items]
    if len(ids) != task.items:
        raise BrokenSuite(f"the list '{source.items}' has {len(ids)} items, the suite says {task.items}")
    return ids


def items(suite: Suite, task: SuiteTask) -> tuple[Item, ...]:
    """The documents of a task whose data the suite carries. Raises BrokenSuite when the data is not as stated."""
    source = task.source
    if isinstance(source, HarnessItems | AnswerItems | FinetuneItems):
        raise BrokenSuite(f"the items of '{task.name}' are in a data set that the suite does not carry")
    make = _choice_item if isinstance(source, ChoiceItems) else _text_item
    made = tuple(make(row, source, number) for number, row in enumerate(_rows(suite.name, source.rows)))
    if len(made) != task.items:
        raise BrokenSuite(f"'{task.name}' has {len(made)} items, the suite says {task.items}")
    return made


class Example(NamedTuple):
    """One text (or pair) with its label: the number of a class, or a number to predict."""

    id: str
    text: str
    pair: str | None
    label: float


def carried_examples(suite: Suite, source: FinetuneItems, split: str) -> tuple[Example, ...]:
    """The examples of a split, ``train`` or ``eval``, from the file that the suite carries."""
    assert source.rows is not None
    rows = [row for row in _rows(suite.name, source.rows) if row["split"] == split]
    return tuple(example_of(row, source, number) for number, row in enumerate(rows))


def example_of(row: dict[str, Any], source: FinetuneItems, number: int) -> Example:
    """A row as an example. Raises KeyError, and BrokenSuite for a label that is none of the classes."""
    label = row[source.label]
    if source.labels is not None:
        if isinstance(label, str):
            label = source.labels.index(label) if label in source.labels else -1
        if not 0 <= int(label) < len(source.labels):
            raise BrokenSuite(f"{label} is not the label of a class")
    return Example(
        id=str(row.get("id", row.get("idx", number))),
        text=str(row[source.text]),
        pair=str(row[source.pair]) if source.pair else None,
        label=float(label),
    )


def question_of(row: dict[str, Any], source: AnswerItems, number: int) -> Item:
    """A row of a data set as a question with its answer, worded and lettered as the suite says. Raises KeyError."""
    answer = str(row[source.answer])
    if source.answer_after is not None:
        answer = answer.rpartition(source.answer_after)[2].strip()
    question = str(row[source.question]).strip()
    if source.wrong:
        choices = [answer, *(str(row[column]) for column in source.wrong)]
        order = random.Random(f"{source.seed}-{question}").sample(range(len(choices)), len(choices))  # noqa: S311
        lettered = [f"{LETTERS[place]}) {choices[chosen].strip()}" for place, chosen in enumerate(order)]
        question = "\n".join([question, *lettered])
        answer = LETTERS[order.index(0)]
    text = f"{question}\n{source.instruction}" if source.instruction else question
    return Item(str(row.get("id", number)), text, (answer,), 0, None)


def _choice_item(row: dict[str, Any], source: Any, number: int) -> Item:
    assert isinstance(source, ChoiceItems)
    columns = source.choices
    choices = row[columns] if isinstance(columns, str) else [row[column] for column in columns]
    gold = row[source.gold] if isinstance(source.gold, str) else source.gold
    return Item(
        id=str(row.get("id", number)),
        context=str(row[source.context]) if source.context else "",
        choices=tuple(f"{choice}" for choice in choices),
        gold=int(gold),
        cluster=str(row[source.cluster]) if source.cluster else None,
    )


def _text_item(row: dict[str, Any], source: Any, number: int) -> Item:
    assert isinstance(source, TextItems)
    cluster = str(row[source.cluster]) if source.cluster else None
    return Item(str(row.get("id", number)), str(row[source.text]), (), 0, cluster)


def _rows(suite: str, rows: RowsFile) -> Iterator[dict[str, Any]]:
    for row in _file_rows(rows.folder or suite, rows.file, rows.sha256):
        if all(str(row[column]) == value for column, value in rows.where.items()):
            yield row


@lru_cache(maxsize=32)
def _file_rows(suite: str, file: str, sha256: str) -> tuple[dict[str, Any], ...]:
    content = (FOLDER / suite / file).read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise BrokenSuite(f"{suite}/{file} is not the file that the suite was made with")
    return tuple(json.loads(line) for line in content.decode("utf-8").splitlines())


@lru_cache(maxsize=32)
def _item_lists(suite: str) -> dict[str, tuple[int, ...]]:
    document = json.loads((FOLDER / suite / "items.json").read_text(encoding="utf-8"))
    return {name: tuple(sorted(ids)) for name, ids in document["lists"].items()}
