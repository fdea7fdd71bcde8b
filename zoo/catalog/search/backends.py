"""What differs between the databases: the match expression, substring tests, and words that look alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

_ALIKE_LIMIT = 60


class Group(NamedTuple):
    """Alternatives of which one has to be there. Words match as prefixes, tokens of facets whole."""

    options: tuple[str, ...]
    prefix: bool


class Sql(NamedTuple):
    """A piece of SQL with its parameters."""

    text: str
    parameters: tuple[str | int, ...]


class Source(NamedTuple):
    """Where matching rows come from, in the order of their keys: FROM and WHERE, and the names of key and rows."""

    text: str
    parameters: tuple[str | int, ...]
    key: str
    rows: str


class Backend(Protocol):
    """One database's way to match."""

    def source(self, groups: Sequence[Group]) -> Source:
        """The rows of the documents that have all groups, read lazily by key when they are ordered by it."""

    def matching(self, groups: Sequence[Group]) -> Sql:
        """A SELECT of the keys of the documents that have all groups, with no order and no limit."""

    def contains(self, column: str, part: str) -> Sql:
        """Whether a text column contains the part."""

    def alike(self, cursor: CursorWrapper, word: str) -> list[str]:
        """Known words that share enough trigrams with the word, the most alike first."""

    def beginning(self, cursor: CursorWrapper, prefix: str, limit: int) -> list[str]:
        """Up to ``limit`` known words that begin with the prefix, in no order of use."""


class SqliteBackend:
    """FTS5: an index over words and tokens, and one over the trigrams of the vocabulary."""

    def source(self, groups: Sequence[Group]) -> Source:
        """See Backend. A cross join is read in the order in which it is written."""
        return Source(
            "FROM catalog_fts CROSS JOIN catalog_searchdocument AS d ON d.model_id = catalog_fts.rowid "
            "WHERE catalog_fts MATCH %s",
            (self._expression(groups),),
            "catalog_fts.rowid",
            "d",
        )

    def matching(self, groups: Sequence[Group]) -> Sql:
        """See Backend."""
        return Sql(
            "SELECT rowid AS model_id FROM catalog_fts WHERE catalog_fts MATCH %s",
            (self._expression(groups),),
        )

    def _expression(self, groups: Sequence[Group]) -> str:
        return " AND ".join(
            "(" + " OR ".join(self._phrase(option, group.prefix) for option in group.options) + ")"
            for group in groups
        )

    def contains(self, column: str, part: str) -> Sql:
        """See Backend."""
        return Sql(f"instr({column}, %s) > 0", (part,))

    def alike(self, cursor: CursorWrapper, word: str) -> list[str]:
        """See Backend."""
        padded = f" {word} "
        parts = {padded[i : i + 3] for i in range(len(padded) - 2)}
        expression = " OR ".join(self._phrase(part, False) for part in sorted(parts))
        cursor.execute(
            "SELECT term FROM catalog_term WHERE count > 0 AND id IN (SELECT rowid FROM catalog_term_fts "
            "WHERE catalog_term_fts MATCH %s ORDER BY rank LIMIT %s)",
            (expression, _ALIKE_LIMIT),
        )
        return [row[0] for row in cursor.fetchall()]

    def beginning(self, cursor: CursorWrapper, prefix: str, limit: int) -> list[str]:
        """See Backend. A range and not LIKE, for which SQLite does not use the index."""
        cursor.execute(
            "SELECT term FROM catalog_term WHERE term >= %s AND term < %s AND count > 0 LIMIT %s",
            (prefix, prefix + "\U0010ffff", limit),
        )
        return [row[0] for row in cursor.fetchall()]

    def _phrase(self, text: str, prefix: bool) -> str:
        quoted = text.replace('"', '""')
        return f'"{quoted}"' + ("*" if prefix else "")


class PostgresBackend:
    """A generated tsvector of words and tokens under a GIN index, and pg_trgm over the vocabulary."""

    def source(self, groups: Sequence[Group]) -> Source:
        """See Backend."""
        return Source(
            "FROM catalog_searchdocument AS d WHERE d.document @@ %s::tsquery",
            (self._expression(groups),),
            "d.model_id",
            "d",
        )

    def matching(self, groups: Sequence[Group]) -> Sql:
        """See Backend."""
        return Sql(
            "SELECT model_id FROM catalog_searchdocument WHERE document @@ %s::tsquery",
            (self._expression(groups),),
        )

    def _expression(self, groups: Sequence[Group]) -> str:
        return " & ".join(
            "(" + " | ".join(self._lexeme(option, group.prefix) for option in group.options) + ")"
            for group in groups
        )

    def contains(self, column: str, part: str) -> Sql:
        """See Backend."""
        return Sql(f"strpos({column}, %s) > 0", (part,))

    def alike(self, cursor: CursorWrapper, word: str) -> list[str]:
        """See Backend."""
        cursor.execute(
            "SELECT term FROM catalog_term WHERE term %% %s AND count > 0 "
            "ORDER BY similarity(term, %s) DESC, term LIMIT %s",
            (word, word, _ALIKE_LIMIT),
        )
        return [row[0] for row in cursor.fetchall()]

    def beginning(self, cursor: CursorWrapper, prefix: str, limit: int) -> list[str]:
        """See Backend. LIKE and not a range, because the order of texts depends on the locale."""
        cursor.execute(
            "SELECT term FROM catalog_term WHERE term LIKE %s AND count > 0 LIMIT %s", (f"{prefix}%", limit)
        )
        return [row[0] for row in cursor.fetchall()]

    def _lexeme(self, text: str, prefix: bool) -> str:
        quoted = text.replace("\\", "\\\\").replace("'", "''")
        return f"'{quoted}'" + (":*" if prefix else "")


_BACKENDS: dict[str, Backend] = {"sqlite": SqliteBackend(), "postgresql": PostgresBackend()}


def connection(using: str) -> BaseDatabaseWrapper:
    """The connection of a database by its alias."""
    return connections[using]


def backend(using: str) -> Backend:
    """The backend that fits the database."""
    return _BACKENDS[connection(using).vendor]
