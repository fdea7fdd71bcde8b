"""Lineage in words and in the DOT language. Pure over loaded rows."""

from __future__ import annotations

from collections.abc import Iterable

from zoo.lineage.models import Edge, EdgeKind
from zoo.lineage.selectors import Allegation, Neighborhood


def label(edge: Edge) -> str:
    """What stands on an edge: its kind, and the method where it has one."""
    words = EdgeKind(edge.kind).label
    return f"{words} ({', '.join(edge.methods)})" if edge.methods else words


def dot(neighborhood: Neighborhood, alleged: Iterable[Allegation] = ()) -> str:
    """The graph in the DOT language, parents above their children."""
    lines = ["digraph lineage {", "  rankdir=LR;", '  node [shape=box, fontname="sans-serif"];']
    for model in sorted(neighborhood.models.values(), key=lambda entry: entry.key):
        shape = {"dataset": "cylinder", "api": "octagon"}.get(model.kind, "box")
        lines.append(f"  {_quoted(model.slug)} [label={_quoted(model.title)}, shape={shape}];")
    for edge in neighborhood.edges:
        parent = neighborhood.models[edge.parent_id].slug
        child = neighborhood.models[edge.child_id].slug
        style = ', style=dashed, color="#b00020"' if edge.status == "disputed" else ""
        lines.append(f"  {_quoted(parent)} -> {_quoted(child)} [label={_quoted(label(edge))}{style}];")
    for row in alleged:
        text = f"alleged by {row.dispute.claimant}"
        lines.append(
            f"  {_quoted(row.parent.slug)} -> {_quoted(row.child.slug)} "
            f'[label={_quoted(text)}, style=dotted, color="#b00020"];'
        )
    return "\n".join([*lines, "}", ""])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'"{escaped}"'
