"""Brings the reviewed data of this repository into the database. Repeating it changes nothing.

What a person corrected here is left alone. What the data no longer says is retracted, not deleted, where
it is evidence or a fact. Every difference is returned, so that it can be shown before or after.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, TypeVar

from django.db import models, transaction

from zoo.catalog import dates, digests, fields, services
from zoo.catalog.data import CuratedData
from zoo.catalog.data import schema as curated
from zoo.catalog.models import (
    Alias,
    Claim,
    Cost,
    Dispute,
    DisputedModel,
    Evidence,
    Fact,
    GlossaryTerm,
    Kind,
    LicensePeriod,
    Model,
    Organization,
    Origin,
    ReportedScore,
    StartingPoint,
    Status,
    TimelineEntry,
)
from zoo.core.models import AuditRow

REASON = "the reviewed data changed"
_BATCH = 500
_Row = TypeVar("_Row", bound=models.Model)


class Change(NamedTuple):
    """One difference: whom it is about, and what is new."""

    subject: str
    what: str


@transaction.atomic
def load(data: CuratedData, *, now: datetime) -> list[Change]:
    """Makes the database say what the data says, and returns the differences that there were."""
    changes = _organizations(data.organizations)
    changes += _entries(data.entries, now)
    known = {
        entry.key: entry
        for entry in Model.objects.select_related("organization")
        .prefetch_related("aliases", "license_periods", "claims", "costs")
        .filter(key__in=[row.id.lower() for row in data.entries])
    }
    for entry in data.entries:
        changes += _attachments(known[entry.id.lower()], entry)
    changes += _evidence(data.entries, known, now)
    changes += _scores(data, known)
    changes += _disputes(data.disputes, known)
    changes += _stories(data, known)
    return changes


def _organizations(rows: Iterable[curated.OrganizationRow]) -> list[Change]:
    changes = []
    known = {row.slug.lower(): row for row in Organization.objects.all()}
    for row in rows:
        wanted = (row.name, row.url or "")
        found = known.get(row.slug.lower())
        if found is None:
            Organization.objects.create(slug=row.slug, name=wanted[0], url=wanted[1])
            changes.append(Change(row.slug, "new organization"))
        elif (found.name, found.url) != wanted:
            found.name, found.url = wanted
            found.save(update_fields=["name", "url"])
            changes.append(Change(row.slug, "organization described anew"))
    return changes


def _entries(entries: Sequence[curated.Entry], now: datetime) -> list[Change]:
    keys = [entry.id.lower() for entry in entries]
    known = {row.key: row for row in Model.objects.select_related("organization").filter(key__in=keys)}
    changes = _create([entry for entry in entries if entry.id.lower() not in known], now)
    before = _facts_before(list(known.values()))
    for entry in entries:
        if model := known.get(entry.id.lower()):
            changes += _update(model, entry, before.get(model.pk, {}), now)
    return changes


def _create(entries: Sequence[curated.Entry], now: datetime) -> list[Change]:
    organizations = {row.slug.lower(): row for row in Organization.objects.all()}
    made = []
    for entry in entries:
        publisher, name = entry.id.split("/")
        model = Model(
            organization=organizations[publisher.lower()],
            name=name,
            key=entry.id.lower(),
            title=entry.title,
            kind=Kind(entry.kind),
            curated=True,
            created_at=now,
        )
        for field, value in entry.facts().items():
            setattr(model, field, fields.check(field, value))
        model.released_on = dates.first_day(model.released) if model.released else None
        made.append(model)
    Model.objects.bulk_create(made, batch_size=_BATCH)
    by_key = {row.key: row for row in Model.objects.filter(key__in=[row.key for row in made])}
    Fact.objects.bulk_create(
        (
            Fact(
                model=by_key[entry.id.lower()],
                field=field,
                value=fields.check(field, value),
                status=_standing(entry, field)[0],
                seen=_standing(entry, field)[1],
                recorded_at=now,
                origin=Origin.CURATED,
            )
            for entry in entries
            for field, value in entry.facts().items()
        ),
        batch_size=_BATCH,
    )
    AuditRow.objects.bulk_create(
        (
            AuditRow(
                at=now, action="model.added", subject=f"model:{entry.id}", detail={"from": "reviewed data"}
            )
            for entry in entries
        ),
        batch_size=_BATCH,
    )
    return [Change(entry.id, "new entry") for entry in entries]


def _standing(entry: curated.Entry, field: str) -> tuple[Status, bool]:
    if field in entry.recalled:
        return Status.CLAIMED, False
    if field in curated.CLASSIFIED:
        return Status.INFERRED, True
    return Status.DOCUMENTED, True


class _Before(NamedTuple):
    """What stands for a field, and what this loader last said about it."""

    current: Fact | None
    loaded: Fact | None


def _facts_before(known: Sequence[Model]) -> dict[int, dict[str, _Before]]:
    found: dict[int, dict[str, _Before]] = {}
    for fact in Fact.objects.filter(model__in=known).order_by("recorded_at", "id"):
        of_model = found.setdefault(fact.model_id, {})
        current, loaded = of_model.get(fact.field, _Before(None, None))
        of_model[fact.field] = _Before(
            fact if fact.is_current else current, fact if fact.origin == Origin.CURATED else loaded
        )
    return found


def _update(model: Model, entry: curated.Entry, before: dict[str, _Before], now: datetime) -> list[Change]:
    changes = []
    if not model.curated or model.title != entry.title:
        model.title, model.curated = entry.title, True
        model.save(update_fields=["title", "curated"])
        changes.append(Change(entry.id, "title"))
    given = entry.facts()
    for field in sorted(set(given) | set(before)):
        current, loaded = before.get(field, _Before(None, None))
        if field not in given and (loaded is None or loaded.value in ("", None)):
            continue
        value = fields.check(field, given.get(field, None if field in _NUMBERS else ""))
        status, seen = _standing(entry, field)
        if loaded and (loaded.value, loaded.status, loaded.seen) == (value, status, seen):
            continue
        if current and current.origin != Origin.CURATED:
            kept = "a person corrected it" if current.origin == Origin.PERSON else "the files say"
            changes.append(Change(entry.id, f"{field}: left as {kept}"))
            continue
        services.record_fact(
            model=model,
            field=field,
            value=value,
            status=status,
            seen=seen,
            acting_user=None,
            now=now,
            reason=REASON if current else "",
            origin=Origin.CURATED,
        )
        changes.append(Change(entry.id, f"{field}: {current.value if current else '(nothing)'} -> {value}"))
    return changes


_NUMBERS = frozenset({"parameters", "active_parameters", "context_length"})


def _attachments(model: Model, entry: curated.Entry) -> list[Change]:
    """Names, license periods, claims and costs: small lists that are replaced as a whole when they differ."""
    changes = []
    missing = {name.lower() for name in entry.aliases} - {row.key for row in model.aliases.all()}
    # In the order of the data: the first short name is the one that license checks call the entry by.
    for name in (alias.lower() for alias in entry.aliases if alias.lower() in missing):
        Alias.objects.create(model=model, key=name)
        changes.append(Change(entry.id, f"also found as {name}"))
    periods = [
        LicensePeriod(
            model=model,
            license=row.license,
            since=row.since or "",
            since_on=dates.first_day(row.since) if row.since else None,
            seen=row.seen,
            source=row.source,
        )
        for row in entry.license_history
    ]
    claims = [Claim(model=model, order=order, **row.model_dump()) for order, row in enumerate(entry.claims)]
    costs = [
        Cost(
            model=model,
            what=row.what,
            amount=Decimal(str(row.amount)),
            unit=row.unit,
            as_of=row.as_of or "",
            source=row.source,
            source_url=row.url or "",
            seen=row.seen,
            status=row.status,
            note=row.note,
        )
        for row in entry.costs
    ]
    for label, replaced in (
        ("license history", _replace(LicensePeriod, model.license_periods.all(), periods)),
        ("claims", _replace(Claim, model.claims.all(), claims)),
        ("costs", _replace(Cost, model.costs.all(), costs)),
    ):
        if replaced:
            changes.append(Change(entry.id, label))
    return changes


def _replace(table: type[_Row], before: Iterable[_Row], wanted: Sequence[_Row]) -> bool:
    """Replaces the rows where they differ from the wanted ones; returns whether they did."""
    before = list(before)
    if sorted(map(_content, before)) == sorted(map(_content, wanted)):
        return False
    table._default_manager.filter(pk__in=[row.pk for row in before]).delete()
    table._default_manager.bulk_create(wanted)
    return True


def _content(row: models.Model) -> list[str]:
    """The columns of a row as text, without its key; numbers in one form."""
    values = []
    for column in row._meta.concrete_fields:
        if not column.primary_key:
            value = getattr(row, column.attname)
            values.append(str(value.normalize() if isinstance(value, Decimal) else value))
    return values


def _evidence(entries: Sequence[curated.Entry], known: dict[str, Model], now: datetime) -> list[Change]:
    rows = Evidence.objects.filter(model__in=known.values(), recorded_by=None)
    before = {(row.model_id, row.claim, row.source, row.field): row for row in rows}
    changes, fresh = [], []
    for entry in entries:
        model = known[entry.id.lower()]
        for row in entry.evidence:
            found = before.pop((model.pk, row.claim, row.source, row.field), None)
            if found is not None and found.status != Status.RETRACTED:
                continue
            fresh.append(
                Evidence(
                    model=model,
                    field=row.field,
                    claim=row.claim,
                    source=row.source,
                    source_url=row.url or "",
                    seen=row.seen,
                    status=Status.DOCUMENTED if row.seen else Status.CLAIMED,
                    recorded_at=now,
                )
            )
            changes.append(Change(entry.id, f"evidence: {row.claim}"))
    Evidence.objects.bulk_create(fresh, batch_size=_BATCH)
    for gone in before.values():
        if gone.status != Status.RETRACTED:
            gone.status = Status.RETRACTED
            gone.save(update_fields=["status"])
            changes.append(Change(f"evidence {gone.pk}", f"retracted: {gone.claim}"))
    return changes


def _scores(data: CuratedData, known: dict[str, Model]) -> list[Change]:
    before = {row.record: row for row in ReportedScore.objects.all()}
    wanted: dict[str, ReportedScore] = {}
    orders: Counter[str] = Counter()
    for score in data.scores:
        row = score.row
        orders[score.group] += 1
        model = known[score.name.id.lower()] if score.name.id else None
        made = ReportedScore(
            record=digests.of_texts(row.model, row.benchmark, row.metric, row.settings, row.source),
            model=model,
            unattached_reason=score.name.unattached,
            printed_name=row.model,
            variant=score.name.variant,
            seen=row.seen,
            group=score.group,
            order=orders[score.group],
            **row.model_dump(exclude={"model"}),
        )
        wanted[made.record] = made
    gone = before.keys() - wanted.keys()
    fresh = [row for record, row in wanted.items() if record not in before]
    differing = [
        row
        for record, row in wanted.items()
        if record in before and _content(before[record]) != _content(row)
    ]
    ReportedScore.objects.filter(record__in=[*gone, *(row.record for row in differing)]).delete()
    ReportedScore.objects.bulk_create([*fresh, *differing], batch_size=_BATCH)
    counted = (("new", len(fresh)), ("changed", len(differing)), ("gone", len(gone)))
    return [Change("reported scores", f"{count} {label}") for label, count in counted if count]


def _disputes(rows: Sequence[curated.DisputeRow], known: dict[str, Model]) -> list[Change]:
    changes = []
    for row in rows:
        dispute = Dispute(
            slug=row.slug,
            title=row.title,
            allegation=row.allegation,
            claimant=row.claimant,
            about=row.about,
            where=row.where,
            since=row.since or "",
            since_on=dates.first_day(row.since) if row.since else None,
            standing=row.standing,
            response=row.response,
            source=row.source,
            source_url=row.url or "",
            seen=row.seen,
        )
        changed = _upsert(dispute)
        parts = [
            DisputedModel(dispute=dispute, model=known[part.id.lower()], part=part.part, note=part.note)
            for part in row.entries
        ]
        if _replace(DisputedModel, DisputedModel.objects.filter(dispute=dispute), parts) or changed:
            changes.append(Change(row.slug, "dispute"))
    return changes + _drop_others(Dispute, [row.slug for row in rows])


def _stories(data: CuratedData, known: dict[str, Model]) -> list[Change]:
    changes = []
    for event in data.timeline:
        made = TimelineEntry(
            slug=event.slug,
            when=event.when,
            when_on=dates.first_day(event.when),
            title=event.title,
            text=event.text,
            status=event.status,
            source=event.source,
            source_url=event.url or "",
            seen=event.seen,
        )
        changed = _upsert(made)
        named = {known[name.lower()].pk for name in event.entries}
        if named != set(made.entries.values_list("pk", flat=True)):
            made.entries.set(named)
            changed = True
        if changed:
            changes.append(Change(event.slug, "event"))
    changes += _words(data.glossary)
    for order, point in enumerate(data.starting_points):
        row = StartingPoint(
            slug=point.slug, title=point.title, text=point.text, query=point.query, order=order
        )
        if _upsert(row):
            changes.append(Change(point.slug, "starting point"))
    changes += _drop_others(TimelineEntry, [event.slug for event in data.timeline])
    return changes + _drop_others(StartingPoint, [point.slug for point in data.starting_points])


def _words(rows: Sequence[curated.GlossaryRow]) -> list[Change]:
    made = {
        row.slug: GlossaryTerm(
            slug=row.slug, term=row.term, text=row.text, source=row.source, source_url=row.url or ""
        )
        for row in rows
    }
    changes = [Change(slug, "term") for slug, term in made.items() if _upsert(term)]
    for row in rows:
        # The relation is symmetrical: what another term names is named back.
        others = {made[other].pk for other in row.see_also}
        others |= {made[other.slug].pk for other in rows if row.slug in other.see_also}
        if others != set(made[row.slug].see_also.values_list("pk", flat=True)):
            made[row.slug].see_also.set(others)
    return changes + _drop_others(GlossaryTerm, list(made))


def _upsert(row: models.Model) -> bool:
    """Stores a row under its slug; returns whether it is new or differs. The row has its key afterwards."""
    table = type(row)._default_manager
    found = table.filter(slug=getattr(row, "slug", "")).first()
    if found is not None:
        row.pk = found.pk
        if _content(found) == _content(row):
            return False
    row.save()
    return True


def _drop_others(table: type[models.Model], slugs: Sequence[str]) -> list[Change]:
    gone = table._default_manager.exclude(slug__in=slugs)
    names = list(gone.values_list("slug", flat=True))
    gone.delete()
    return [Change(name, f"{table._meta.verbose_name} removed") for name in names]
