"""What may be asked, checked: words, facets, ranges, ordering, and the cursor of a page. Pure."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, NamedTuple

from zoo.core.errors import Invalid

MAX_PAGE_SIZE = 100
FACETS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "kind": "k",
        "role": "r",
        "verdict": "v",
        "license": "l",
        "family": "f",
        "method": "m",
        "teacher": "t",
        "organization": "o",
        "availability": "a",
        "architecture": "c",
        "modality": "d",
        "numbers": "n",
    }
)
"""The facets and the letter that begins their tokens in the index."""

ORDERINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "relevance": "prominence",
        "name": "name_key",
        "parameters": "size_up",
        "-parameters": "size_down",
        "released": "oldest",
        "-released": "newest",
        "-retention": "most_kept",
    }
)
"""The orderings and the sort column of each, which is always ascending."""

RANGES: Final = frozenset({"parameters", "released", "retention"})


class BadQuery(Invalid):
    """A parameter of a search has a value that it cannot have."""

    code = "bad_query"


class BadCursor(BadQuery):
    """The cursor is not one that this query gave out."""

    code = "bad_cursor"


class Range(NamedTuple):
    """Bounds, both included; None is open. Parameters as a count, days as ordinals, retention in millionths."""

    lowest: int | None = None
    highest: int | None = None


class Cursor(NamedTuple):
    """The row that the page follows, or comes before."""

    ordering: str
    value: int | str
    model_id: int
    backward: bool


@dataclass(frozen=True, slots=True)
class Query:
    """A search. Values of one facet are alternatives; facets, words and ranges all have to hold."""

    text: str = ""
    facets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ranges: Mapping[str, Range] = field(default_factory=dict)
    ordering: str = ""
    size: int = 25
    cursor: str = ""

    def __post_init__(self) -> None:
        """Raises BadQuery on what no search can mean."""
        for name in self.facets:
            if name not in FACETS:
                raise BadQuery(f"there is no facet {name!r}", field=name)
        for name in self.ranges:
            if name not in RANGES:
                raise BadQuery(f"there is no range {name!r}", field=name)
        if self.ordering and self.ordering not in ORDERINGS:
            known = ", ".join(ORDERINGS)
            raise BadQuery(
                f"there is no ordering {self.ordering!r}", remedy=f"Known: {known}.", field="ordering"
            )
        if not 1 <= self.size <= MAX_PAGE_SIZE:
            raise BadQuery(f"a page has 1 to {MAX_PAGE_SIZE} rows", field="page_size")
        if len(self.text) > 400:
            raise BadQuery("the text is longer than 400 characters", field="q")

    @property
    def sorted_by(self) -> str:
        """The ordering in force: as asked, else by prominence."""
        return self.ordering or "relevance"

    @property
    def is_filtered(self) -> bool:
        """Whether anything is asked at all."""
        return bool(self.text.strip() or self.ranges or any(self.facets.values()))

    def without(self, facet: str) -> Query:
        """The same query without one facet, whose other values can then be counted."""
        rest = {name: values for name, values in self.facets.items() if name != facet}
        return Query(self.text, rest, self.ranges, self.ordering, self.size)

    def position(self) -> Cursor | None:
        """The decoded cursor. Raises BadCursor."""
        return decode_cursor(self.cursor, self.sorted_by) if self.cursor else None


def encode_cursor(cursor: Cursor) -> str:
    """The cursor as it stands in an address."""
    text = json.dumps([cursor.ordering, cursor.value, cursor.model_id, int(cursor.backward)])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(text: str, ordering: str) -> Cursor:
    """Reads a cursor back. Raises BadCursor when it is damaged or belongs to another ordering."""
    try:
        padded = text + "=" * (-len(text) % 4)
        found, value, model_id, backward = json.loads(base64.urlsafe_b64decode(padded.encode()))
    except (ValueError, binascii.Error, UnicodeError, TypeError):
        raise BadCursor("this cursor is damaged", field="cursor") from None
    of_names = ORDERINGS.get(ordering) == "name_key"
    fits = isinstance(value, str) if of_names else type(value) is int and abs(value) < 2**63
    if found != ordering or not fits or type(model_id) is not int or not 0 < model_id < 2**63:
        raise BadCursor("this cursor belongs to another query", field="cursor")
    return Cursor(found, value, model_id, backward == 1)
