"""Every edge above some entries, in one statement however deep the lineage is.

The ORM has no recursive queries, so this one is written out; it is the same on both databases.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from django.db import connection

from zoo.catalog.models import Status
from zoo.lineage.models import Edge

_COLUMNS = (
    "id",
    "child_id",
    "kind",
    "parent_id",
    "accessed_via",
    "outputs_made",
    "seen",
    "status",
    "is_current",
)
_MOST_ROOTS = 500
"""Roots of one statement: databases limit the number of parameters."""


class Step(NamedTuple):
    """An edge as the walk upward sees it; entries by primary key."""

    edge: int
    child: int
    kind: str
    parent: int
    accessed_via: str
    outputs_made: str
    seen: bool


def edges_above(model_ids: Iterable[int], *, statuses: Collection[Status]) -> list[Step]:
    """The current edges of these statuses from the entries up to the very top, each once, in the order made."""
    roots = list(dict.fromkeys(model_ids))
    found: dict[int, Step] = {}
    for start in range(0, len(roots), _MOST_ROOTS):
        steps = _walk(roots[start : start + _MOST_ROOTS], list(statuses))
        found.update((step.edge, step) for step in steps)
    return sorted(found.values())


def _walk(roots: list[int], statuses: list[Status]) -> Iterator[Step]:
    table = connection.ops.quote_name(Edge._meta.db_table)
    columns = ", ".join(f"edge.{name}" for name in _COLUMNS)
    # Whether a step counts is asked when it is left, not when it is entered: a condition on the joined table makes
    # SQLite build a filter over all edges first. UNION drops what was seen before, so a circle ends too.
    counts = f"step.is_current AND step.status IN ({_marks(statuses)})"
    statement = f"""
        WITH RECURSIVE step AS (
            SELECT {columns} FROM {table} edge WHERE edge.child_id IN ({_marks(roots)})
            UNION
            SELECT {columns} FROM step JOIN {table} edge ON edge.child_id = step.parent_id
            WHERE {counts}
        )
        SELECT {", ".join(_COLUMNS[:7])} FROM step WHERE {counts}
    """  # noqa: S608 - names of our own table and marks for parameters
    with connection.cursor() as cursor:
        cursor.execute(statement, [*roots, *statuses, *statuses])
        yield from (Step(*row)._replace(seen=bool(row[6])) for row in cursor.fetchall())


def _marks(values: list[int] | list[Status]) -> str:
    return ", ".join(["%s"] * len(values))
