"""Writes the index: what search knows of an entry, the counts of facet values, and the vocabulary."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from itertools import islice
from typing import Any

from django.db import connections, transaction
from django.db.models import F, Field

from zoo.catalog.models import FacetValue, Model, ReportedScore, SearchDocument, Term
from zoo.catalog.models.search import UNKNOWN
from zoo.catalog.search.query import FACETS
from zoo.catalog.search.words import words_of

SOLE = frozenset({"verdict", "teacher"})
"""Facets that come from one other app alone and move no figure of the row."""
_PLACES = {letter: place for place, letter in enumerate(FACETS.values())}
CONTRIBUTED = ("method", "teacher", "role", "verdict", "numbers")
"""Facets whose values come from other apps."""
_BATCH = 500
Known = dict[str, Any]
"""What others contribute, as it is kept in the row: lists by facet, and figures."""
_MEASURED_BONUS = 4_000_000
_CURATED_BONUS = 2_000_000
_STUDENT_BONUS = 1_000_000


@transaction.atomic
def refresh(model_ids: Iterable[int], *, using: str = "default") -> None:
    """Brings the index up to date with what the tables say about these entries."""
    ids = iter(dict.fromkeys(model_ids))
    while batch := list(islice(ids, _BATCH)):
        _refresh_batch(batch, using)


@transaction.atomic
def contribute(
    values: Mapping[int, Mapping[str, Sequence[str]]],
    *,
    retention: Mapping[int, float | None] | None = None,
    prominence: Mapping[int, int] | None = None,
    using: str = "default",
) -> None:
    """Stores what other apps know: facet values by entry, overall retention (a fraction), prominence.

    Only the facets that are named are replaced. Unknown facets raise ValueError; unknown entries are skipped.
    """
    for given in values.values():
        for facet in given:
            if facet not in CONTRIBUTED:
                raise ValueError(f"{facet} is not a facet that others contribute")
    ids = iter(dict.fromkeys([*values, *(retention or {}), *(prominence or {})]))
    sole = (
        not retention and not prominence and {facet for given in values.values() for facet in given} <= SOLE
    )
    while batch := list(islice(ids, _BATCH)):
        before = _locked(batch, using)
        known = {
            pk: row.contributed
            | {facet: sorted(set(given)) for facet, given in values.get(pk, {}).items()}
            | ({"retention": retention[pk]} if retention and pk in retention else {})
            | ({"prominence": prominence[pk]} if prominence and pk in prominence else {})
            for pk, row in before.items()
        }
        if sole:
            _swap(before, known, using)
        else:
            _write(before, known, using)


def rebuild(*, using: str = "default") -> int:
    """Makes the whole index anew and returns the number of entries. Contributions are kept."""
    ids = Model.objects.using(using).order_by("pk").values_list("pk", flat=True)
    count = 0
    iterator = ids.iterator(chunk_size=_BATCH)
    while batch := list(islice(iterator, _BATCH)):
        refresh(batch, using=using)
        count += len(batch)
    return count


def document_words(model: Model, aliases: Iterable[str]) -> list[str]:
    """The words by which an entry is found: its id, title, names, family, license and paper."""
    parts = [model.slug, model.title, model.family, model.hub_id, model.license, model.paper, *aliases]
    return words_of(" ".join(part for part in parts if part))


def document_facets(
    model: Model, contributed: Mapping[str, object], *, has_reports: bool
) -> Iterator[tuple[str, str]]:
    """The facet values of an entry as (facet, value)."""
    own = {
        "kind": [model.kind],
        "license": [model.license],
        "family": [model.family],
        "organization": [model.organization.slug],
        "availability": [model.availability],
        "architecture": [model.architecture],
        "modality": [model.modality],
        "method": model.distillation.split(","),
        "numbers": ["reported"] if has_reports else [],
    }
    for facet in FACETS:
        values = [*own.get(facet, []), *_listed(contributed, facet)]
        yield from ((facet, value) for value in dict.fromkeys(values) if value)


def _listed(contributed: Mapping[str, object], facet: str) -> list[str]:
    given = contributed.get(facet, [])
    return given if isinstance(given, list) else []


def sort_values(model: Model, contributed: Mapping[str, object]) -> dict[str, int | str]:
    """The sort columns of an entry."""
    released = model.released_on.toordinal() if model.released_on else None
    prominence = contributed.get("prominence", 0)
    weight = (prominence if isinstance(prominence, int) else 0) + sum(
        bonus
        for bonus, has in (
            (_CURATED_BONUS, model.curated),
            (_MEASURED_BONUS, contributed.get("retention") is not None),
            (_STUDENT_BONUS, "student" in _listed(contributed, "role")),
        )
        if has
    )
    kept = contributed.get("retention")
    return {
        "name_key": model.key.split("/", 1)[1],
        "prominence": -weight,
        "size_up": UNKNOWN if model.parameters is None else model.parameters,
        "size_down": UNKNOWN if model.parameters is None else -model.parameters,
        "oldest": UNKNOWN if released is None else released,
        "newest": UNKNOWN if released is None else -released,
        "most_kept": -round(kept * 1_000_000) if isinstance(kept, float | int) else UNKNOWN,
    }


def _refresh_batch(ids: Sequence[int], using: str) -> None:
    before = _locked(ids, using)
    known = {pk: before[pk].contributed if pk in before else {} for pk in ids}
    _write(before, known, using)


def _locked(ids: Sequence[int], using: str) -> dict[int, SearchDocument]:
    """The rows as they are, by key, held until the transaction ends, because counts are moved by what changes."""
    rows = SearchDocument.objects.using(using).select_for_update().filter(pk__in=ids).order_by("pk")
    return {row.pk: row for row in rows}


def _swap(before: Mapping[int, SearchDocument], known: Mapping[int, Known], using: str) -> None:
    """Like ``_write``, for facets that come from one app alone: the rest of the row stays, and is not made again."""
    letters = {facet: f"_{FACETS[facet]}" for facet in SOLE}
    pairs = {(facet, value) for given in known.values() for facet in SOLE for value in _listed(given, facet)}
    tokens = _tokens(pairs, using)
    made = []
    for pk, row in before.items():
        kept = [token for token in row.facets.split() if token[:2] not in letters.values()]
        fresh = [tokens[facet, value] for facet in SOLE for value in _listed(known[pk], facet)]
        ordered = sorted([*kept, *fresh], key=lambda token: _PLACES[token[1]])
        new = copy(row)
        new.facets, new.contributed = "".join(f" {token} " for token in ordered), known[pk]
        made.append(new)
    _count(before, made, using)
    _store(before, made, using)


def _write(before: Mapping[int, SearchDocument], known: Mapping[int, Known], using: str) -> None:
    """Writes the rows of these entries, given what is there and what others contribute now."""
    ids = list(known)
    models = list(
        Model.objects.using(using)
        .filter(pk__in=ids)
        .select_related("organization")
        .prefetch_related("aliases")
    )
    reported = set(
        ReportedScore.objects.using(using).filter(model__in=ids).values_list("model_id", flat=True).distinct()
    )
    values = {
        model.pk: list(document_facets(model, known[model.pk], has_reports=model.pk in reported))
        for model in models
    }
    tokens = _tokens({pair for pairs in values.values() for pair in pairs}, using)
    made = []
    for model in models:
        words = document_words(model, (row.key for row in model.aliases.all()))
        made.append(
            SearchDocument(
                model=model,
                words="".join(f" {word} " for word in words),
                facets="".join(f" {tokens[pair]} " for pair in values[model.pk]),
                contributed=known[model.pk],
                **sort_values(model, known[model.pk]),
            )
        )
    _count(before, made, using)
    _store(before, made, using)


def _store(before: Mapping[int, SearchDocument], made: Sequence[SearchDocument], using: str) -> None:
    """Writes rows that are new or differ; unchanged ones are left, which keeps the full-text index quiet."""
    rows = SearchDocument.objects.using(using)
    rows.bulk_create([row for row in made if row.pk not in before], batch_size=_BATCH)
    columns = [column for column in SearchDocument._meta.concrete_fields if not column.primary_key]
    changed: defaultdict[tuple[Field[Any, Any], ...], list[SearchDocument]] = defaultdict(list)
    for row in made:
        if old := before.get(row.pk):
            differ = (
                column for column in columns if getattr(row, column.attname) != getattr(old, column.attname)
            )
            changed[tuple(differ)].append(row)
    for differing, group in changed.items():
        if differing:
            _update(differing, group, using)


def _update(columns: Sequence[Field[Any, Any]], rows: Sequence[SearchDocument], using: str) -> None:
    """One short statement, many times; ``bulk_update`` would write a CASE for every column and row."""
    database = connections[using]
    sets = ", ".join(f"{column.column} = %s" for column in columns)
    with database.cursor() as cursor:
        cursor.executemany(
            f"UPDATE catalog_searchdocument SET {sets} WHERE model_id = %s",  # noqa: S608 - fixed names
            [
                (
                    *(column.get_db_prep_save(getattr(row, column.attname), database) for column in columns),
                    row.pk,
                )
                for row in rows
            ],
        )


def _tokens(pairs: Iterable[tuple[str, str]], using: str) -> dict[tuple[str, str], str]:
    """The tokens of facet values, made where they are new."""
    wanted = {(facet, value.lower()): value for facet, value in pairs}
    found = _known_tokens(wanted, using)
    if missing := sorted(key for key in wanted if key not in found):
        FacetValue.objects.using(using).bulk_create(
            [FacetValue(facet=facet, key=key, value=wanted[facet, key]) for facet, key in missing],
            ignore_conflicts=True,
            batch_size=_BATCH,
        )
        found = _known_tokens(wanted, using)
    return {(facet, value): found[facet, value.lower()] for facet, value in pairs}


def _known_tokens(wanted: Iterable[tuple[str, str]], using: str) -> dict[tuple[str, str], str]:
    rows = FacetValue.objects.using(using).filter(key__in={key for _, key in wanted})
    return {
        (facet, key): f"_{FACETS[facet]}{pk}" for facet, key, pk in rows.values_list("facet", "key", "pk")
    }


def _count(before: Mapping[int, SearchDocument], made: Iterable[SearchDocument], using: str) -> None:
    """Moves the counts of facet values and words by what the batch changes."""
    facets: Counter[str] = Counter()
    terms: Counter[str] = Counter()
    for row in made:
        old = before.get(row.pk)
        if old is None or old.facets != row.facets:
            facets.update(row.facets.split())
            facets.subtract(old.facets.split() if old else ())
        if old is None or old.words != row.words:
            terms.update(row.words.split())
            terms.subtract(old.words.split() if old else ())
    for step in {n for n in facets.values() if n}:
        ids = [int(token[2:]) for token, n in facets.items() if n == step]
        FacetValue.objects.using(using).filter(pk__in=ids).update(count=F("count") + step)
    moved = {word: n for word, n in terms.items() if n}
    Term.objects.using(using).bulk_create(
        [Term(term=word) for word in sorted(moved)], ignore_conflicts=True, batch_size=_BATCH
    )
    for step in set(moved.values()):
        batch = [word for word, n in moved.items() if n == step]
        Term.objects.using(using).filter(term__in=batch).update(count=F("count") + step)
