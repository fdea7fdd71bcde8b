"""The whole catalog as one file of JSON Lines, and its way into another instance. Streams; keeps the history.

The first line names format and version. Each entry is one line with its facts, evidence, revisions; edges, scores
and stories follow. Loading adds what is not there and leaves everything that is there alone, so that it can be
repeated. Names of people become a note, because accounts do not travel.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from django.db import models, transaction
from pydantic import BaseModel, ConfigDict, ValidationError

from zoo.catalog import dates, references, search
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
    Organization,
    ReportedScore,
    Revision,
    RevisionFile,
    StartingPoint,
    TimelineEntry,
)
from zoo.core.errors import Invalid
from zoo.core.models import record
from zoo.lineage.facets import refresh_facets
from zoo.lineage.models import Edge, EdgeEvidence

FORMAT = "distill-zoo-catalog"
VERSION: Literal[1] = 1
MAX_LINE = 32 << 20
_BATCH = 500
_COLUMNS = (
    "title kind availability family licensor modality hub_id architecture parameters active_parameters "
    "context_length released license license_url hub_license_tag license_note distillation "
    "control_of paper notes curated"
)


class BadDump(Invalid):
    """The file is no dump of a catalog, or is damaged; the line is named."""

    code = "bad_dump"


class Line(BaseModel):
    """A line of the file: its kind, and the columns."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["head", "entry", "edge", "score", "dispute", "event", "term", "starting_point"]
    data: dict[str, Any]


def write() -> Iterator[str]:
    """The lines of the dump, each with its end."""
    yield _line("head", {"format": FORMAT, "version": VERSION})
    entries = Model.objects.select_related("organization").prefetch_related(
        "aliases",
        "facts",
        "facts__recorded_by",
        "evidence",
        "license_periods",
        "claims",
        "costs",
        "revisions__files",
    )
    for model in entries.order_by("pk").iterator(chunk_size=_BATCH):
        yield _line("entry", _entry(model))
    edges = Edge.objects.select_related("child__organization", "parent__organization").prefetch_related(
        "evidence"
    )
    for edge in edges.order_by("pk").iterator(chunk_size=_BATCH):
        yield _line("edge", _edge(edge))
    scores = ReportedScore.objects.select_related("model__organization").order_by("pk")
    for score in scores.iterator(chunk_size=_BATCH):
        yield _line(
            "score", _row(score, skip={"model"}) | {"model": score.model.slug if score.model else None}
        )
    yield from _stories()


def load(lines: Iterable[str], *, now: datetime) -> Counter[str]:
    """Adds what the lines say and the catalog has not. Returns how many rows of each kind are new.

    All or nothing. Raises BadDump.
    """
    added: Counter[str] = Counter()
    fresh: list[int] = []
    with transaction.atomic():
        seen_head = False
        for number, text in enumerate(lines, start=1):
            line = _parse(text, number)
            if line.kind == "head":
                _check_head(line.data)
                seen_head = True
                continue
            if not seen_head:
                raise BadDump("the first line does not name the format", field="file")
            try:
                added[line.kind] += _LOADERS[line.kind](line.data, now, fresh)
            except (KeyError, TypeError, ValueError, Model.DoesNotExist, models.ObjectDoesNotExist) as error:
                raise BadDump(f"line {number} ({line.kind}): {error}", field="file") from error
        search.refresh(fresh)
        refresh_facets(fresh)
        record(action="catalog.loaded", subject="catalog", acting_user=None, now=now, detail=dict(added))
    return added


def _parse(text: str, number: int) -> Line:
    if len(text) > MAX_LINE:
        raise BadDump(f"line {number} is longer than {MAX_LINE} characters", field="file")
    try:
        return Line.model_validate_json(text)
    except ValidationError as error:
        raise BadDump(f"line {number}: {error.errors()[0]['msg']}", field="file") from error


def _check_head(data: dict[str, Any]) -> None:
    if data.get("format") != FORMAT or data.get("version") != VERSION:
        raise BadDump(f"this is not a {FORMAT} of version {VERSION}", field="file")


def _line(kind: str, data: dict[str, Any]) -> str:
    return json.dumps({"kind": kind, "data": data}, ensure_ascii=False, separators=(",", ":")) + "\n"


def _row(row: models.Model, skip: set[str]) -> dict[str, Any]:
    """The plain columns of a row; keys of this database and derived dates stay out."""
    found: dict[str, Any] = {}
    for column in row._meta.concrete_fields:
        if column.primary_key or column.is_relation or column.name in skip or column.name.endswith("_on"):
            continue
        value = getattr(row, column.attname)
        found[column.name] = (
            value.isoformat()
            if isinstance(value, datetime)
            else str(value)
            if isinstance(value, Decimal)
            else value
        )
    return found


def _entry(model: Model) -> dict[str, Any]:
    facts = sorted(model.facts.all(), key=lambda fact: fact.pk)
    place = {fact.pk: number for number, fact in enumerate(facts)}
    return {
        "id": model.slug,
        "organization": {"name": model.organization.name, "url": model.organization.url},
        "columns": {name: getattr(model, name) for name in _COLUMNS.split()},
        "created_at": model.created_at.isoformat(),
        "aliases": [row.key for row in model.aliases.all()],
        "facts": [
            _row(fact, skip=set())
            | {
                "by": fact.recorded_by.get_username() if fact.recorded_by else None,
                "supersedes": place.get(fact.supersedes_id or 0),
            }
            for fact in facts
        ],
        "evidence": [_row(row, skip=set()) for row in model.evidence.all()],
        "license_periods": [_row(row, skip=set()) for row in model.license_periods.all()],
        "claims": [_row(row, skip=set()) for row in model.claims.all()],
        "costs": [_row(row, skip=set()) for row in model.costs.all()],
        "revisions": [
            _row(row, skip=set()) | {"files": [_row(file, skip=set()) for file in row.files.all()]}
            for row in model.revisions.all()
        ],
    }


def _edge(edge: Edge) -> dict[str, Any]:
    return _row(edge, skip=set()) | {
        "child": edge.child.slug,
        "parent": edge.parent.slug,
        "evidence": [_row(row, skip=set()) for row in edge.evidence.all()],
    }


def _stories() -> Iterator[str]:
    for dispute in Dispute.objects.prefetch_related("parts__model__organization").order_by("pk"):
        parts = [
            {"model": part.model.slug, "part": part.part, "note": part.note} for part in dispute.parts.all()
        ]
        yield _line("dispute", _row(dispute, skip=set()) | {"parts": parts})
    for event in TimelineEntry.objects.prefetch_related("entries__organization").order_by("pk"):
        yield _line(
            "event", _row(event, skip=set()) | {"entries": [model.slug for model in event.entries.all()]}
        )
    for term in GlossaryTerm.objects.prefetch_related("see_also").order_by("pk"):
        others = sorted(other.slug for other in term.see_also.all())
        yield _line("term", _row(term, skip=set()) | {"see_also": others})
    for point in StartingPoint.objects.order_by("pk"):
        yield _line("starting_point", _row(point, skip=set()))


def _load_entry(data: dict[str, Any], now: datetime, fresh: list[int]) -> int:
    parsed = references.parse(data["id"])
    if Model.objects.filter(key=parsed.key).exists():
        return 0
    organization, _ = Organization.objects.get_or_create(
        slug=parsed.organization, defaults=data["organization"]
    )
    columns = data["columns"]
    model = Model.objects.create(
        organization=organization,
        name=parsed.name,
        key=parsed.key,
        released_on=dates.first_day(columns["released"]) if columns["released"] else None,
        created_at=data["created_at"],
        **columns,
    )
    taken = set(Alias.objects.filter(key__in=data["aliases"]).values_list("key", flat=True))
    Alias.objects.bulk_create(Alias(model=model, key=key) for key in data["aliases"] if key not in taken)
    _load_facts(model, data["facts"])
    Evidence.objects.bulk_create(Evidence(model=model, **row) for row in data["evidence"])
    LicensePeriod.objects.bulk_create(
        LicensePeriod(model=model, since_on=dates.first_day(row["since"]) if row["since"] else None, **row)
        for row in data["license_periods"]
    )
    Claim.objects.bulk_create(Claim(model=model, **row) for row in data["claims"])
    Cost.objects.bulk_create(Cost(model=model, **row) for row in data["costs"])
    for row in data["revisions"]:
        files = row.pop("files")
        revision = Revision.objects.create(
            model=model, published_on=dates.first_day(row["published"]) if row["published"] else None, **row
        )
        RevisionFile.objects.bulk_create(RevisionFile(revision=revision, **file) for file in files)
    fresh.append(model.pk)
    return 1


def _load_facts(model: Model, rows: list[dict[str, Any]]) -> None:
    made: list[Fact] = []
    for row in rows:
        by, before = row.pop("by"), row.pop("supersedes")
        if by:
            row["reason"] = f"{row['reason']} (by {by}, on another instance)".strip()[:500]
        made.append(
            Fact.objects.create(model=model, supersedes=None if before is None else made[before], **row)
        )


def _find(slug: str) -> Model:
    return Model.objects.get(key=slug.lower())


def _load_edge(data: dict[str, Any], now: datetime, fresh: list[int]) -> int:
    child, parent = _find(data.pop("child")), _find(data.pop("parent"))
    evidence = data.pop("evidence")
    same = Edge.objects.filter(child=child, parent=parent, kind=data["kind"])
    if data["is_current"]:
        known = same.filter(is_current=True).exists()
    else:
        known = same.filter(recorded_at=data["recorded_at"], is_current=False).exists()
    if known:
        return 0
    edge = Edge.objects.create(child=child, parent=parent, **data)
    EdgeEvidence.objects.bulk_create(EdgeEvidence(edge=edge, **row) for row in evidence)
    fresh += [child.pk, parent.pk]
    return 1


def _load_score(data: dict[str, Any], now: datetime, fresh: list[int]) -> int:
    if ReportedScore.objects.filter(record=data["record"]).exists():
        return 0
    slug = data.pop("model")
    ReportedScore.objects.create(model=_find(slug) if slug else None, **data)
    return 1


def _load_dispute(data: dict[str, Any], now: datetime, fresh: list[int]) -> int:
    parts = data.pop("parts")
    if Dispute.objects.filter(slug=data["slug"]).exists():
        return 0
    dispute = Dispute.objects.create(
        since_on=dates.first_day(data["since"]) if data["since"] else None, **data
    )
    DisputedModel.objects.bulk_create(
        DisputedModel(dispute=dispute, model=_find(row.pop("model")), **row) for row in parts
    )
    return 1


def _load_event(data: dict[str, Any], now: datetime, fresh: list[int]) -> int:
    entries = data.pop("entries")
    if TimelineEntry.objects.filter(slug=data["slug"]).exists():
        return 0
    event = TimelineEntry.objects.create(when_on=dates.first_day(data["when"]), **data)
    event.entries.set(_find(slug) for slug in entries)
    return 1


def _load_term(data: dict[str, Any], now: datetime, fresh: list[int]) -> int:
    others = data.pop("see_also")
    if GlossaryTerm.objects.filter(slug=data["slug"]).exists():
        return 0
    term = GlossaryTerm.objects.create(**data)
    # Later terms name the earlier ones back: the relation is symmetrical.
    term.see_also.set(GlossaryTerm.objects.filter(slug__in=others))
    return 1


def _load_point(data: dict[str, Any], now: datetime, fresh: list[int]) -> int:
    if StartingPoint.objects.filter(slug=data["slug"]).exists():
        return 0
    StartingPoint.objects.create(**data)
    return 1


_LOADERS = {
    "entry": _load_entry,
    "edge": _load_edge,
    "score": _load_score,
    "dispute": _load_dispute,
    "event": _load_event,
    "term": _load_term,
    "starting_point": _load_point,
}
