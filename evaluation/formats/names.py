"""Names from strangers: model ids, revisions, file names. Checked by pattern before anything is looked up."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from evaluation.contract import MODEL_ID_PATTERN
from evaluation.formats.errors import FormatError, shown

COMMIT = re.compile(r"[0-9a-f]{40}\Z")
REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}\Z")
PLAIN_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,199}\Z")
DEVICES = frozenset(
    ["con", "prn", "aux", "nul", *(f"com{n}" for n in range(10)), *(f"lpt{n}" for n in range(10))]
)


class Reference(NamedTuple):
    """A model and, where one was named, a revision."""

    name: str
    revision: str | None


def parse_reference(text: str) -> Reference:
    """``org/name`` or ``org/name@revision``. Raises FormatError (``bad_model_id``, ``bad_revision``)."""
    name, at, revision = text.partition("@")
    return Reference(check_model_id(name), check_revision(revision) if at else None)


def check_model_id(text: str) -> str:
    """The id if it is ``org/name`` in plain ASCII without tricks. Raises FormatError (``bad_model_id``)."""
    dotted = ".." in text or text.endswith((".", ".git", "/"))
    if not re.match(MODEL_ID_PATTERN, text) or text.endswith("\n") or dotted:
        raise FormatError(
            "bad_model_id",
            f"{shown(text)} is not a model id.",
            "Write org/name with letters, digits, '-', '_' and '.', not an address or a path.",
        )
    return text


def check_revision(text: str) -> str:
    """A 40-hex commit, or the name of a branch or tag, still to be resolved. Raises FormatError (``bad_revision``)."""
    if not REVISION.match(text) or ".." in text or "//" in text or text.endswith("/"):
        raise FormatError(
            "bad_revision",
            f"{shown(text)} is not a revision.",
            "Give the full commit (40 hexadecimal digits) or the name of a branch or tag.",
        )
    return text


def is_commit(text: str) -> bool:
    """Whether the text is a full commit."""
    return COMMIT.match(text) is not None


def check_file_name(text: str) -> str:
    """A plain file name: one component, portable, visible. Raises FormatError (``bad_file_name``)."""
    stem = text.partition(".")[0].lower()
    if not PLAIN_FILE.match(text) or ".." in text or stem in DEVICES or text.endswith("."):
        raise FormatError(
            "bad_file_name",
            f"{shown(text)} is not a plain file name.",
            "Use letters, digits, '-', '_' and '.'; no folders, links or device names.",
        )
    return text


def collision_key(text: str) -> str:
    """Equal for names that some file systems hold to be one: by case or by Unicode form."""
    return unicodedata.normalize("NFKC", text).casefold()
