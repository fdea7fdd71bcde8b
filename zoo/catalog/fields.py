"""The fields of an entry that are facts: what each may hold. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from types import MappingProxyType

from zoo.catalog import dates
from zoo.core.errors import Invalid

Value = str | int | None

LONG_TEXT = 1000
"""A text that may be this long may have lines; a shorter one is a line."""
_TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

METHODS = ("response", "logit", "feature", "chain-of-thought", "mixed")
_MODEL_KEY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
MODALITIES = ("", "text", "speech", "image", "text+image", "text+audio")


class BadFact(Invalid):
    """The value does not fit the field."""

    code = "bad_fact"


def check(field: str, value: object) -> Value:
    """The value as it is stored. Raises BadFact naming the field."""
    checker = CHECKS.get(field)
    if checker is None:
        known = ", ".join(sorted(CHECKS))
        raise BadFact(f"there is no field {field!r}", remedy=f"Known fields: {known}.", field="field")
    try:
        return checker(value)
    except (ValueError, TypeError) as error:
        raise BadFact(f"{field}: {error}", field="value") from error


def _text(limit: int) -> Callable[[object], Value]:
    def read(value: object) -> Value:
        if not isinstance(value, str):
            raise ValueError("must be a text")
        value = value.strip()
        if len(value) > limit:
            raise ValueError(f"must not be longer than {limit} characters")
        allowed = "\n\t" if limit >= LONG_TEXT else ""
        if any(_is_hidden(character) and character not in allowed for character in value):
            raise ValueError("must not contain control characters")
        return value

    return read


def _is_hidden(character: str) -> bool:
    """Control characters, and those that turn the direction of what follows: they show one thing and are another."""
    return unicodedata.category(character) == "Cc" or character in _TURNS


def _count(value: object) -> Value:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**62:
        raise ValueError("must be a whole number above zero")
    return value


def _small_count(value: object) -> Value:
    number = _count(value)
    if isinstance(number, int) and number > 2**31 - 1:
        raise ValueError("is too large")
    return number


def _partial_date(value: object) -> Value:
    if not isinstance(value, str):
        raise ValueError("must be a date: year, year-month or year-month-day")
    if value:
        dates.first_day(value)
    return value


def _methods(value: object) -> Value:
    if not isinstance(value, str):
        raise ValueError("must be a text")
    given = [part.strip() for part in value.split(",") if part.strip()]
    unknown = [part for part in given if part not in METHODS]
    if unknown:
        raise ValueError(f"unknown method {unknown[0]!r}; known: {', '.join(METHODS)}")
    return ",".join(dict.fromkeys(given))


def _model_key(value: object) -> Value:
    if not isinstance(value, str) or (value and not _MODEL_KEY.fullmatch(value.strip())):
        raise ValueError("must be the id of a model, org/name")
    return value.strip().lower()


def _one_of(*options: str) -> Callable[[object], Value]:
    def read(value: object) -> Value:
        if not isinstance(value, str) or value not in options:
            raise ValueError(f"must be one of {', '.join(repr(option) for option in options)}")
        return value

    return read


CHECKS: Mapping[str, Callable[[object], Value]] = MappingProxyType(
    {
        "title": _text(200),
        "availability": _one_of("open", "gated", "closed", "unreleased", "withdrawn", "unknown"),
        "family": _text(64),
        "licensor": _text(64),
        "modality": _one_of(*MODALITIES),
        "hub_id": _text(194),
        "architecture": _text(64),
        "parameters": _count,
        "active_parameters": _count,
        "context_length": _small_count,
        "released": _partial_date,
        "license": _text(100),
        "license_url": _text(500),
        "hub_license_tag": _text(120),
        "license_note": _text(2000),
        "distillation": _methods,
        "control_of": _model_key,
        "paper": _text(200),
        "notes": _text(4000),
    }
)
