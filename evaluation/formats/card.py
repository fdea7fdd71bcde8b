"""A model card: the YAML between its first two lines of dashes, as plain values, and the text behind it.

Bounded before it is parsed: size, depth, number of values; no anchors, aliases or tags. What the values mean, and
what the text hints at, is for the catalog.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import yaml

from evaluation.formats.bounded_json import Json
from evaluation.formats.errors import FormatError

CODE = "bad_card"
MAX_BYTES = 4 << 20
MAX_FRONT = 512 << 10
MAX_DEPTH = 16
MAX_VALUES = 50_000
MAX_TEXT = 2_000
FENCE = re.compile(r"---[ \t]*\r?\n(.*?)^(?:---|\.\.\.)[ \t]*$\r?\n?", re.DOTALL | re.MULTILINE)
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Card:
    """A card taken apart. Everything in it is a claim by whoever wrote it."""

    front: Mapping[str, Json] = field(default_factory=dict)
    text: str = ""

    def texts(self, key: str) -> tuple[str, ...]:
        """The text or the texts under a key, each cut to 2,000 characters; empty when there are none."""
        value = self.front.get(key)
        values = value if isinstance(value, list) else [value]
        return tuple(item[:MAX_TEXT] for item in values if isinstance(item, str) and item)

    def first(self, key: str) -> str | None:
        """The first text under a key."""
        return next(iter(self.texts(key)), None)


def read_card(data: bytes) -> Card:
    """Takes a README.md apart. One without front matter is all text.

    Raises FormatError (``bad_card``) for front matter that cannot be read within the limits. Bytes that are
    not UTF-8 become replacement characters in the text.
    """
    if len(data) > MAX_BYTES:
        raise FormatError("file_too_large", f"The model card has {len(data)} bytes and may have {MAX_BYTES}.")
    text = data.decode("utf-8", "replace").removeprefix("\ufeff")
    found = FENCE.match(text)
    if found is None:
        return Card(text=text)
    return Card(read_front(found[1]), text[found.end() :])


def read_front(text: str) -> dict[str, Json]:
    """Front matter as plain values; dates become texts. Raises FormatError (``bad_card``)."""
    if len(text.encode("utf-8", "replace")) > MAX_FRONT:
        raise _bad(f"has more than {MAX_FRONT} bytes")
    try:
        _check_events(text)
        value = yaml.load(text, Loader=_PlainLoader)  # noqa: S506 (a loader of plain values alone)
    except FormatError:
        raise
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError) as error:
        raise _bad("is not valid YAML") from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _bad("does not hold keys and values")
    return {str(key): _plain(item) for key, item in value.items()}


class _PlainLoader(_Loader):  # type: ignore[misc,valid-type]
    """Texts, numbers, booleans, lists and objects. What looks like a date stays a text."""


_PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}


def _check_events(text: str) -> None:
    depth = values = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _bad("uses anchors, which can be made to grow without end")
        if isinstance(event, yaml.NodeEvent):
            values += 1
            if getattr(event, "tag", None) not in (None, "!"):
                raise _bad("uses tags")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH or values > MAX_VALUES:
            raise _bad(f"is nested more than {MAX_DEPTH} deep or holds more than {MAX_VALUES} values")


def _plain(value: object) -> Json:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)


def _bad(reason: str) -> FormatError:
    return FormatError(
        CODE,
        f"The front matter of the model card {reason}.",
        "Write plain keys and values between the dashes.",
    )
