"""Which tasks' texts are not shown: data sets whose owners ask that their items stay out of the open.

Numbers, outcomes and hashes are shown all the same; prompts, choices and answers are left out everywhere: pages, API
and downloads. A flag of the data, not of the viewer.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from evaluation.samples import Sample
from zoo.catalog.models import Availability
from zoo.catalog.selectors import find_models
from zoo.comparisons.contamination import datasets_of

GATED_DATASETS = frozenset({"idavidrein/gpqa", "cais/hle", "gaia-benchmark/gaia"})
"""Data sets behind a gate on the hub whose terms forbid to republish items in plain text."""
REDACTED = "[not shown: the owners of this data set ask that its items are not republished]"
TEXTS = ("prompt", "target", "response", "answer")


def redacted_tasks(spec: dict[str, Any]) -> frozenset[str]:
    """The tasks of a run (its spec as JSON) whose texts are not shown; gated entries of the catalog count too."""
    found = datasets_of(spec.get("suite"), spec["tasks"])
    gated = {name for name, model in find_models(set(found.values())).items()
             if model.availability == Availability.GATED}  # fmt: skip
    return frozenset(task for task, name in found.items() if name.lower() in GATED_DATASETS or name in gated)


def without_texts(samples: Iterable[Sample], tasks: frozenset[str]) -> Iterable[Sample]:
    """The samples, those of redacted tasks without their texts."""
    for sample in samples:
        yield redacted(sample) if sample.task in tasks else sample


def redacted(sample: Sample) -> Sample:
    """A sample without what it says of the document, and without the model's words about it."""
    return sample._replace(
        prompt=REDACTED,
        target="",
        choices=tuple("" for _ in sample.choices),
        response=None if sample.response is None else REDACTED,
        answer=None if sample.answer is None else REDACTED,
    )
