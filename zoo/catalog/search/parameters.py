"""Query parameters, as they stand in an address, turned into a Query and back. Pure.

The web pages and the REST API read the same parameters; what is wrong is reported by parameter, so that a
page can show the message beside the field and keep the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from zoo.catalog import dates
from zoo.catalog.search.query import FACETS, MAX_PAGE_SIZE, ORDERINGS, Query, Range

VERDICTS: Final = ("allowed", "conditions", "unknown", "prohibited")
INTENDED_USES: Final = ("run", "redistribute", "publish", "distill", "research")
"""Uses for which license checks keep a verdict beside the plain one, which is that of selling it as a service."""
CHOICES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "kind": ("model", "dataset", "api"),
        "role": ("student", "teacher", "base", "quantized"),
        "method": ("response", "logit", "feature", "chain-of-thought", "mixed"),
        "availability": ("open", "gated", "closed", "unreleased", "withdrawn", "unknown"),
        "verdict": (*VERDICTS, *(f"use-{use}:{verdict}" for use in INTENDED_USES for verdict in VERDICTS)),
        "numbers": ("measured", "imported", "reported"),
    }
)
"""Facets with a fixed set of values; others take any text."""
SINGLE: Final = ("q", "ordering", "cursor", "page_size", "measured")
BOUNDS: Final = (
    "parameters__gte",
    "parameters__lte",
    "released__gte",
    "released__lte",
    "retention__gte",
    "retention__lte",
)
KNOWN: Final = frozenset({*FACETS, *SINGLE, *BOUNDS})
_MAX_VALUES = 40


class Parsed(NamedTuple):
    """The query of the parameters that are right, and what is wrong with the others, by parameter."""

    query: Query
    errors: dict[str, str]


def parse(parameters: Mapping[str, Sequence[str]], *, size: int = 25) -> Parsed:
    """Reads parameters. A facet may be given several times, or once with commas; empty values do not count."""
    errors = {
        name: f"There is no such parameter. Known: {', '.join(sorted(KNOWN))}."
        for name in parameters
        if name not in KNOWN
    }
    last = {name: (parameters.get(name) or [""])[-1].strip() for name in (*SINGLE, *BOUNDS)}
    facets = _facets(parameters, errors)
    if last["measured"]:
        _measured(last["measured"], facets, errors)
    ranges = _ranges(last, errors)
    if last["ordering"] and last["ordering"] not in ORDERINGS:
        errors["ordering"] = f"Known: {', '.join(ORDERINGS)}."
        last["ordering"] = ""
    if len(last["q"]) > 400:
        errors["q"] = "Not longer than 400 characters."
        last["q"] = last["q"][:400]
    if last["page_size"]:
        size = _size(last["page_size"], size, errors)
    return Parsed(Query(last["q"], facets, ranges, last["ordering"], size, last["cursor"]), errors)


def _facets(parameters: Mapping[str, Sequence[str]], errors: dict[str, str]) -> dict[str, tuple[str, ...]]:
    facets: dict[str, tuple[str, ...]] = {}
    for name in FACETS:
        given = [part.strip() for text in parameters.get(name, ()) for part in text.split(",")]
        values = tuple(dict.fromkeys(value for value in given if value))
        allowed = CHOICES.get(name)
        wrong = [value for value in values if allowed and value not in allowed]
        if wrong and allowed:
            errors[name] = f"{wrong[0][:60]!r} is not one of {', '.join(allowed)}."
            values = tuple(value for value in values if value in allowed)
        if len(values) > _MAX_VALUES:
            errors[name] = f"At most {_MAX_VALUES} values."
            values = values[:_MAX_VALUES]
        if values:
            facets[name] = values
    return facets


def _measured(text: str, facets: dict[str, tuple[str, ...]], errors: dict[str, str]) -> None:
    if text.lower() in ("true", "1", "yes", "on"):
        facets["numbers"] = ("measured",)
    elif text.lower() not in ("false", "0", "no"):
        errors["measured"] = "true or false."


def _ranges(given: Mapping[str, str], errors: dict[str, str]) -> dict[str, Range]:
    readers: dict[str, tuple[Callable[[str], int], Callable[[str], int]]] = {
        "parameters": (_count, _count),
        "released": (
            lambda text: dates.first_day(text).toordinal(),
            lambda text: dates.last_day(text).toordinal(),
        ),
        "retention": (_millionths, _millionths),
    }
    ranges = {}
    for name, (read_lowest, read_highest) in readers.items():
        lowest = _bound(given, f"{name}__gte", read_lowest, errors)
        highest = _bound(given, f"{name}__lte", read_highest, errors)
        if lowest is not None and highest is not None and lowest > highest:
            errors[f"{name}__lte"] = "Lies below the lower bound."
            highest = None
        if lowest is not None or highest is not None:
            ranges[name] = Range(lowest, highest)
    return ranges


def _bound(
    given: Mapping[str, str], name: str, read: Callable[[str], int], errors: dict[str, str]
) -> int | None:
    if not given[name]:
        return None
    try:
        return read(given[name])
    except ValueError as error:
        errors[name] = f"{str(error).capitalize()}."
        return None


_SUFFIXES = {"k": 10**3, "m": 10**6, "b": 10**9, "t": 10**12}


def _count(text: str) -> int:
    """A count, plain or with a suffix: 7000000000, 7b, 1.5B."""
    factor = _SUFFIXES.get(text[-1:].lower(), 1)
    number = text[:-1] if factor > 1 else text
    try:
        value = round(float(number) * factor)
    except (ValueError, OverflowError):
        raise ValueError("must be a number such as 7000000000 or 7B") from None
    if not 0 <= value < 2**62:
        raise ValueError("must lie between 0 and 4e18")
    return value


def _millionths(text: str) -> int:
    try:
        value = float(text)
    except ValueError:
        raise ValueError("must be a fraction such as 0.95") from None
    if not 0 <= value <= 10:
        raise ValueError("must be a fraction: 0.95 for 95 percent")
    return round(value * 1_000_000)


def _size(text: str, default: int, errors: dict[str, str]) -> int:
    if text.isdecimal() and 1 <= int(text[:6]) <= MAX_PAGE_SIZE:
        return int(text)
    errors["page_size"] = f"A whole number from 1 to {MAX_PAGE_SIZE}."
    return default
