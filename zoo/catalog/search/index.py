"""Writes the index: what search knows of an entry, the counts of facet values, and the vocabulary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from django.db import transaction
from django.db.models import F

from zoo.catalog.models import FacetValue, Model, ReportedScore, SearchDocument, Term
from zoo.catalog.models.search import UNKNOWN
from zoo.catalog.search.query import FACETS
from zoo.catalog.search.words import words_of

CONTRIBUTED = ("method", "teacher", "role", "verdict", "numbers")
"""Facets whose values come from other apps."""
_BATCH = 500
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
    documents = {
        row.pk: row
        for row in SearchDocument.objects.using(using).filter(
            pk__in={*values, *(retention or {}), *(prominence or {})}
        )
    }
    for pk, row in documents.items():
        for facet, given in values.get(pk, {}).items():
            if facet not in CONTRIBUTED:
                raise ValueError(f"{facet} is not a facet that others contribute")
            row.contributed[facet] = sorted(set(given))
        if retention and pk in retention:
            row.contributed["retention"] = retention[pk]
        if prominence and pk in prominence:
            row.contributed["prominence"] = prominence[pk]
    SearchDocument.objects.using(using).bulk_update(documents.values(), ["contributed"], batch_size=100)
    refresh(documents, using=using)


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
    models = list(
        Model.objects.using(using)
        .filter(pk__in=ids)
        .select_related("organization")
        .prefetch_related("aliases")
    )
    before = SearchDocument.objects.using(using).in_bulk(list(ids))
    contributed = {pk: row.contributed for pk, row in before.items()}
    reported = set(
        ReportedScore.objects.using(using).filter(model__in=ids).values_list("model_id", flat=True).distinct()
    )
    values = {
        model.pk: list(
            document_facets(model, contributed.get(model.pk, {}), has_reports=model.pk in reported)
        )
        for model in models
    }
    tokens = _tokens({pair for pairs in values.values() for pair in pairs}, using)
    made = []
    for model in models:
        known = contributed.get(model.pk, {})
        words = document_words(model, (row.key for row in model.aliases.all()))
        made.append(
            SearchDocument(
                model=model,
                words="".join(f" {word} " for word in words),
                facets="".join(f" {tokens[pair]} " for pair in values[model.pk]),
                contributed=known,
                **sort_values(model, known),
            )
        )
    _count(before.values(), made, using)
    _store(before, made, using)


def _store(before: Mapping[int, SearchDocument], made: Sequence[SearchDocument], using: str) -> None:
    """Writes rows that are new or differ; unchanged ones are left, which keeps the full-text index quiet."""
    columns = [column.attname for column in SearchDocument._meta.concrete_fields if not column.primary_key]
    changed = [
        row
        for row in made
        if row.pk in before
        and any(getattr(row, column) != getattr(before[row.pk], column) for column in columns)
    ]
    rows = SearchDocument.objects.using(using)
    rows.bulk_create([row for row in made if row.pk not in before], batch_size=_BATCH)
    rows.bulk_update(changed, columns, batch_size=100)


def _tokens(pairs: Iterable[tuple[str, str]], using: str) -> dict[tuple[str, str], str]:
    """The tokens of facet values, made where they are new."""
    pairs = set(pairs)
    rows = FacetValue.objects.using(using)
    keys = {(facet, value.lower()): value for facet, value in pairs}
    rows.bulk_create(
        [FacetValue(facet=facet, key=key, value=value) for (facet, key), value in sorted(keys.items())],
        ignore_conflicts=True,
        batch_size=_BATCH,
    )
    found = {
        (row.facet, row.key): f"_{FACETS[row.facet]}{row.pk}"
        for row in rows.filter(key__in={key for _, key in keys})
    }
    return {(facet, value): found[facet, value.lower()] for facet, value in pairs}


def _count(before: Iterable[SearchDocument], made: Iterable[SearchDocument], using: str) -> None:
    """Moves the counts of facet values and words by what the batch changes."""
    facets: Counter[str] = Counter()
    terms: Counter[str] = Counter()
    for rows, step in ((before, -1), (made, 1)):
        for row in rows:
            for token in row.facets.split():
                facets[token] += step
            for word in row.words.split():
                terms[word] += step
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
