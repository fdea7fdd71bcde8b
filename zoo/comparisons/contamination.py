"""Contamination along lineage: a task whose data set an ancestor of a model was trained on, or learned from.

A flag is a reason to look, never a finding: the split that was trained on may be another than the one measured.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from evaluation.suites import harness_tasks, loader
from evaluation.suites.schema import AnswerItems, FinetuneItems, HarnessItems
from zoo.catalog.models import Model
from zoo.catalog.selectors import find_models
from zoo.comparisons.models import Comparison
from zoo.lineage.graph import paths
from zoo.lineage.selectors import ancestor_links


class Flag(NamedTuple):
    """A model that descends from the data of a task. `path` leads from the model up to the data set, by name."""

    task: str
    model: str
    dataset: str
    path: tuple[str, ...]


def contamination_of(comparison: Comparison) -> tuple[Flag, ...]:
    """Flags of both models of a comparison, the student's first, in the order of the tasks."""
    spec = comparison.student_run.spec
    asked = datasets_of(spec.get("suite"), spec["tasks"])
    known = find_models([comparison.student, comparison.teacher])
    sides = [known[name] for name in (comparison.student, comparison.teacher) if name in known]
    return tuple(flag for model in sides for flag in _flags(model, asked))


def datasets_of(suite: dict[str, str] | None, tasks: Iterable[str]) -> dict[str, str]:
    """The data set of each task as the hub names it, where it is one; carried data have none."""
    found = {}
    for name in tasks:
        dataset = _dataset(suite, name)
        if dataset:
            found[name] = dataset
    return found


def _dataset(suite: dict[str, str] | None, name: str) -> str | None:
    if suite is None:
        leaves = harness_tasks.index().leaves(name)
        return leaves[0].dataset if leaves else None
    try:
        source = loader.load(suite["name"], suite["version"]).task(name).source
    except (loader.UnknownSuite, KeyError):
        return None
    return _of_source(source)


def _of_source(source: object) -> str | None:
    if isinstance(source, HarnessItems):
        return _dataset(None, source.task)
    if isinstance(source, AnswerItems | FinetuneItems):
        return source.dataset
    return None


def _flags(model: Model, asked: dict[str, str]) -> Iterable[Flag]:
    wanted = find_models(set(asked.values()))
    if not wanted:
        return
    links = ancestor_links([model.pk])
    above = {link.parent for link in links}
    names: dict[int, str] = {}
    for task, dataset in asked.items():
        ancestor = wanted.get(dataset)
        if ancestor is None or ancestor.pk not in above:
            continue
        way = paths(links, start=model.pk, goal=ancestor.pk, limit=1)[0]
        if not names:
            entries = Model.objects.filter(pk__in=above | {model.pk}).select_related("organization")
            names = {entry.pk: entry.slug for entry in entries}
        yield Flag(task, model.slug, dataset, tuple(names[key] for key in way))
