"""Writes to the catalog: one function per change, atomic, with its audit row."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from django.db import transaction

from zoo.accounts.models import User
from zoo.catalog import dates, fields, references, search
from zoo.catalog.models import (
    Alias,
    Evidence,
    Fact,
    Kind,
    Model,
    Organization,
    Origin,
    SearchDocument,
    Status,
)
from zoo.core.errors import Conflict
from zoo.core.models import record


class EntryExists(Conflict):
    """The id or alias is taken."""

    code = "entry_exists"


@transaction.atomic
def add_model(
    *,
    reference: str,
    title: str,
    kind: Kind,
    acting_user: User | None,
    now: datetime,
    curated: bool = False,
) -> Model:
    """Makes an entry without facts, and its organization where that is new.

    Raises BadReference, BadFact, or EntryExists when the id or an alias of that name is taken.
    """
    parsed = references.parse(reference)
    title = str(fields.check("title", title))
    taken = Model.objects.filter(key=parsed.key).exists() or Alias.objects.filter(key=parsed.key).exists()
    if taken:
        raise EntryExists(f"the catalog already has {reference}", field="id")
    organization = Organization.objects.filter(slug__iexact=parsed.organization).first()
    if organization is None:
        organization = Organization.objects.create(slug=parsed.organization, name=parsed.organization)
    model = Model.objects.create(
        organization=organization,
        name=parsed.name,
        key=parsed.key,
        title=title,
        kind=kind,
        curated=curated,
        created_at=now,
    )
    search.refresh([model.pk])
    record(action="model.added", subject=f"model:{model.slug}", acting_user=acting_user, now=now)
    return model


@transaction.atomic
def add_alias(*, model: Model, alias: str, acting_user: User | None, now: datetime) -> None:
    """Lets the entry be found by another name. Raises EntryExists when another entry has it."""
    key = alias.strip().lower()
    other = Model.objects.filter(key=key).exclude(pk=model.pk).exists()
    row, made = Alias.objects.get_or_create(key=key, defaults={"model": model})
    if other or row.model_id != model.pk:
        raise EntryExists(f"the name {alias} belongs to another entry", field="alias")
    if made:
        search.refresh([model.pk])
        record(
            action="model.alias_added",
            subject=f"model:{model.slug}",
            acting_user=acting_user,
            now=now,
            detail={"alias": key},
        )


@transaction.atomic
def record_fact(
    *,
    model: Model,
    field: str,
    value: object,
    status: Status,
    seen: bool,
    acting_user: User | None,
    now: datetime,
    reason: str = "",
    origin: Origin = Origin.PERSON,
) -> Fact:
    """Records what is known of a field; what stood before stays in the history. Raises BadFact.

    The same value with the same standing again changes nothing.
    """
    checked = fields.check(field, value)
    before = Fact.objects.select_for_update().filter(model=model, field=field, is_current=True).first()
    if before and (before.value, before.status, before.seen) == (checked, status, seen):
        return before
    if before:
        before.is_current = False
        before.save(update_fields=["is_current"])
    fact = Fact.objects.create(
        model=model,
        field=field,
        value=checked,
        status=status,
        seen=seen,
        recorded_at=now,
        recorded_by=acting_user,
        reason=reason,
        origin=origin,
        supersedes=before,
    )
    _project(model, field, checked)
    record(
        action="model.fact_recorded" if before is None else "model.fact_corrected",
        subject=f"model:{model.slug}",
        acting_user=acting_user,
        now=now,
        detail={"field": field, "from": before.value if before else None, "to": checked, "reason": reason},
    )
    return fact


@transaction.atomic
def add_evidence(
    *,
    model: Model,
    claim: str,
    source: str,
    seen: bool,
    status: Status,
    acting_user: User | None,
    now: datetime,
    source_url: str = "",
    field: str = "",
) -> Evidence:
    """Adds what a source says about an entry. The same statement again changes nothing."""
    row, _ = Evidence.objects.get_or_create(
        model=model,
        claim=claim,
        source=source,
        field=field,
        defaults={
            "seen": seen,
            "status": status,
            "source_url": source_url,
            "recorded_at": now,
            "recorded_by": acting_user,
        },
    )
    return row


def publish_verdicts(verdicts: Mapping[int, Sequence[str]]) -> None:
    """Stores the license verdicts of entries, by key, as values of the facet ``verdict``.

    For the license checks, which know them: allowed, conditions, unknown or prohibited, for the ordinary question.
    """
    search.contribute({pk: {"verdict": given} for pk, given in verdicts.items()})


def publish_retention(retention: Mapping[int, float | None], *, imported: Collection[int] = ()) -> None:
    """Stores the overall retention of students, by key, as a fraction; None where there is no number.

    For the comparisons, which know it. An entry that is named counts as measured here, and one in ``imported``
    as having scores from somebody's harness file.
    """
    known = {*imported, *_imported_among(retention)}
    numbers = {pk: {"numbers": ["measured", "imported"] if pk in known else ["measured"]} for pk in retention}
    numbers |= {pk: {"numbers": ["imported"]} for pk in known if pk not in retention}
    search.contribute(numbers, retention=retention)


def publish_imported(model_id: int, *, has: bool) -> None:
    """Stores whether an entry has scores from somebody's file, beside the other kinds of numbers."""
    row = SearchDocument.objects.filter(pk=model_id).first()
    before = set(row.contributed.get("numbers", [])) if row else set()
    after = before | {"imported"} if has else before - {"imported"}
    search.contribute({model_id: {"numbers": sorted(after)}})


def _imported_among(model_ids: Collection[int]) -> set[int]:
    rows = SearchDocument.objects.filter(pk__in=list(model_ids)).only("contributed")
    return {row.pk for row in rows if "imported" in row.contributed.get("numbers", [])}


def _project(model: Model, field: str, value: fields.Value) -> None:
    """Puts the current value where lists and filters read it."""
    setattr(model, field, value)
    changed = [field]
    if field == "released":
        model.released_on = dates.first_day(str(value)) if value else None
        changed.append("released_on")
    model.save(update_fields=changed)
    search.refresh([model.pk])
