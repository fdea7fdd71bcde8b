"""How text becomes words, for the index and for queries alike, and how far two words are apart. Pure."""

from __future__ import annotations

import re
import unicodedata

MAX_WORD = 40
MAX_WORDS_IN_QUERY = 12
_WORD = re.compile(r"\d+(?:\.\d+)+[^\W\d_]*|[^\W_]+")
_LETTERS_THEN_DIGITS = re.compile(r"([^\W\d_]{3,})(\d.*)")


def words_of(text: str) -> list[str]:
    """The words of a text, in order and without repetition.

    Lower case, without accents. Versions and sizes stay whole (``3.1``, ``1.5b``); a name that runs into
    its version is split (``llama3.1`` gives ``llama`` and ``3.1``), so that both spellings find each other.
    """
    plain = unicodedata.normalize("NFKD", text[:4000]).casefold()
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    found: dict[str, None] = {}
    for match in _WORD.finditer(_apart(plain)):
        found[match.group()[:MAX_WORD]] = None
    return list(found)


def _apart(text: str) -> str:
    return re.sub(_LETTERS_THEN_DIGITS, r"\1 \2", text) if any(map(str.isdigit, text)) else text


def distance(one: str, other: str, limit: int) -> int:
    """Edits between two words (insert, delete, replace, swap neighbors); ``limit + 1`` when there are more.

    The restricted Damerau-Levenshtein distance (optimal string alignment).
    """
    if abs(len(one) - len(other)) > limit:
        return limit + 1
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        row = [i]
        for j, b in enumerate(other, start=1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
        before, last = last, row
    return min(last[-1], limit + 1)


def typos_allowed(word: str) -> int:
    """How many edits a misspelled word may be away from a known one: none where digits carry the meaning."""
    if len(word) < 3 or any(map(str.isdigit, word)):
        return 0
    return 1 if len(word) < 6 else 2
