"""The running texts that fidelity and similarity are measured on, by name: tasks of carried suites."""

from __future__ import annotations

from typing import NamedTuple

from evaluation.suites import loader

TEXTS: dict[str, tuple[str, str, str]] = {"demo-text": ("demo", "1", "demo_text")}
"""Name -> suite, version, task. A name never changes its meaning: another text is another name."""


class Document(NamedTuple):
    """One document of a text."""

    id: str
    text: str


def documents(name: str) -> tuple[Document, ...]:
    """The documents of a text, in their order. Raises LookupError for an unknown name."""
    if name not in TEXTS:
        raise LookupError(f"there is no text '{name}'; known: {', '.join(sorted(TEXTS))}")
    suite_name, version, task = TEXTS[name]
    suite = loader.load(suite_name, version)
    return tuple(Document(item.id, item.context) for item in loader.items(suite, suite.task(task)))
