"""Writes to lineage: adding an edge, correcting it, withdrawing it. Nothing is ever edited."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import transaction

from zoo.accounts.models import User
from zoo.catalog.models import Model, Status
from zoo.core.errors import Conflict, Invalid
from zoo.core.models import record
from zoo.lineage import selectors
from zoo.lineage.facets import refresh_facets
from zoo.lineage.graph import closing_path
from zoo.lineage.models import Edge, EdgeEvidence, EdgeKind, Method


class SelfEdge(Invalid):
    """Nothing descends from itself."""

    code = "lineage_self_edge"


class DuplicateEdge(Conflict):
    """The same edge stands already."""

    code = "lineage_duplicate_edge"


class LineageCycle(Conflict):
    """The edge would make an entry its own ancestor; ``data['path']`` is the way that it would close."""

    code = "lineage_cycle"


class Attestation(NamedTuple):
    """What a source says about an edge."""

    claim: str
    source: str
    seen: bool
    status: Status
    source_url: str = ""


@transaction.atomic
def add_edge(
    *,
    child: Model,
    parent: Model,
    kind: EdgeKind,
    status: Status,
    seen: bool,
    acting_user: User | None,
    now: datetime,
    methods: Sequence[Method] = (),
    role: str = "",
    stage: str = "",
    note: str = "",
    accessed_via: str = "",
    outputs_made: str = "",
    evidence: Sequence[Attestation] = (),
    index: bool = True,
) -> Edge:
    """Adds an edge with its evidence. Raises SelfEdge, DuplicateEdge or LineageCycle.

    Without ``index`` the caller brings the facets up to date itself, once for many edges.
    """
    _refuse_impossible(child, parent, kind)
    edge = Edge.objects.create(
        child=child,
        parent=parent,
        kind=kind,
        methods=[str(method) for method in methods],
        role=role,
        stage=stage,
        status=status,
        seen=seen,
        note=note,
        accessed_via=accessed_via,
        outputs_made=outputs_made,
        recorded_at=now,
        recorded_by=acting_user,
    )
    _attest(edge, evidence)
    _note(edge, "lineage.edge_added", acting_user, now)
    if index:
        refresh_facets([child.pk, parent.pk])
    return edge


@transaction.atomic
def correct_edge(
    *,
    edge: Edge,
    status: Status,
    seen: bool,
    reason: str,
    acting_user: User | None,
    now: datetime,
    methods: Sequence[Method] | None = None,
    role: str | None = None,
    stage: str | None = None,
    note: str | None = None,
    accessed_via: str | None = None,
    outputs_made: str | None = None,
    evidence: Sequence[Attestation] = (),
) -> Edge:
    """Replaces an edge by a corrected one; the old one stays in the history. Raises Invalid without a reason."""
    if not reason.strip():
        raise Invalid("say why the edge is corrected", field="reason")
    Edge.objects.filter(pk=edge.pk).update(is_current=False)
    successor = Edge.objects.create(
        child_id=edge.child_id,
        parent_id=edge.parent_id,
        kind=edge.kind,
        methods=edge.methods if methods is None else [str(method) for method in methods],
        role=edge.role if role is None else role,
        stage=edge.stage if stage is None else stage,
        status=status,
        seen=seen,
        note=edge.note if note is None else note,
        accessed_via=edge.accessed_via if accessed_via is None else accessed_via,
        outputs_made=edge.outputs_made if outputs_made is None else outputs_made,
        recorded_at=now,
        recorded_by=acting_user,
        supersedes=edge,
        reason=reason,
    )
    kept = [
        Attestation(row.claim, row.source, row.seen, Status(row.status), row.source_url)
        for row in edge.evidence.all()
    ]
    _attest(successor, [*kept, *evidence])
    _note(successor, "lineage.edge_corrected", acting_user, now)
    refresh_facets([edge.child_id, edge.parent_id])
    return successor


def retract_edge(*, edge: Edge, reason: str, acting_user: User | None, now: datetime) -> Edge:
    """Withdraws an edge: it is kept as retracted and no longer part of any lineage."""
    return correct_edge(
        edge=edge,
        status=Status.RETRACTED,
        seen=edge.seen,
        reason=reason,
        acting_user=acting_user,
        now=now,
    )


def _refuse_impossible(child: Model, parent: Model, kind: EdgeKind) -> None:
    if child.pk == parent.pk:
        raise SelfEdge(f"{child.slug} cannot descend from itself", field="parent", path=[child.slug])
    if Edge.objects.filter(child=child, parent=parent, kind=kind, is_current=True).exists():
        raise DuplicateEdge(f"{child.slug} is already {EdgeKind(kind).label} {parent.slug}", field="parent")
    path = closing_path(selectors.ancestor_links([parent.pk]), child=child.pk, parent=parent.pk)
    if path is not None:
        names = {
            entry.pk: entry.slug for entry in Model.objects.select_related("organization").filter(pk__in=path)
        }
        way = [child.slug, *(names[pk] for pk in path)]
        raise LineageCycle(f"that would close a circle: {' comes from '.join(way)}", field="parent", path=way)


def _attest(edge: Edge, evidence: Sequence[Attestation]) -> None:
    EdgeEvidence.objects.bulk_create(
        EdgeEvidence(
            edge=edge,
            claim=row.claim,
            source=row.source,
            source_url=row.source_url,
            seen=row.seen,
            status=row.status,
        )
        for row in dict.fromkeys(evidence)
    )


def _note(edge: Edge, action: str, acting_user: User | None, now: datetime) -> None:
    record(
        action=action,
        subject=f"model:{edge.child.slug}",
        acting_user=acting_user,
        now=now,
        detail={
            "kind": edge.kind,
            "parent": edge.parent.slug,
            "status": edge.status,
            "methods": edge.methods,
            "reason": edge.reason,
        },
    )
