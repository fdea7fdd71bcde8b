"""From what a card, a tag or a file says about its license to terms the engine can evaluate.

Understands SPDX expressions, our own keys, ScanCode's LicenseRefs, hub tags and `other` with a license_name. What it
does not know is kept as written, so that the engine can say which license is unlisted.
"""

import functools
import re
from itertools import product

from license_expression import (
    AND,
    OR,
    ExpressionError,
    LicenseSymbol,
    LicenseWithExceptionSymbol,
    Licensing,
    ParseError,
)

from zoo.licensing.rules.book import RuleBook
from zoo.licensing.rules.graph import NO_TERMS, Terms

NOTHING_SAID = frozenset({"", "other", "unknown", "none", "noassertion", "n/a", "null"})
NAMED_OTHER = re.compile(r"^other\s*\(\s*license_name:\s*(?P<name>[^)]+?)\s*\)$", re.IGNORECASE)
MAX_LENGTH = 500
MAX_ALTERNATIVES = 64


class Vocabulary:
    """All names of the texts of one rule book, ready to parse expressions with."""

    def __init__(self, book: RuleBook) -> None:
        files = [license_.file for license_ in book.licenses.values()]
        self._by_hub_name = {name.lower(): file.key for file in files for name in file.hub_names}
        symbols = []
        for file in files:
            names = {file.spdx, *file.aliases, *file.hub_tags} - {None, file.key}
            distinct = sorted(
                {name.lower(): name for name in names if name and name.lower() != file.key.lower()}.values()
            )
            symbols.append(LicenseSymbol(file.key, aliases=tuple(distinct)))
        self._licensing = Licensing(symbols)

    def terms(self, statement: str | None, license_name: str | None = None) -> Terms:
        """The terms that `statement` names; with the tag `other`, those of `license_name`."""
        text = (statement or "").strip()
        named = NAMED_OTHER.match(text)
        if named:
            text, license_name = "other", named["name"]
        if text.lower() == "other" and license_name:
            return self._named(license_name)
        if text.lower() in NOTHING_SAID:
            return NO_TERMS
        return self._parsed(text[:MAX_LENGTH])

    def _named(self, license_name: str) -> Terms:
        key = self._by_hub_name.get(license_name.strip().lower())
        return ((key,),) if key else self._parsed(license_name.strip()[:MAX_LENGTH])

    @functools.lru_cache(maxsize=4096)  # noqa: B019 - one vocabulary lives as long as the process
    def _parsed(self, text: str) -> Terms:
        try:
            parsed = self._licensing.parse(text)
            return _alternatives(parsed) if parsed is not None else NO_TERMS
        except (ExpressionError, ParseError, ValueError, RecursionError):
            return ((text,),)


def _alternatives(node: object) -> Terms:
    """Disjunctive normal form, each alternative sorted and without repeats."""
    found = sorted({tuple(sorted(set(keys))) for keys in _expand(node)})
    if len(found) > MAX_ALTERNATIVES:
        raise ValueError("too many alternatives")
    return tuple(found)


def _expand(node: object) -> list[tuple[str, ...]]:
    if isinstance(node, OR):
        return [keys for part in node.args for keys in _expand(part)]
    if isinstance(node, AND):
        parts = [_expand(part) for part in node.args]
        total = functools.reduce(lambda count, part: count * len(part), parts, 1)
        if total > MAX_ALTERNATIVES:
            raise ValueError("too many alternatives")
        return [tuple(key for keys in combination for key in keys) for combination in product(*parts)]
    if isinstance(node, LicenseWithExceptionSymbol):
        return [(f"{node.license_symbol.key} WITH {node.exception_symbol.key}",)]
    return [(str(getattr(node, "key", node)),)]
