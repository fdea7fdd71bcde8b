"""The lineage of a model: a drawing, the same as a nested list, and both as files."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Literal, cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string

from zoo.catalog import selectors as catalog
from zoo.catalog.models import Model
from zoo.lineage import describe, selectors
from zoo.lineage.models import Edge
from zoo.lineage.selectors import Allegation, Neighborhood
from zoo.web import lineage_graph

DEFAULT_DEPTH = 3
_DRAWN = 120
"""Entries that are drawn; lists and files hold up to the limit of the selector."""


@dataclass(slots=True)
class Branch:
    """A line of the nested list: an entry, the edges that lead to it, and what is beyond."""

    model: Model
    edges: list[Edge]
    branches: list[Branch] = field(default_factory=list)
    again: bool = False
    """The entry stands elsewhere in the list with all that is beyond it."""


def show(request: HttpRequest, org: str, name: str) -> HttpResponse:
    """``/models/{org}/{name}/lineage/``"""
    model = catalog.get_model(f"{org}/{name}")
    if model.slug != f"{org}/{name}":
        return redirect("web:lineage", *model.slug.split("/"), permanent=True)
    around, alleged, depth, direction = _read(request, model, _DRAWN)
    context = {
        "model": model,
        "href": f"/models/{model.slug}/",
        "around": around,
        "alleged": alleged,
        "depth": depth,
        "direction": direction,
        "depths": range(1, selectors.MAX_DEPTH + 1),
        "graph": _drawing(around, alleged) if len(around.models) > 1 else None,
        "ancestors": _tree(around, up=True),
        "descendants": _tree(around, up=False),
        "query_string": request.GET.urlencode(),
    }
    return render(request, "lineage/lineage.html", context)


def dot(request: HttpRequest, org: str, name: str) -> HttpResponse:
    """``.../lineage.dot``: for Graphviz."""
    around, alleged, _, _ = _read(request, catalog.get_model(f"{org}/{name}"), selectors.MAX_NODES)
    response = HttpResponse(describe.dot(around, alleged), content_type="text/vnd.graphviz; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}-lineage.dot"'
    return response


def svg(request: HttpRequest, org: str, name: str) -> HttpResponse:
    """``.../lineage.svg``: the drawing as a file, with its colors inside."""
    around, alleged, _, _ = _read(request, catalog.get_model(f"{org}/{name}"), _DRAWN)
    text = render_to_string("lineage/graph.svg", {"graph": _drawing(around, alleged), "standalone": True})
    response = HttpResponse(text, content_type="image/svg+xml")
    response["Content-Disposition"] = f'attachment; filename="{name}-lineage.svg"'
    return response


def _drawing(around: Neighborhood, alleged: list[Allegation]) -> lineage_graph.Graph:
    return lineage_graph.draw(around, alleged, catalog.verdicts_of(around.models))


def _read(request: HttpRequest, model: Model, limit: int) -> tuple[Neighborhood, list[Allegation], int, str]:
    """The part of the graph that the address asks for; what makes no sense falls back to the default."""
    text = request.GET.get("depth", "")
    depth = min(max(int(text), 1), selectors.MAX_DEPTH) if text[:3].isdecimal() else DEFAULT_DEPTH
    direction = request.GET.get("direction", "both")
    if direction not in ("both", "up", "down"):
        direction = "both"
    around = selectors.neighborhood(
        model, depth=depth, direction=cast(Literal["both", "up", "down"], direction), max_nodes=limit
    )
    return around, selectors.allegations(around), depth, direction


def _tree(around: Neighborhood, *, up: bool) -> list[Branch]:
    """The nested list in one direction. An entry with several ways to it is unfolded once."""
    onward: defaultdict[int, dict[int, list[Edge]]] = defaultdict(dict)
    for edge in around.edges:
        here, there = (edge.child_id, edge.parent_id) if up else (edge.parent_id, edge.child_id)
        onward[here].setdefault(there, []).append(edge)
    seen: set[int] = {around.root.pk}

    def unfold(pk: int) -> list[Branch]:
        found = []
        for other, edges in onward[pk].items():
            branch = Branch(around.models[other], edges, again=other in seen)
            if not branch.again:
                seen.add(other)
                branch.branches = unfold(other)
            found.append(branch)
        return sorted(found, key=lambda branch: branch.model.key)

    return unfold(around.root.pk)
