"""Reads of lineage: the neighborhood of an entry, upward and downward, level by level."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from django.db.models import QuerySet, prefetch_related_objects

from zoo.catalog.models import Dispute, DisputedModel, Model, Status
from zoo.catalog.models.attested import COUNTED
from zoo.lineage.ancestry import edges_above
from zoo.lineage.graph import Link
from zoo.lineage.models import Edge

MAX_DEPTH = 12
MAX_NODES = 400

Direction = Literal["up", "down", "both"]


@dataclass(frozen=True, slots=True)
class Neighborhood:
    """The entries around a root and the edges among them. ``truncated``: there are more than are shown."""

    root: Model
    levels: dict[int, int]
    """Steps from the root by entry: negative upward (ancestors), positive downward (descendants)."""
    models: dict[int, Model]
    edges: tuple[Edge, ...]
    truncated: bool

    def add(self, model: Model, level: int) -> None:
        """Takes in an entry that no edge leads to."""
        if model.pk not in self.models:
            self.models[model.pk] = model
            self.levels[model.pk] = level


def current_edges() -> QuerySet[Edge]:
    """The edges that stand, whatever their status; retracted ones are left out."""
    return Edge.objects.filter(is_current=True).exclude(status=Status.RETRACTED)


def parents_of(model: Model) -> QuerySet[Edge]:
    """The edges to what the entry came from, with their evidence; disputed ones too."""
    return (
        current_edges()
        .filter(child=model)
        .select_related("parent__organization")
        .prefetch_related("evidence")
        .order_by("kind", "parent__key")
    )


def children_of(model: Model) -> QuerySet[Edge]:
    """The edges from what came of the entry, with their evidence; disputed ones too."""
    return (
        current_edges()
        .filter(parent=model)
        .select_related("child__organization")
        .prefetch_related("evidence")
        .order_by("kind", "child__key")
    )


def teachers_of(model: Model) -> list[Model]:
    """The teachers that count as such, by id: no alleged and no contradicted ones."""
    edges = parents_of(model).filter(kind="distilled_from", status__in=COUNTED)
    return [edge.parent for edge in edges]


def teacher_keys(model_ids: Iterable[int]) -> dict[int, frozenset[str]]:
    """The keys of the teachers that count as such, for many entries at once."""
    found: dict[int, set[str]] = {}
    edges = current_edges().filter(child__in=list(model_ids), kind="distilled_from", status__in=COUNTED)
    for child, key in edges.order_by("pk").values_list("child", "parent__key"):
        found.setdefault(child, set()).add(key)
    return {child: frozenset(keys) for child, keys in found.items()}


def neighborhood(
    model: Model,
    *,
    depth: int,
    direction: Direction = "both",
    max_nodes: int = MAX_NODES,
    statuses: Collection[Status] | None = None,
) -> Neighborhood:
    """The entries within ``depth`` steps (at most MAX_DEPTH), breadth first, with evidence on the edges.

    One query a level and direction, however many entries there are. ``statuses`` limits the edges that are
    followed; None follows all that stand.
    """
    depth = max(0, min(depth, MAX_DEPTH))
    levels, edges, truncated = {model.pk: 0}, dict[int, Edge](), False
    for step in (-1, 1):
        if direction == "both" or direction == ("up" if step < 0 else "down"):
            truncated |= _explore(levels, edges, [model.pk], step, depth, max_nodes, statuses)
    models = Model.objects.select_related("organization").in_bulk(list(levels))
    kept = [edge for edge in edges.values() if edge.child_id in models and edge.parent_id in models]
    prefetch_related_objects(kept, "evidence")
    for edge in kept:
        edge.child, edge.parent = models[edge.child_id], models[edge.parent_id]
    kept.sort(key=lambda edge: (models[edge.child_id].key, edge.kind, models[edge.parent_id].key))
    return Neighborhood(model, levels, models, tuple(kept), truncated)


@dataclass(frozen=True, slots=True)
class Allegation:
    """That an entry is said to have learned from another one: drawn, and never an edge of the lineage."""

    dispute: Dispute
    child: Model
    parent: Model


def allegations(around: Neighborhood) -> list[Allegation]:
    """The allegations among these entries, and those that the root itself is part of.

    For the root's own ones the other side is added to the neighborhood, one step away, so that it can be
    shown. A dispute about a vendor is tied to no model and gives none.
    """
    disputes = Dispute.objects.filter(entries__in=around.models).distinct().order_by("slug")
    found = []
    for dispute in disputes.prefetch_related("parts__model__organization"):
        parts = list(dispute.parts.all())
        accused = [p.model for p in parts if p.part == DisputedModel.Part.SUBJECT]
        copied = [p.model for p in parts if p.part == DisputedModel.Part.SOURCE]
        for child in accused:
            for parent in copied:
                if around.root.pk in (child.pk, parent.pk):
                    around.add(parent, -1)
                    around.add(child, 1)
                if child.pk in around.models and parent.pk in around.models:
                    found.append(Allegation(dispute, child, parent))
    return found


def ancestor_links(model_ids: Iterable[int]) -> list[Link[int]]:
    """Every link upward from these entries, to the very top, whatever the status of the edge. One query."""
    standing = [status for status in Status if status != Status.RETRACTED]
    return [Link(step.child, step.parent) for step in edges_above(model_ids, statuses=standing)]


def _explore(
    levels: dict[int, int],
    edges: dict[int, Edge],
    frontier: list[int],
    step: int,
    depth: int,
    max_nodes: int,
    statuses: Collection[Status] | None,
) -> bool:
    """Walks one direction level by level; returns whether it stopped at the limit of entries."""
    here, there = ("child_id", "parent_id") if step < 0 else ("parent_id", "child_id")
    for distance in range(1, depth + 1):
        rows = current_edges().filter(**{f"{here}__in": frontier})
        if statuses is not None:
            rows = rows.filter(status__in=statuses)
        frontier = []
        for edge in rows.order_by("id")[: 4 * max_nodes]:
            other: int = getattr(edge, there)
            if other not in levels:
                if len(levels) >= max_nodes:
                    return True
                levels[other] = step * distance
                frontier.append(other)
            edges[edge.pk] = edge
        if not frontier:
            return False
    return False
