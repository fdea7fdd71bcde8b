"""Reads of the catalog: typed, with what a page needs fetched along, explicitly ordered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from django.db import connection
from django.db.models import Model as DatabaseModel
from django.db.models import QuerySet

from zoo.catalog import search
from zoo.catalog.models import (
    Alias,
    Claim,
    Cost,
    Dispute,
    DisputedModel,
    Evidence,
    Fact,
    GlossaryTerm,
    LicensePeriod,
    Model,
    ReportedScore,
    Revision,
    SearchDocument,
    StartingPoint,
    TimelineEntry,
)
from zoo.catalog.search import parameters
from zoo.core.errors import NotFound
from zoo.core.models import AuditRow


class ModelNotFound(NotFound):
    """No entry has this id or alias."""

    code = "model_not_found"


def find_model(reference: str) -> Model | None:
    """The entry with this id (``org/name``) or alias, in any case; None when there is none."""
    key = reference.strip().lower()
    entries = Model.objects.select_related("organization")
    found = entries.filter(key=key).first()
    if found is None:
        alias = Alias.objects.filter(key=key).select_related("model__organization").first()
        found = alias.model if alias else None
    return found


def get_model(reference: str) -> Model:
    """Like ``find_model``. Raises ModelNotFound."""
    found = find_model(reference)
    if found is None:
        raise _not_found(reference)
    return found


def _not_found(reference: str) -> ModelNotFound:
    return ModelNotFound(
        f"there is no entry {reference[:200]!r} in the catalog",
        remedy="Search for it, or propose it as a new entry.",
    )


def find_models(references: Iterable[str]) -> dict[str, Model]:
    """The entries of many ids or aliases at once, by the reference that was given; missing ones are left out."""
    wanted = {reference: reference.strip().lower() for reference in references}
    keys = set(wanted.values())
    by_key = {entry.key: entry for entry in Model.objects.select_related("organization").filter(key__in=keys)}
    if missing := keys - set(by_key):
        for alias in Alias.objects.filter(key__in=missing).select_related("model__organization"):
            by_key[alias.key] = alias.model
    return {reference: by_key[key] for reference, key in wanted.items() if key in by_key}


def controls_of(reference: str) -> QuerySet[Model]:
    """The models that were trained like an entry but without its teacher, by id."""
    found = find_models([reference]).get(reference)
    key = found.key if found else reference.strip().lower()
    return Model.objects.select_related("organization").filter(control_of=key).exclude(control_of="")


def model_names(*, limit: int) -> list[str]:
    """The ids of the most prominent entries, for suggestions while typing."""
    rows = SearchDocument.objects.select_related("model__organization").order_by("prominence", "model_id")
    return [row.model.slug for row in rows[:limit]]


def newest_models(*, limit: int) -> QuerySet[Model]:
    """The entries that were added last."""
    return Model.objects.select_related("organization").order_by("-created_at", "-id")[:limit]


def revisions_of(model: Model) -> QuerySet[Revision]:
    """The revisions with their files, newest first."""
    return model.revisions.prefetch_related("files")


def license_periods_of(model: Model) -> QuerySet[LicensePeriod]:
    """Which license was published from when, earliest first; empty where it never changed."""
    return model.license_periods.order_by("since_on", "id")


def reported_scores_of(model: Model) -> QuerySet[ReportedScore]:
    """What others published about the model, in the order of the sources."""
    return model.reported_scores.order_by("group", "order", "id")


def unattached_scores() -> QuerySet[ReportedScore]:
    """Published scores of things that are no entry, with the reason."""
    return ReportedScore.objects.filter(model=None).order_by("group", "order", "id")


def current_facts_of(model: Model) -> QuerySet[Fact]:
    """The facts that hold now, by field."""
    return model.facts.filter(is_current=True).order_by("field")


def history_of(model: Model) -> QuerySet[Fact]:
    """Every fact that was ever recorded, newest first."""
    return model.facts.select_related("recorded_by", "supersedes").order_by("-recorded_at", "-id")


def evidence_of(model: Model) -> QuerySet[Evidence]:
    """What sources say about the model: read ones first."""
    return model.evidence.order_by("-seen", "id")


def disputes_of(model: Model) -> QuerySet[Dispute]:
    """The disputes that concern the model, newest first."""
    return model.disputes.prefetch_related("parts__model__organization").order_by("-since_on", "slug")


def costs_of(model: Model) -> QuerySet[Cost]:
    """Prices and training costs as sources state them, newest first."""
    return model.costs.order_by("-as_of", "what", "id")


def timeline() -> QuerySet[TimelineEntry]:
    """The history of distillation, from the beginning."""
    return TimelineEntry.objects.prefetch_related("entries__organization").order_by("when_on", "slug")


def glossary() -> QuerySet[GlossaryTerm]:
    """The words of the field by name."""
    return GlossaryTerm.objects.prefetch_related("see_also").order_by("term")


@dataclass(frozen=True, slots=True)
class Summary:
    """An entry as lists show it: its columns, and what other apps contributed to its index row."""

    model: Model
    methods: tuple[str, ...]
    teachers: tuple[str, ...]
    roles: tuple[str, ...]
    verdict: str | None
    """The license verdict for the ordinary question; None until a check was made."""
    retention: float | None
    """Overall retention as measured here (a fraction); None where nothing was measured."""
    numbers: tuple[str, ...]
    """Which kinds of scores there are: measured, imported, reported."""


def summaries(ids: Iterable[int]) -> list[Summary]:
    """The entries of a page in the order of their keys. Two queries, however many there are."""
    wanted = list(ids)
    rows = Model.objects.select_related("organization", "search_document").in_bulk(wanted)
    reported = set(
        ReportedScore.objects.filter(model__in=wanted)
        .order_by()
        .values_list("model_id", flat=True)
        .distinct()
    )
    return [summary(rows[pk], has_reports=pk in reported) for pk in wanted if pk in rows]


def summary(model: Model, *, has_reports: bool) -> Summary:
    """The summary of one entry, whose index row should be selected along."""
    document: SearchDocument | None = getattr(model, "search_document", None)
    contributed = document.contributed if document else {}
    own = [method for method in model.distillation.split(",") if method]
    verdicts = contributed.get("verdict", [])
    return Summary(
        model=model,
        methods=tuple(dict.fromkeys([*own, *contributed.get("method", [])])),
        teachers=tuple(contributed.get("teacher", [])),
        roles=tuple(contributed.get("role", [])),
        verdict=verdicts[0] if verdicts else None,
        retention=contributed.get("retention"),
        numbers=(*contributed.get("numbers", []), *(["reported"] if has_reports else [])),
    )


def verdicts_of(ids: Iterable[int]) -> dict[int, str]:
    """The license verdict for the ordinary question, by entry; one that was not checked yet is left out."""
    rows = SearchDocument.objects.filter(model__in=list(ids)).values_list("model_id", "contributed")
    return {pk: found["verdict"][0] for pk, found in rows if found.get("verdict")}


def export(query: search.Query, *, batch: int = 500) -> Iterator[Summary]:
    """Every entry of a query, in its order, batch by batch: memory does not grow with the result."""
    ids = search.identify(query)
    while chunk := list(islice(ids, batch)):
        yield from summaries(chunk)


@dataclass(frozen=True, slots=True)
class Profile(Summary):
    """All that the page of an entry shows from the catalog itself."""

    aliases: tuple[str, ...]
    facts: tuple[Fact, ...]
    evidence: tuple[Evidence, ...]
    claims: tuple[Claim, ...]
    disputes: tuple[Dispute, ...]
    costs: tuple[Cost, ...]
    license_periods: tuple[LicensePeriod, ...]
    has_reported_scores: bool
    has_revisions: bool


_RARE: dict[str, type[DatabaseModel]] = {
    "aliases": Alias,
    "claims": Claim,
    "costs": Cost,
    "disputes": DisputedModel,
    "license_periods": LicensePeriod,
    "reported_scores": ReportedScore,
    "revisions": Revision,
}
"""What most entries of a large catalog have none of: asked for only where there is some."""


def profile(reference: str) -> Profile:
    """Everything about one entry but its scores and revisions, by id or alias. Raises ModelNotFound.

    Four queries, and one for each kind of thing that it has.
    """
    row = _with_index_row(reference)
    has = _rare_of(row)
    short = summary(row, has_reports="reported_scores" in has)
    return Profile(
        model=row,
        methods=short.methods,
        teachers=short.teachers,
        roles=short.roles,
        verdict=short.verdict,
        retention=short.retention,
        numbers=short.numbers,
        aliases=tuple(row.aliases.values_list("key", flat=True)) if "aliases" in has else (),
        facts=tuple(current_facts_of(row)),
        evidence=tuple(evidence_of(row)),
        claims=tuple(row.claims.order_by("order", "id")) if "claims" in has else (),
        disputes=tuple(disputes_of(row)) if "disputes" in has else (),
        costs=tuple(costs_of(row)) if "costs" in has else (),
        license_periods=tuple(license_periods_of(row)) if "license_periods" in has else (),
        has_reported_scores="reported_scores" in has,
        has_revisions="revisions" in has,
    )


def _with_index_row(reference: str) -> Model:
    entries = Model.objects.select_related("organization", "search_document")
    key = reference.strip().lower()
    found = entries.filter(key=key).first() or entries.filter(aliases__key=key).first()
    if found is None:
        raise _not_found(reference)
    return found


def _rare_of(model: Model) -> set[str]:
    """Which of the rare things the entry has. Written out: the ORM takes longer to say it than a database to answer."""
    quote = connection.ops.quote_name
    parts = [
        f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {quote(table._meta.db_table)} WHERE model_id = %s)"  # noqa: S608
        for name, table in _RARE.items()
    ]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), [model.pk] * len(parts))
        return {name for (name,) in cursor.fetchall()}


def changes_of(model: Model) -> QuerySet[AuditRow]:
    """Every change of the entry with the person who made it, newest first."""
    rows = AuditRow.objects.filter(subject=f"model:{model.slug}")
    return rows.select_related("user").order_by("-at", "-id")


@dataclass(frozen=True, slots=True)
class Choice:
    """A starting point with the models that answer it, best first."""

    point: StartingPoint
    summaries: tuple[Summary, ...]


_CHOICES = 6
_LOOKED_AT = 60


def starting_points() -> list[Choice]:
    """For each purpose its best models, from the data alone.

    A model has to be open and to have a license that no check prohibits, and somebody has to have published
    or measured a number for it. Measured ones come first, by what they keep; then clear licenses before
    conditions; then the order that the purpose asks for.
    """
    points = list(StartingPoint.objects.order_by("order", "slug"))
    ids = {point.pk: search.page(_query_of(point)).ids for point in points}
    rows = {row.model.pk: row for row in summaries({pk for found in ids.values() for pk in found})}
    choices = []
    for point in points:
        found = [rows[pk] for pk in ids[point.pk] if pk in rows and _is_safe_start(rows[pk])]
        choices.append(Choice(point, tuple(sorted(found, key=_start_rank)[:_CHOICES])))
    return choices


def _query_of(point: StartingPoint) -> search.Query:
    return parameters.parse({name: [value] for name, value in point.query.items()}, size=_LOOKED_AT).query


def _is_safe_start(row: Summary) -> bool:
    return bool(row.model.license and row.numbers) and row.verdict not in ("prohibited", "unknown")


def _start_rank(row: Summary) -> tuple[int, float, int]:
    measured = row.retention is not None
    return (0 if measured else 1, -(row.retention or 0.0), 0 if row.verdict == "allowed" else 1)


def number_of_models() -> int:
    """How many entries the catalog has, of every kind."""
    return Model.objects.count()
