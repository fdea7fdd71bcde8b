"""The lineage as a drawing: layered from left to right, laid out by fast-sugiyama, drawn by our own template.

Pure: a neighborhood goes in, boxes and curves with their words come out. Parents stand left of children.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import fast_sugiyama

from zoo.catalog.models import Model
from zoo.lineage.models import Edge, EdgeKind
from zoo.lineage.selectors import Allegation, Neighborhood
from zoo.web.presenters import compact

NODE_WIDTH, NODE_HEIGHT = 216, 46
COLUMN_GAP, ROW_GAP, MARGIN = 132, 18, 12
_TITLE_LENGTH = 28

SHORT_KINDS = {
    EdgeKind.INITIALIZED_FROM: "layers",
    EdgeKind.DISTILLED_FROM: "distilled",
    EdgeKind.FINETUNED_FROM: "fine-tuned",
    EdgeKind.PRUNED_FROM: "pruned",
    EdgeKind.QUANTIZED_FROM: "quantized",
    EdgeKind.MERGED_FROM: "merged",
    EdgeKind.ADAPTER_OF: "adapter",
    EdgeKind.TRAINED_ON: "trained on",
    EdgeKind.GENERATED_BY: "generated",
    EdgeKind.JUDGED_BY: "judged",
}
_SHORT_METHODS = {"chain-of-thought": "reasoning"}


@dataclass(frozen=True, slots=True)
class Node:
    """A box."""

    model: Model
    x: float
    y: float
    title: str
    detail: str
    is_root: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A curve from parent to child: all edges between the two, in one."""

    path: str
    label: str
    label_x: float
    label_y: float
    css: str
    description: str


@dataclass(frozen=True, slots=True)
class Graph:
    """The whole drawing, in user units."""

    width: float
    height: float
    nodes: tuple[Node, ...]
    lines: tuple[Line, ...]
    node_width: int = NODE_WIDTH
    node_height: int = NODE_HEIGHT


def draw(around: Neighborhood, alleged: Sequence[Allegation] = ()) -> Graph:
    """Lays the neighborhood out. Raises nothing: entries without an edge get a column of their own."""
    between: defaultdict[tuple[int, int], list[Edge]] = defaultdict(list)
    for edge in around.edges:
        between[edge.parent_id, edge.child_id].append(edge)
    doubted: defaultdict[tuple[int, int], list[Allegation]] = defaultdict(list)
    for row in alleged:
        doubted[row.parent.pk, row.child.pk].append(row)
    pairs = [*between, *(pair for pair in doubted if pair not in between)]
    places = _places(list(around.models), pairs)
    nodes = tuple(
        Node(model, *places[pk], _cut(model.title), _detail(model), pk == around.root.pk)
        for pk, model in sorted(around.models.items(), key=lambda item: places[item[0]])
    )
    lines = tuple(
        _line(around.models, pair, places, between.get(pair, []), doubted.get(pair, [])) for pair in pairs
    )
    width = max(x for x, _ in places.values()) + NODE_WIDTH + MARGIN
    height = max(y for _, y in places.values()) + NODE_HEIGHT + MARGIN
    return Graph(width, height, nodes, lines)


def _places(ids: Sequence[int], pairs: Sequence[tuple[int, int]]) -> dict[int, tuple[float, float]]:
    """The upper left corner of each box."""
    laid: dict[int, tuple[float, float]] = {}
    if pairs:
        layout = fast_sugiyama.from_edges(pairs).align_layouts_horizontal()
        # The library adds points of its own, through which long edges run.
        laid = {pk: spot for pk, spot in layout.to_dict().items() if pk in set(ids)}
    columns = {
        depth: number for number, depth in enumerate(sorted({y for _, y in laid.values()}, reverse=True))
    }
    scale = _scale(laid)
    left = min((x for x, _ in laid.values()), default=0.0)
    places = {
        pk: (
            round(MARGIN + columns[depth] * (NODE_WIDTH + COLUMN_GAP), 1),
            round(MARGIN + (across - left) * scale, 1),
        )
        for pk, (across, depth) in laid.items()
    }
    bottom = max((y for _, y in places.values()), default=MARGIN - NODE_HEIGHT - ROW_GAP)
    for number, pk in enumerate(pk for pk in ids if pk not in places):
        places[pk] = (MARGIN, bottom + (number + 1) * (NODE_HEIGHT + ROW_GAP))
    return places


def _scale(laid: dict[int, tuple[float, float]]) -> float:
    """The factor that sets the closest two boxes of a column just apart."""
    columns: defaultdict[float, list[float]] = defaultdict(list)
    for across, depth in laid.values():
        columns[depth].append(across)
    gaps = [
        after - before
        for column in columns.values()
        for before, after in zip(sorted(column), sorted(column)[1:], strict=False)
        if after > before
    ]
    return (NODE_HEIGHT + ROW_GAP) / min(gaps) if gaps else 1.0


def _line(
    models: dict[int, Model],
    pair: tuple[int, int],
    places: dict[int, tuple[float, float]],
    edges: Sequence[Edge],
    alleged: Sequence[Allegation],
) -> Line:
    parent, child = pair
    x1, y1 = places[parent][0] + NODE_WIDTH, places[parent][1] + NODE_HEIGHT / 2
    x2, y2 = places[child][0], places[child][1] + NODE_HEIGHT / 2
    if x2 <= x1:
        x1, x2 = places[parent][0] + NODE_WIDTH / 2, places[child][0] + NODE_WIDTH / 2
    bend = (x2 - x1) / 2
    words = [_short(edge) for edge in edges] or ["alleged"]
    description = "; ".join(
        [
            *(f"{models[child].title} {_long(edge)} {models[parent].title}" for edge in edges),
            *(f"{row.dispute.claimant} alleges: {row.dispute.title}" for row in alleged),
        ]
    )
    return Line(
        path=f"M{x1:.1f} {y1:.1f}C{x1 + bend:.1f} {y1:.1f} {x2 - bend:.1f} {y2:.1f} {x2:.1f} {y2:.1f}",
        label=_cut(", ".join(dict.fromkeys(words)), 24),
        label_x=round((x1 + x2) / 2, 1),
        label_y=round((y1 + y2) / 2 - 4, 1),
        css=_css(edges),
        description=description,
    )


def _css(edges: Iterable[Edge]) -> str:
    edges = list(edges)
    if not edges:
        return "alleged"
    if all(edge.status == "disputed" for edge in edges):
        return "disputed"
    distilled = any(edge.kind == EdgeKind.DISTILLED_FROM for edge in edges)
    certain = any(edge.status == "documented" for edge in edges)
    return ("distilled" if distilled else "other") + ("" if certain else " unsure")


def _short(edge: Edge) -> str:
    methods = "+".join(_SHORT_METHODS.get(method, method) for method in edge.methods)
    word = SHORT_KINDS[EdgeKind(edge.kind)]
    text = methods if methods and edge.kind == EdgeKind.DISTILLED_FROM else word
    return f"{text}?" if edge.status == "disputed" else text


def _long(edge: Edge) -> str:
    words = EdgeKind(edge.kind).label
    methods = f" by {', '.join(edge.methods)}" if edge.methods else ""
    doubt = " (disputed)" if edge.status == "disputed" else ""
    return f"is {words}{methods}{doubt}:"


def _detail(model: Model) -> str:
    kind = {"dataset": "data set", "api": "closed API"}.get(model.kind, "")
    size = compact(model.parameters) if model.parameters else ""
    return " · ".join(part for part in (kind, size, _cut(model.license, 22)) if part)


def _cut(text: str, length: int = _TITLE_LENGTH) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
