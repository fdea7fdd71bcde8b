"""What the catalog pages show, made from what the selectors return: facets, chips, rows, words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.http import QueryDict

from zoo.catalog.models import Evidence, Fact
from zoo.catalog.search import Facet, Query
from zoo.web.presenters import compact

FACET_LABELS: Mapping[str, str] = {
    "verdict": "License check",
    "license": "License as published",
    "role": "Role",
    "method": "Distillation",
    "teacher": "Teacher",
    "kind": "Kind",
    "family": "Family",
    "numbers": "Scores",
    "organization": "Publisher",
    "architecture": "Architecture",
    "availability": "Availability",
    "modality": "Modality",
}
VALUE_LABELS: Mapping[str, str] = {
    "chain-of-thought": "chain of thought",
    "dataset": "data set",
    "api": "closed API",
    "model": "model",
    "conditions": "allowed with conditions",
    "measured": "measured here",
    "decoder-moe": "decoder, mixture of experts",
    "text+image": "text and images",
    "open": "open weights",
    "closed": "API only",
    "unreleased": "never released",
    **{
        f"use-{use}:{verdict}": f"{words}: {verdict}"
        for use, words in {
            "run": "inside a company",
            "redistribute": "passing it on",
            "publish": "publishing a fine-tune",
            "distill": "distilling from it",
            "research": "research",
        }.items()
        for verdict in ("allowed", "conditions", "prohibited", "unknown")
    },
}
ORDERING_LABELS: Mapping[str, str] = {
    "": "measured first, then students",
    "parameters": "smallest first",
    "-parameters": "largest first",
    "-released": "newest first",
    "released": "oldest first",
    "name": "by name",
    "-retention": "most retained first",
}
FIELD_LABELS: Mapping[str, str] = {
    "hub_id": "Hub id",
    "hub_license_tag": "License tag on the hub",
    "license": "License",
    "license_url": "Text of the license",
    "license_note": "About the license",
    "parameters": "Parameters",
    "active_parameters": "Active parameters",
    "context_length": "Context length",
    "released": "Released",
    "paper": "Paper",
    "distillation": "Distillation",
    "control_of": "Control of",
    "family": "Family",
    "licensor": "Licensor",
    "architecture": "Architecture",
    "modality": "Modality",
    "availability": "Availability",
    "notes": "Notes",
}
_SHORT = 8
_FOLDED = frozenset({"organization", "architecture", "availability", "modality"})


@dataclass(frozen=True, slots=True)
class Option:
    """A check box of a facet."""

    value: str
    label: str
    count: str
    checked: bool


@dataclass(frozen=True, slots=True)
class FacetGroup:
    """A group of check boxes: those shown at once, and the rest."""

    name: str
    label: str
    options: tuple[Option, ...]
    more: tuple[Option, ...]
    folded: bool
    """Whether it stands behind a disclosure, because it is needed less often."""
    is_open: bool


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter in force, and the address without it."""

    label: str
    value: str
    remove: str


def value_label(value: str) -> str:
    """How a value of a facet reads."""
    return VALUE_LABELS.get(value, value)


def facet_groups(found: Sequence[Facet], query: Query) -> list[FacetGroup]:
    """The facets in the order of the page. What is chosen is shown even where nothing has it."""
    by_name = {facet.name: facet for facet in found}
    groups = []
    for name, label in FACET_LABELS.items():
        facet = by_name[name]
        chosen = {value.lower() for value in query.facets.get(name, ())}
        counted = [(option.value, option.count) for option in facet.options]
        known = {value.lower() for value, _ in counted}
        counted += [(value, 0) for value in query.facets.get(name, ()) if value.lower() not in known]
        options = [
            Option(
                value,
                value_label(value),
                f"{count:,}" if facet.exact or not count else f"\u2265\u202f{count:,}",
                value.lower() in chosen,
            )
            for value, count in counted
        ]
        # Verdicts of particular uses come after the plain ones, behind the disclosure.
        options.sort(key=lambda option: (not option.checked, option.value.startswith("use-")))
        plain = sum(not option.value.startswith("use-") for option in options)
        shown = max(min(_SHORT, plain), sum(option.checked for option in options))
        if options:
            groups.append(
                FacetGroup(
                    name, label, tuple(options[:shown]), tuple(options[shown:]), name in _FOLDED, bool(chosen)
                )
            )
    return groups


def chips(given: QueryDict, query: Query) -> list[Chip]:
    """The filters in force, each with the address that drops it."""
    found = []
    if query.text:
        found.append(Chip("text", query.text, _without(given, "q")))
    for name, values in query.facets.items():
        found += [
            Chip(FACET_LABELS[name].lower(), value_label(value), _without(given, name, value))
            for value in values
        ]
    for name in query.ranges:
        for end, sign in (("gte", "at least"), ("lte", "at most")):
            key = f"{name}__{end}"
            if given.get(key):
                found.append(Chip(name, f"{sign} {given[key]}", _without(given, key)))
    return found


def address(given: QueryDict, **changes: str) -> str:
    """The query string with some parameters set; an empty value drops one, and the cursor never stays."""
    copy = given.copy()
    copy.pop("cursor", None)
    for name, value in changes.items():
        copy.pop(name, None)
        if value:
            copy[name] = value
    return copy.urlencode()


def _without(given: QueryDict, name: str, value: str | None = None) -> str:
    copy = given.copy()
    copy.pop("cursor", None)
    if value is None:
        copy.pop(name, None)
    else:
        kept = [
            v for text in copy.getlist(name) for v in text.split(",") if v.strip().lower() != value.lower()
        ]
        copy.pop(name, None)
        copy.setlist(name, kept)
        if name == "numbers":
            copy.pop("measured", None)
    return copy.urlencode()


@dataclass(frozen=True, slots=True)
class FactRow:
    """A fact with its standing, for the table of facts."""

    label: str
    value: str
    href: str
    sign: str
    """``seen``, ``recalled`` or ``inferred``."""


def fact_rows(facts: Iterable[Fact]) -> list[FactRow]:
    """The facts that have a value, in the order of the labels."""
    order = list(FIELD_LABELS)
    rows = [fact for fact in facts if fact.value not in (None, "") and fact.field in FIELD_LABELS]
    rows = [fact for fact in rows if fact.field not in ("notes", "license_note")]
    rows.sort(key=lambda fact: order.index(fact.field))
    return [FactRow(FIELD_LABELS[fact.field], _value(fact), _href(fact), standing(fact)) for fact in rows]


def standing(row: Fact | Evidence) -> str:
    """How sure a statement is, as a code of the signs."""
    if row.status == "inferred":
        return "inferred"
    if row.status in ("disputed", "retracted"):
        return str(row.status)
    return "seen" if row.seen else "recalled"


def _value(fact: Fact) -> str:
    if fact.field in ("parameters", "active_parameters") and isinstance(fact.value, int):
        return f"{compact(fact.value)} ({fact.value:,})"
    if fact.field == "distillation":
        return ", ".join(value_label(part) for part in str(fact.value).split(","))
    return value_label(str(fact.value))


def _href(fact: Fact) -> str:
    value = str(fact.value)
    if fact.field == "license_url":
        return value
    if fact.field == "paper" and value.startswith("arXiv:"):
        return f"https://arxiv.org/abs/{value.removeprefix('arXiv:')}"
    if fact.field == "hub_id":
        return f"https://huggingface.co/{value}"
    return ""
