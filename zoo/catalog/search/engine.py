"""Answers queries from the index.

A page is made in one of four ways, chosen by what it would cost:

1. *Few candidates.* The full-text index (or the index of a range) gives at most ``CAP`` keys; their rows are
   sorted. This is the way of every narrow query.
2. *Many candidates, by relevance.* Those among the ``HEAD`` most prominent entries come first, by rank; the others
   follow in the order in which the index has them. Both are read lazily.
3. *Many candidates, in another order.* They lie close together in most orders, so the rows are walked in the order
   asked for and tested one by one, from where the last page ended, until the page is full.
4. *Many candidates that are far apart in this order.* The walk stops after at most ``BUDGET`` rows; then all matching
   rows are sorted. Rare: it takes frequent properties that hardly ever meet in the order asked.

Counts are exact up to ``CAP`` and shown as "more than" above it. Facets are counted over at most ``CAP``
candidates; without any filter they come from counts that are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.db.backends.utils import CursorWrapper

from zoo.catalog.models import Alias, FacetValue, Model
from zoo.catalog.models.search import UNKNOWN
from zoo.catalog.search.backends import Backend, Group, Sql, backend, connection
from zoo.catalog.search.query import (
    FACETS,
    MAX_PAGE_SIZE,
    ORDERINGS,
    Cursor,
    Query,
    encode_cursor,
)
from zoo.catalog.search.words import MAX_WORDS_IN_QUERY, distance, typos_allowed, words_of

CAP = 2_000
BUDGET = 30_000
HEAD = 5_000
_NEIGHBORS = 5_000
_SPELLED_OUT = 12
TABLE = "catalog_searchdocument"
_RANGE_COLUMNS = {"parameters": "size_up", "released": "oldest", "retention": "most_kept"}


class Count(NamedTuple):
    """How many entries there are; not exact: at least so many."""

    value: int
    exact: bool


@dataclass(frozen=True, slots=True)
class Page:
    """A page of keys in order, the cursors around it, and how the words were understood."""

    ids: tuple[int, ...]
    next: str
    previous: str
    count: Count
    mended: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Words that the catalog does not know, with the words that were looked for instead."""
    unknown: tuple[str, ...] = ()
    """Words that nothing resembles; with one of them there is no result."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A query in the terms of the index."""

    groups: tuple[Group, ...]
    ranges: tuple[tuple[str, int, int], ...]
    possible: bool
    mended: tuple[tuple[str, tuple[str, ...]], ...] = ()
    unknown: tuple[str, ...] = ()


def page(query: Query, *, using: str = "default") -> Page:
    """The page of the query. Raises BadCursor."""
    position = query.position()
    with connection(using).cursor() as cursor:
        plan = make_plan(query, cursor, using)
        if not plan.possible:
            return Page((), "", "", Count(0, True), plan.mended, plan.unknown)
        pinned = _pinned(query, plan, using)
        candidates = find_candidates(plan, CAP, cursor, using) if query.is_filtered else None
        rows = _rows(query, plan, position, candidates, cursor, using)
        count = Count(CAP, False) if candidates is None else Count(len(candidates), True)
        if not query.is_filtered:
            count = Count(_total(using), True)
    return _assemble(query, plan, position, rows, count, pinned)


def identify(query: Query, *, using: str = "default") -> Iterator[int]:
    """All keys of the query in order, page by page, for exports."""
    while True:
        step = page(
            Query(query.text, query.facets, query.ranges, query.ordering, MAX_PAGE_SIZE, query.cursor),
            using=using,
        )
        yield from step.ids
        if not step.next:
            return
        query = Query(query.text, query.facets, query.ranges, query.ordering, query.size, step.next)


def make_plan(query: Query, cursor: CursorWrapper, using: str) -> Plan:
    """Words become groups (mended where nobody knows them), facet values tokens, ranges columns."""
    groups: list[Group] = []
    mended, unknown = [], []
    for word in words_of(query.text)[:MAX_WORDS_IN_QUERY]:
        if known := backend(using).beginning(cursor, word, _SPELLED_OUT + 1):
            groups.append(_group(word, known, cursor, using))
        elif others := _resembling(word, cursor, using):
            groups.append(Group(others, False))
            mended.append((word, others))
        else:
            unknown.append(word)
    possible = not unknown and not (query.text.strip() and not groups)
    for name, values in query.facets.items():
        if values:
            tokens = _tokens_of(name, values, using)
            groups.append(Group(tokens, False))
            possible = possible and bool(tokens)
    ranges = tuple(
        (_RANGE_COLUMNS[name], *_bounds(name, bounds.lowest, bounds.highest))
        for name, bounds in query.ranges.items()
    )
    return Plan(tuple(groups), ranges, possible, tuple(mended), tuple(unknown))


def _group(word: str, known: Sequence[str], cursor: CursorWrapper, using: str) -> Group:
    """A word as a prefix. Few words that begin with it are spelled out: the index merges those as it goes.

    A number begins too many: it means itself, a size (7 is 7b) or a version (3 is 3.1), and not 2024.
    """
    if len(known) <= _SPELLED_OUT:
        return Group(tuple(known), False)
    if word.replace(".", "").isdecimal():
        versions = backend(using).beginning(cursor, f"{word}.", _SPELLED_OUT)
        return Group((word, *(word + size for size in "bmkt"), *versions), False)
    return Group((word,), True)


def _bounds(name: str, lowest: int | None, highest: int | None) -> tuple[int, int]:
    """The bounds of the sort column. What is unknown lies outside every range."""
    if name == "retention":
        return (-UNKNOWN if highest is None else -highest, UNKNOWN - 1 if lowest is None else -lowest)
    return (-UNKNOWN if lowest is None else lowest, UNKNOWN - 1 if highest is None else highest)


def _resembling(word: str, cursor: CursorWrapper, using: str) -> tuple[str, ...]:
    """The known words that a misspelled one most likely means."""
    allowed = typos_allowed(word)
    if not allowed:
        return ()
    near = set(backend(using).alike(cursor, word))
    if len(word) < 6:
        # Short words share few trigrams with what was meant; their first letter is usually right.
        near |= set(backend(using).beginning(cursor, word[0], _NEIGHBORS))
    ranked = sorted((distance(word, other, allowed), other) for other in near)
    ranked = [(steps, other) for steps, other in ranked if steps <= allowed]
    return tuple(other for steps, other in ranked if steps == ranked[0][0])[:8]


def _tokens_of(name: str, values: Sequence[str], using: str) -> tuple[str, ...]:
    keys = {value.lower() for value in values}
    if name == "teacher":
        aliases = Alias.objects.using(using).filter(key__in=keys).values_list("model__key", flat=True)
        keys |= set(aliases)
    rows = FacetValue.objects.using(using).filter(facet=name, key__in=keys).order_by("pk")
    return tuple(f"_{FACETS[name]}{pk}" for pk in rows.values_list("pk", flat=True))


def _pinned(query: Query, plan: Plan, using: str) -> int | None:
    """The entry whose id, name or alias is the text itself: it comes first by relevance."""
    key = query.text.strip().lower()
    if not key or query.sorted_by != "relevance" or any(query.facets.values()) or query.ranges:
        return None
    found = Model.objects.using(using).filter(key=key).values_list("pk", flat=True).first()
    return found or (Alias.objects.using(using).filter(key=key).values_list("model_id", flat=True).first())


def find_candidates(plan: Plan, limit: int, cursor: CursorWrapper, using: str) -> list[int] | None:
    """The keys of all matching rows where an index finds at most ``limit`` of them; else None."""
    kit = backend(using)
    if plan.groups:
        match = kit.matching(plan.groups)
        inner = Sql(
            f"{match.text} LIMIT %s", (*match.parameters, limit * 5 + 1 if plan.ranges else limit + 1)
        )
        found = keys(cursor, inner)
        if not plan.ranges or len(found) <= limit * 5:
            found = _within(found, plan, cursor) if plan.ranges else found
            return found if len(found) <= limit else None
    if plan.ranges:
        tests = [range_test(*bounds) for bounds in plan.ranges]
        where = " AND ".join(test.text for test in tests)
        narrowest = Sql(
            f"SELECT model_id FROM {TABLE} WHERE {where} LIMIT %s",  # noqa: S608 - fixed names
            (*(value for test in tests for value in test.parameters), limit + 1),
        )
        found = keys(cursor, narrowest)
        if len(found) <= limit:
            return _with_groups(found, plan, kit, cursor)
    return None


def _rows(
    query: Query,
    plan: Plan,
    position: Cursor | None,
    candidates: list[int] | None,
    cursor: CursorWrapper,
    using: str,
) -> list[tuple[int, int | str]]:
    """One row more than the page holds, as (key, sort value), in the direction of the cursor."""
    column = ORDERINGS[query.sorted_by]
    window = _window(column, position)
    tail = Sql(f"ORDER BY {_order(column, position)} LIMIT %s", (query.size + 1,))
    if candidates is not None:
        return _select(cursor, column, [among(candidates), window], tail)
    if query.sorted_by == "relevance" and plan.groups:
        return _ranked(plan, position, query.size, cursor, using)
    # The plus sign keeps the database from leaving the index of the order for that of a range.
    tests = [range_test(f"+{bounds[0]}", *bounds[1:]) for bounds in plan.ranges]
    tests += [_group_test(group, backend(using)) for group in plan.groups]
    budget = _budget(plan, query.size, cursor, using)
    found = _walk(cursor, column, window, tests, position, query.size, budget)
    if len(found) > query.size or not plan.groups or _total(using) <= budget:
        return found
    match = backend(using).matching(plan.groups)
    every = Sql(f"model_id IN ({match.text})", match.parameters)
    ranges = [range_test(*bounds) for bounds in plan.ranges]
    return _select(cursor, column, [every, *ranges, window], tail)


def _budget(plan: Plan, size: int, cursor: CursorWrapper, using: str) -> int:
    """How many rows a walk may look at: ten times what it would take if the matches were spread evenly."""
    if not plan.groups:
        return BUDGET
    match = backend(using).matching(plan.groups)
    cursor.execute(
        f"SELECT count(*) FROM ({match.text} LIMIT %s) AS found",  # noqa: S608 - fixed names
        (*match.parameters, BUDGET),
    )
    matches = max(1, int(cursor.fetchone()[0]))
    return min(BUDGET, max(CAP, 10 * size * _total(using) // matches))


def _ranked(
    plan: Plan, position: Cursor | None, size: int, cursor: CursorWrapper, using: str
) -> list[tuple[int, int | str]]:
    """Many matches by relevance: those among the HEAD most prominent entries by rank, then the rest by key.

    Both parts are read lazily, so a page costs the same however frequent the words are, and wherever it lies.
    """
    last = _select(
        cursor, "prominence", [], Sql("ORDER BY prominence, model_id LIMIT 1 OFFSET %s", (max(0, HEAD - 1),))
    )
    border = (int(last[0][1]), last[0][0]) if last else (UNKNOWN, UNKNOWN)
    in_tail = position is not None and (int(position.value), position.model_id) > border
    backward = bool(position and position.backward)
    start = position.model_id if position and in_tail else 0
    window = Sql("", ()) if in_tail else _window("prominence", position)

    def head(count: int) -> list[tuple[int, int | str]]:
        tests = [range_test(f"+{bounds[0]}", *bounds[1:]) for bounds in plan.ranges]
        tests += [_group_test(group, backend(using)) for group in plan.groups]
        inside = Sql("(prominence, model_id) <= (%s, %s)", border)
        order = Sql(f"ORDER BY {_order('prominence', position)} LIMIT %s", (count,))
        return _select(cursor, "prominence", [inside, window, *tests], order)

    def tail(count: int) -> list[tuple[int, int | str]]:
        return _tail(plan, border, start, backward, count, cursor, using) if last else []

    # Forward from the head: both; forward from the tail: the tail alone. Backward it is the other way round.
    steps = {
        (False, False): (head, tail),
        (True, False): (tail,),
        (True, True): (tail, head),
        (False, True): (head,),
    }
    found: list[tuple[int, int | str]] = []
    for step in steps[in_tail, backward]:
        if len(found) <= size:
            found += step(size + 1 - len(found))
    return found


def _tail(
    plan: Plan,
    border: tuple[int, int],
    start: int,
    backward: bool,
    count: int,
    cursor: CursorWrapper,
    using: str,
) -> list[tuple[int, int | str]]:
    """Matches beyond the border in the order of their keys, from one key on."""
    source = backend(using).source(plan.groups)
    tests = [
        Sql(f"{source.key} {'<' if backward else '>'} %s", (start,)),
        Sql(f"({source.rows}.prominence, {source.rows}.model_id) > (%s, %s)", border),
        *(range_test(f"+{source.rows}.{bounds[0]}", *bounds[1:]) for bounds in plan.ranges),
    ]
    cursor.execute(
        f"SELECT {source.key}, {source.rows}.prominence {source.text} AND "
        f"{' AND '.join(test.text for test in tests)} "
        f"ORDER BY {source.key} {'DESC' if backward else 'ASC'} LIMIT %s",
        (*source.parameters, *(value for test in tests for value in test.parameters), count),
    )
    return [(row[0], row[1]) for row in cursor.fetchall()]


def _walk(
    cursor: CursorWrapper,
    column: str,
    window: Sql,
    tests: Sequence[Sql],
    position: Cursor | None,
    size: int,
    budget: int,
) -> list[tuple[int, int | str]]:
    """Rows in order that pass the tests, among the next ``budget`` ones. The order's index ends it early."""
    tail = Sql(f"ORDER BY {_order(column, position)} LIMIT %s", (size + 1,))
    if not tests:
        return _select(cursor, column, [window], tail)
    end = _select(
        cursor, column, [window], Sql(f"ORDER BY {_order(column, position)} LIMIT 1 OFFSET %s", (budget,))
    )
    return _select(cursor, column, [window, *_until(column, end, position), *tests], tail)


def _until(column: str, end: Sequence[tuple[int, int | str]], position: Cursor | None) -> list[Sql]:
    """The rows before the end of the walk; all of them where there are fewer than the budget."""
    sign = ">" if position and position.backward else "<"
    return [Sql(f"({column}, model_id) {sign} (%s, %s)", (value, pk)) for pk, value in end]


def _select(
    cursor: CursorWrapper, column: str, conditions: Sequence[Sql], tail: Sql
) -> list[tuple[int, int | str]]:
    given = [condition for condition in conditions if condition.text]
    where = " AND ".join(condition.text for condition in given) or "1 = 1"
    cursor.execute(
        f"SELECT model_id, {column} FROM {TABLE} WHERE {where} {tail.text}",  # noqa: S608 - fixed names
        (*(value for condition in given for value in condition.parameters), *tail.parameters),
    )
    return [(row[0], row[1]) for row in cursor.fetchall()]


def keys(cursor: CursorWrapper, sql: Sql) -> list[int]:
    """The first column of what the statement finds."""
    cursor.execute(sql.text, sql.parameters)
    return [row[0] for row in cursor.fetchall()]


def _within(found: Sequence[int], plan: Plan, cursor: CursorWrapper) -> list[int]:
    tests = [among(found), *(range_test(*bounds) for bounds in plan.ranges)]
    return filtered(tests, cursor)


def _with_groups(found: Sequence[int], plan: Plan, kit: Backend, cursor: CursorWrapper) -> list[int]:
    if not plan.groups:
        return list(found)
    return filtered([among(found), *(_group_test(group, kit) for group in plan.groups)], cursor)


def filtered(tests: Sequence[Sql], cursor: CursorWrapper) -> list[int]:
    """The keys of the rows that pass all tests."""
    where = " AND ".join(test.text for test in tests)
    parameters = tuple(value for test in tests for value in test.parameters)
    return keys(cursor, Sql(f"SELECT model_id FROM {TABLE} WHERE {where}", parameters))  # noqa: S608


def among(ids: Sequence[int]) -> Sql:
    """The keys as literals: they are whole numbers of our own, and there may be more than parameters allow."""
    listed = ", ".join(str(int(pk)) for pk in ids) or "NULL"
    return Sql(f"model_id IN ({listed})", ())


def range_test(column: str, lowest: int, highest: int) -> Sql:
    """Whether the column lies between the two, both included."""
    return Sql(f"{column} BETWEEN %s AND %s", (lowest, highest))


def _group_test(group: Group, kit: Backend) -> Sql:
    """The same test as the full-text index makes, on the text of the row."""
    column = "facets" if group.options and group.options[0].startswith("_") else "words"
    tests = [
        kit.contains(column, f" {option}" if group.prefix else f" {option} ") for option in group.options
    ]
    return Sql(
        "(" + " OR ".join(test.text for test in tests) + ")",
        tuple(value for test in tests for value in test.parameters),
    )


def _window(column: str, position: Cursor | None) -> Sql:
    """The rows beyond the cursor."""
    if position is None:
        return Sql("", ())
    sign = "<" if position.backward else ">"
    return Sql(f"({column}, model_id) {sign} (%s, %s)", (position.value, position.model_id))


def _order(column: str, position: Cursor | None) -> str:
    direction = "DESC" if position and position.backward else "ASC"
    return f"{column} {direction}, model_id {direction}"


def _assemble(
    query: Query,
    plan: Plan,
    position: Cursor | None,
    rows: list[tuple[int, int | str]],
    count: Count,
    pinned: int | None,
) -> Page:
    """Cuts the page, puts the entry that was asked for by name on top, and makes the cursors."""
    backward = bool(position and position.backward)
    more, rows = len(rows) > query.size, rows[: query.size]
    if backward:
        rows.reverse()
    next_, previous = "", ""
    if rows and (more or backward):
        next_ = encode_cursor(Cursor(query.sorted_by, rows[-1][1], rows[-1][0], False))
    if rows and (more if backward else position is not None):
        previous = encode_cursor(Cursor(query.sorted_by, rows[0][1], rows[0][0], True))
    ids = [pk for pk, _ in rows if pk != pinned]
    if pinned is not None and position is None:
        ids.insert(0, pinned)
    return Page(tuple(ids), next_, previous, count, plan.mended, plan.unknown)


def _total(using: str) -> int:
    """The number of entries, from the counts that are kept."""
    counts = FacetValue.objects.using(using).filter(facet="kind").values_list("count", flat=True)
    return sum(counts)
