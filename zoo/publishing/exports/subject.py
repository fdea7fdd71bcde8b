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
    role: str = ""
    stage: str = ""
    outputs_made: str = ""
    """What it did, in which stage, and when its outputs were made; empty where no source says so."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A model as exports see it. ``releases`` are documents, newest first."""

    id: str
    title: str
    publisher: str
    license: str
    """Its key in the catalog; empty when unknown."""
    license_spdx: str
    """The same as an SPDX expression, with a LicenseRef where SPDX has no id."""
    license_tag: str
    """The same as the hub's tag; empty where the hub has none for it."""
    license_url: str
    hub_id: str
    parameters: int | None
    architecture: str
    """The catalog's word: decoder, encoder, encoder-decoder and so on."""
    modality: str
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
    def task(self) -> str:
        """What it is for, in the hub's names of tasks; empty where architecture and modality do not tell."""
        return TASKS.get(self.architecture, "") if self.modality in ("", "text") else ""

    @property
    def bases(self) -> tuple[Parent, ...]:
        """Whose weights were taken over."""
        return tuple(p for p in self.parents if p.kind in RELATIONS)

    @property
    def datasets(self) -> tuple[str, ...]:
        """What it was trained on."""
        return tuple(p.model for p in self.parents if p.is_dataset)


TASKS = {
    "decoder": "text-generation",
    "decoder-moe": "text-generation",
    "hybrid-mamba": "text-generation",
    "encoder": "fill-mask",
    "encoder-decoder": "text2text-generation",
}
"""Architectures -> tasks of the hub. An encoder is told as what it was trained for, not as what it may be tuned for."""

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
    limit = (comparison.get("protocol") or {}).get("limit")
    if limit:
        where = f"the first {limit} documents of each task of {where}"
    if "undefined" in retention:
        return f"On {where} its retention of {comparison['teacher']['model']} is undefined ({retention['undefined']})."
    low, high = retention["ci_low"], retention["ci_high"]
    return (
        f"It keeps {retention['value']:.1%} [{low:.1%}, {high:.1%}] of {comparison['teacher']['model']} on {where} "
        f"(verdict: {comparison['overall']['verdict'] or 'none'})."
    )
