"""How an entry is named: ``org/name``, case kept and not compared. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

from zoo.core.errors import Invalid

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")


class Reference(NamedTuple):
    """The two halves of an id."""

    organization: str
    name: str

    @property
    def key(self) -> str:
        """What ids are compared by."""
        return f"{self.organization}/{self.name}".lower()


class BadReference(Invalid):
    """The text cannot be the id of an entry."""

    code = "bad_model_id"


def parse(text: str) -> Reference:
    """The halves of ``org/name``. Raises BadReference."""
    text = text.strip()
    if not _ID.fullmatch(text):
        raise BadReference(
            f"{text[:200]!r} is not the id of a model",
            remedy="An id looks like organization/name, with letters, digits, dots, dashes and underscores.",
        )
    organization, name = text.split("/")
    return Reference(organization, name)
