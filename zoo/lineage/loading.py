"""Brings the reviewed data into the database: the catalog's part and then the edges. Repeating it is harmless."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from zoo.catalog import loading, search
from zoo.catalog.data import CuratedData, curated
from zoo.catalog.data.schema import EdgeRow, Entry
from zoo.catalog.loading import Change
from zoo.catalog.models import Model, Status
from zoo.lineage import importing, services
from zoo.lineage.facets import refresh_facets
from zoo.lineage.models import Edge, EdgeKind, Method

_Key = tuple[str, str, str]


class _Undone(Exception):
    """Rolls a rehearsal back."""


def load(*, now: datetime, data: CuratedData | None = None, rehearse: bool = False) -> list[Change]:
    """Loads the reviewed data (that of this repository and its models by default) and returns the differences.

    With ``rehearse`` everything is undone again: the differences are what a load would change.
    """
    is_shipped, data = data is None, data or curated()
    changes: list[Change] = []
    try:
        with transaction.atomic():
            changes += loading.load(data, now=now)
            changes += _edges(data, now)
            if is_shipped:
                carried = importing.record_shipped(now=now)
                changes += [Change(done.model.slug, f"revision {done.revision.label}") for done in carried]
            _index(data, changes)
            if rehearse:
                raise _Undone
    except _Undone:
        pass
    return changes


def _index(data: CuratedData, changes: list[Change]) -> None:
    """Brings the index up to date for the entries that changed, and for the parents of their edges."""
    subjects = {change.subject.lower() for change in changes}
    if "reported scores" in subjects:
        subjects |= {entry.id.lower() for entry in data.entries}
    for entry in data.entries:
        if entry.id.lower() in subjects:
            subjects |= {edge.parent.lower() for edge in entry.lineage}
    ids = list(Model.objects.filter(key__in=subjects).values_list("pk", flat=True))
    search.refresh(ids)
    refresh_facets(ids)


def _edges(data: CuratedData, now: datetime) -> list[Change]:
    models = {row.key: row for row in Model.objects.select_related("organization").filter(curated=True)}
    before = _edges_before()
    changes = []
    for entry in data.entries:
        for row in entry.lineage:
            key = (entry.id.lower(), row.kind, row.parent.lower())
            found = before.pop(key, None)
            if found is None:
                _add(models[key[0]], models[key[2]], row, now)
                changes.append(Change(entry.id, f"{row.kind} {row.parent}"))
            elif found.recorded_by_id is None and not _same(found, row):
                _correct(found, row, now)
                changes.append(Change(entry.id, f"{row.kind} {row.parent}: corrected"))
    changes += _retract(before, data.entries, now)
    return changes


def _edges_before() -> dict[_Key, Edge]:
    rows = (
        Edge.objects.filter(is_current=True, child__curated=True)
        .select_related("child__organization", "parent__organization")
        .prefetch_related("evidence")
    )
    return {(row.child.key, row.kind, row.parent.key): row for row in rows}


def _add(child: Model, parent: Model, row: EdgeRow, now: datetime) -> None:
    services.add_edge(
        child=child,
        parent=parent,
        kind=EdgeKind(row.kind),
        methods=[Method(method) for method in row.methods],
        role=row.role,
        stage=row.stage,
        status=Status(row.status),
        seen=row.seen,
        note=row.note,
        accessed_via=row.accessed_via,
        outputs_made=row.outputs_made or "",
        evidence=_attestations(row),
        acting_user=None,
        now=now,
        index=False,
    )


def _correct(edge: Edge, row: EdgeRow, now: datetime) -> None:
    services.correct_edge(
        edge=edge,
        methods=[Method(method) for method in row.methods],
        role=row.role,
        stage=row.stage,
        status=Status(row.status),
        seen=row.seen,
        note=row.note,
        accessed_via=row.accessed_via,
        outputs_made=row.outputs_made or "",
        evidence=_attestations(row),
        reason=loading.REASON,
        acting_user=None,
        now=now,
    )


def _retract(left: dict[_Key, Edge], entries: tuple[Entry, ...], now: datetime) -> list[Change]:
    """Withdraws what the data no longer says; edges that people added stay."""
    ours = {entry.id.lower() for entry in entries}
    changes = []
    for (child, kind, parent), edge in left.items():
        if child in ours and edge.recorded_by_id is None and edge.status != Status.RETRACTED:
            services.retract_edge(edge=edge, reason=loading.REASON, acting_user=None, now=now)
            changes.append(Change(child, f"{kind} {parent}: retracted"))
    return changes


def _attestations(row: EdgeRow) -> list[services.Attestation]:
    return [
        services.Attestation(
            claim=said.claim,
            source=said.source,
            source_url=said.url or "",
            seen=said.seen,
            status=Status.DOCUMENTED if said.seen else Status.CLAIMED,
        )
        for said in row.evidence
    ]


def _same(edge: Edge, row: EdgeRow) -> bool:
    said = {(e.claim, e.source) for e in edge.evidence.all()}
    return (
        edge.methods == list(row.methods)
        and (edge.role, edge.stage, edge.status, edge.seen, edge.note)
        == (row.role, row.stage, row.status, row.seen, row.note)
        and (edge.accessed_via, edge.outputs_made) == (row.accessed_via, row.outputs_made or "")
        and {(e.claim, e.source) for e in row.evidence} <= said
    )
