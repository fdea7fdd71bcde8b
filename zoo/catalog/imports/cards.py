"""What a model card says, for the catalog: license, parents, data, scores, and hints that somebody must confirm.

Pure. Everything here is a claim of the card's author. Order of trust for a teacher: our own ``distillation`` block,
then the hub's ``base_model`` with its relation (which is about weights), then words in the text, which are hints.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from evaluation.formats.bounded_json import Json
from evaluation.formats.card import Card

MAX_SCORES = 500
MAX_PARENTS = 8
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_HINT = re.compile(
    r"(?:distill(?:ed|ation)?\s+(?:\w+\s+){0,4}?from|teacher(?:\s+model)?(?:\s+(?:is|was|:))?|generated\s+(?:by|with|using)"
    r"|traces?\s+(?:of|from)|outputs?\s+of)\s+\W{0,3}(?P<name>[A-Za-z][\w.+-]*(?:[ /-][\w.+-]*\d[\w.+-]*|/[\w.+-]+)*)",
    re.IGNORECASE,
)
_RELATIONS: Mapping[str, str] = {
    "finetune": "finetuned_from",
    "adapter": "adapter_of",
    "quantized": "quantized_from",
    "merge": "merged_from",
}
_METHOD_WORDS: Mapping[str, tuple[str, ...]] = {
    "logit": ("logit", "kl ", "kullback", "soft target", "softened"),
    "feature": ("feature", "hidden state", "attention", "intermediate"),
    "chain-of-thought": ("chain-of-thought", "chain of thought", "reasoning", "traces"),
    "response": ("response", "outputs", "answers", "generated text"),
}
METHODS = ("response", "logit", "feature", "chain-of-thought", "mixed")
LICENSES: Mapping[str, str] = {
    "apache-2.0": "Apache-2.0",
    "mit": "MIT",
    "bsd-3-clause": "BSD-3-Clause",
    "cc-by-4.0": "CC-BY-4.0",
    "cc-by-sa-4.0": "CC-BY-SA-4.0",
    "cc-by-nc-4.0": "CC-BY-NC-4.0",
    "cc-by-nc-sa-4.0": "CC-BY-NC-SA-4.0",
    "cc0-1.0": "CC0-1.0",
    "gpl-3.0": "GPL-3.0-only",
    "agpl-3.0": "AGPL-3.0-only",
    "llama2": "llama-2-community",
    "llama3": "llama-3-community",
    "llama3.1": "llama-3.1-community",
    "llama3.2": "llama-3.2-community",
    "llama3.3": "llama-3.3-community",
    "llama4": "llama-4-community",
    "gemma": "gemma-terms",
    "bigcode-openrail-m": "bigcode-openrail-m",
}
"""The hub's license ids as keys of the catalog; an id that is not here is kept as it stands."""


class Claimed(NamedTuple):
    """A step of lineage that the card states."""

    kind: str
    parent: str
    methods: tuple[str, ...]
    certain: bool
    """False: the relation is our reading, because the card names none."""


class CardScore(NamedTuple):
    """A score that the card states."""

    benchmark: str
    metric: str
    settings: str
    value: float
    source: str


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What a card says."""

    license: str
    """As a key of the catalog; empty: the card names none."""
    license_declared: str
    """Word for word, with name and link where the tag is ``other``."""
    hub_tag: str
    parents: tuple[Claimed, ...]
    datasets: tuple[str, ...]
    scores: tuple[CardScore, ...]
    hints: tuple[str, ...]
    """What the text hints at: claims to confirm, never lineage."""
    base_models: tuple[str, ...]


def read_facts(card: Card) -> CardFacts:
    """Reads a card. Never raises: what is not understood is left out."""
    tag = card.first("license") or ""
    name, link = card.first("license_name") or "", card.first("license_link") or ""
    declared = f"{tag} ({', '.join(part for part in (name, link) if part)})" if name or link else tag
    key = name if tag.lower() in ("other", "unknown") else LICENSES.get(tag.lower(), tag)
    own = tuple(_own_block(card.front.get("distillation")))
    bases = tuple(base for base in card.texts("base_model") if _ID.fullmatch(base))[:MAX_PARENTS]
    taught = {claimed.parent.lower() for claimed in own}
    hints = [text for name, text in _hints(card.text) if name.lower() not in taught]
    parents = (*own, *_bases(card, bases))
    if len(bases) > 1 and not any(claimed.kind == "merged_from" for claimed in parents):
        hints = [f"base_model names {len(bases)} models without saying how: {', '.join(bases)}", *hints]
    return CardFacts(
        license=key[:100],
        license_declared=declared[:200],
        hub_tag=tag[:120],
        parents=parents,
        datasets=tuple(data for data in card.texts("datasets") if _ID.fullmatch(data))[:MAX_PARENTS],
        scores=tuple(_scores(card.front.get("model-index")))[:MAX_SCORES],
        hints=tuple(dict.fromkeys(hints))[:20],
        base_models=bases,
    )


def read_eval_results(document: Json) -> list[CardScore]:
    """The scores of a file of ``.eval_results``: a list of {dataset, value, source, notes}."""
    found = []
    for row in document if isinstance(document, list) else []:
        if not isinstance(row, dict):
            continue
        dataset, value = row.get("dataset"), _number(row.get("value"))
        if isinstance(dataset, dict) and value is not None and isinstance(dataset.get("id"), str):
            task = dataset.get("task_id") or dataset.get("config")
            benchmark = f"{dataset['id']}{f' ({task})' if isinstance(task, str) else ''}"
            found.append(
                CardScore(
                    benchmark[:200], "value", _text(row.get("notes"), 600), value, _source(row.get("source"))
                )
            )
    return found[:MAX_SCORES]


def _own_block(block: Json) -> Iterator[Claimed]:
    """Our ``distillation`` block: teacher (one or several), method; or a list of such blocks, one for each teacher."""
    if isinstance(block, list):
        for one in block[:MAX_PARENTS]:
            if isinstance(one, dict):
                yield from _own_block(one)
        return
    if not isinstance(block, dict):
        return
    teachers = block.get("teacher")
    methods = block.get("method")
    given = methods if isinstance(methods, list) else [methods]
    texts = [method for method in given if isinstance(method, str)]
    known = tuple(dict.fromkeys(found for text in texts for found in _methods(text)))
    for teacher in teachers if isinstance(teachers, list) else [teachers]:
        if isinstance(teacher, str) and _ID.fullmatch(teacher):
            yield Claimed("distilled_from", teacher, known, True)


def _methods(text: str) -> list[str]:
    """The methods that a text names: one of ours exactly, else by the words that stand for them."""
    if text in METHODS:
        return [text]
    lower = text.lower()
    return [method for method, words in _METHOD_WORDS.items() if any(word in lower for word in words)]


def _bases(card: Card, bases: tuple[str, ...]) -> Iterator[Claimed]:
    """The weights the model started from. Several bases are a merge only where the card says so."""
    relation = card.first("base_model_relation")
    kind = _RELATIONS.get(relation or "")
    if len(bases) == 1:
        yield Claimed(kind or "finetuned_from", bases[0], (), kind is not None)
    elif kind == "merged_from":
        yield from (Claimed(kind, base, (), True) for base in bases)


def _hints(text: str) -> Iterator[tuple[str, str]]:
    """Names of what may be a teacher, each with the words around it."""
    for match in _HINT.finditer(text[:200_000]):
        name = match["name"].strip(" -/.")
        if any(map(str.isdigit, name)) or "/" in name:
            start, end = max(0, match.start() - 40), min(len(text), match.end() + 40)
            yield name, f"{name}: “…{' '.join(text[start:end].split())[:200]}…”"


def _scores(index: Json) -> Iterator[CardScore]:
    """The results of ``model-index``."""
    for model in index if isinstance(index, list) else []:
        results = model.get("results") if isinstance(model, dict) else None
        for result in results if isinstance(results, list) else []:
            if isinstance(result, dict):
                yield from _result(result)


def _result(result: Mapping[str, Json]) -> Iterator[CardScore]:
    dataset, metrics = result.get("dataset"), result.get("metrics")
    if not isinstance(dataset, dict) or not isinstance(metrics, list):
        return
    name = _text(dataset.get("name") or dataset.get("type"), 160)
    parts = [f"{key} {dataset[key]}" for key in ("config", "split") if isinstance(dataset.get(key), str)]
    for metric in metrics:
        value = _number(metric.get("value")) if isinstance(metric, dict) else None
        if isinstance(metric, dict) and value is not None and name:
            kind = _text(metric.get("name") or metric.get("type"), 300) or "not named"
            yield CardScore(name, kind, ", ".join(parts)[:600], value, _source(result.get("source")))


def _source(value: Json) -> str:
    return _text(value.get("url") or value.get("name"), 300) if isinstance(value, dict) else ""


def _text(value: Json, limit: int) -> str:
    return value[:limit] if isinstance(value, str) else ""


def _number(value: Json) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
