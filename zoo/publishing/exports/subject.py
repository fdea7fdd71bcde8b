"""What an export is made of: one model's facts and its standing releases, as plain values. No database here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Parent:
    """One step up the lineage. ``kind`` and ``methods`` are those of the lineage's edges."""

    model: str
    kind: str
    methods: tuple[str, ...]
    status: str
    is_dataset: bool
    revision: str
    """A pinned revision where one is known; else empty."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A model as exports see it. ``releases`` are documents, newest first."""

    id: str
    title: str
    publisher: str
    license: str
    license_tag: str
    license_url: str
    parameters: int | None
    architecture: str
    released: str
    paper: str
    notes: str
    revision: str
    digest: str
    parents: tuple[Parent, ...]
    releases: tuple[dict[str, Any], ...]
    address: str
    """The page of the model on this instance."""

    @property
    def teachers(self) -> tuple[Parent, ...]:
        """Whose outputs, logits or features were learned from, disputed ones left out."""
        return tuple(
            p
            for p in self.parents
            if p.kind == "distilled_from" and p.status not in ("disputed", "retracted")
        )

    @property
    def bases(self) -> tuple[Parent, ...]:
        """Whose weights were taken over."""
        return tuple(p for p in self.parents if p.kind in RELATIONS)

    @property
    def datasets(self) -> tuple[str, ...]:
        """What it was trained on."""
        return tuple(p.model for p in self.parents if p.is_dataset)


RELATIONS = {
    "initialized_from": "finetune",
    "finetuned_from": "finetune",
    "pruned_from": "finetune",
    "quantized_from": "quantized",
    "merged_from": "merge",
    "adapter_of": "adapter",
}
"""Edges of weights -> the hub's ``base_model_relation``, which knows four values and no distillation."""


def sentence(release: dict[str, Any]) -> str:
    """One sentence about a release, made from its numbers alone."""
    comparison = release["comparison"]
    retention = comparison["overall"]["retention"]
    suite = comparison["suite"]
    where = f"suite {suite['name']} {suite['version']}" if suite else "a list of tasks"
    if "undefined" in retention:
        return f"On {where} its retention of {comparison['teacher']['model']} is undefined ({retention['undefined']})."
    low, high = retention["ci_low"], retention["ci_high"]
    return (
        f"It keeps {retention['value']:.1%} [{low:.1%}, {high:.1%}] of {comparison['teacher']['model']} on {where} "
        f"(verdict: {comparison['overall']['verdict'] or 'none'})."
    )
