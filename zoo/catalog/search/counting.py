"""Facets with their counts: kept ones where nothing is asked, else counted over a bounded number of candidates.

What was found by ``engine`` is counted here; a count that is a lower bound says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db.backends.utils import CursorWrapper

from zoo.catalog.models import FacetValue
from zoo.catalog.search import engine
from zoo.catalog.search.backends import Sql, backend, connection
from zoo.catalog.search.query import FACETS, Query

OPTIONS = 25
"""Values shown of a facet."""


@dataclass(frozen=True, slots=True)
class FacetOption:
    """A value with its count."""

    value: str
    count: int


@dataclass(frozen=True, slots=True)
class Facet:
    """A facet's most frequent values; not exact: every count is a lower bound."""

    name: str
    options: tuple[FacetOption, ...]
    exact: bool


def facets(query: Query, *, using: str = "default") -> tuple[Facet, ...]:
    """Every facet with its counts. The values of a facet are counted without that facet's own filter."""
    with connection(using).cursor() as cursor:
        if not query.is_filtered:
            return tuple(_kept_counts(name, using) for name in FACETS)
        # A page's cursor is no filter; without it equal queries compare equal.
        query = Query(query.text, query.facets, query.ranges, query.ordering, query.size)
        shared = _sample(query, cursor, using)
        found: list[Facet | tuple[str, Counter[str], bool]] = []
        for name in FACETS:
            rest = query.without(name)
            if rest == query:
                found.append((name, *shared))
            elif rest.is_filtered:
                found.append((name, *_sample(rest, cursor, using)))
            else:
                found.append(_kept_counts(name, using))
    return tuple(_named(found, using))


def _kept_counts(name: str, using: str) -> Facet:
    rows = FacetValue.objects.using(using).filter(facet=name, count__gt=0).order_by("-count", "key")
    options = tuple(FacetOption(*row) for row in rows.values_list("value", "count")[:OPTIONS])
    return Facet(name, options, exact=True)


def _sample(query: Query, cursor: CursorWrapper, using: str) -> tuple[Counter[str], bool]:
    """How often each token occurs among the candidates, or among the first CAP of them."""
    plan = engine.make_plan(query, cursor, using)
    if not plan.possible:
        return Counter(), True
    ids, exact = _some(plan, cursor, using)
    if not ids:
        return Counter(), exact
    where = engine.among(ids)
    cursor.execute(f"SELECT facets FROM {engine.TABLE} WHERE {where.text}")  # noqa: S608 - whole numbers
    # One text and one count: half the time of counting row by row.
    return Counter("".join(row[0] for row in cursor.fetchall()).split()), exact


def _some(plan: engine.Plan, cursor: CursorWrapper, using: str) -> tuple[list[int], bool]:
    """Up to CAP of the matching keys, found among a bounded number of rows, and whether they are all."""
    if plan.groups and not plan.ranges:
        match = backend(using).matching(plan.groups)
        found = engine.keys(cursor, Sql(f"{match.text} LIMIT %s", (*match.parameters, engine.CAP + 1)))
        return found[: engine.CAP], len(found) <= engine.CAP
    every = engine.find_candidates(plan, engine.CAP, cursor, using)
    if every is not None:
        return every, True
    tests = [engine.range_test(*bounds) for bounds in plan.ranges]
    if plan.groups:
        match = backend(using).matching(plan.groups)
        found = engine.keys(cursor, Sql(f"{match.text} LIMIT %s", (*match.parameters, engine.CAP * 5)))
        return engine.filtered([engine.among(found), *tests], cursor)[: engine.CAP], False
    where = " AND ".join(test.text for test in tests)
    parameters = tuple(value for test in tests for value in test.parameters)
    sql = Sql(f"SELECT model_id FROM {engine.TABLE} WHERE {where} LIMIT %s", (*parameters, engine.CAP))  # noqa: S608
    return engine.keys(cursor, sql), False


def _named(found: Sequence[Facet | tuple[str, Counter[str], bool]], using: str) -> Iterator[Facet]:
    """Turns counted tokens into values, with one query for all of them."""
    tops: dict[str, list[tuple[str, int]]] = {}
    for row in found:
        if isinstance(row, tuple):
            name, counter, _ = row
            letter = f"_{FACETS[name]}"
            own = [(token, n) for token, n in counter.items() if token.startswith(letter)]
            tops[name] = sorted(own, key=lambda pair: (-pair[1], pair[0]))[:OPTIONS]
    ids = {int(token[2:]) for top in tops.values() for token, _ in top}
    values = dict(FacetValue.objects.using(using).filter(pk__in=ids).values_list("pk", "value"))
    for row in found:
        if isinstance(row, Facet):
            yield row
        else:
            name, _, exact = row
            options = [FacetOption(values[int(token[2:])], n) for token, n in tops[name]]
            options.sort(key=lambda option: (-option.count, option.value.lower()))
            yield Facet(name, tuple(options), exact)
