"""The lineage as a drawing: layered from left to right, laid out by fast-sugiyama, drawn by our own template.

Pure: a neighborhood goes in, boxes and curves with their words come out. Parents stand left of children.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

import fast_sugiyama

from zoo.catalog.models import Model
from zoo.lineage.models import Edge, EdgeKind
from zoo.lineage.selectors import Allegation, Neighborhood
from zoo.web import lineage_labels, presenters
from zoo.web.lineage_labels import Box, Spot

NODE_WIDTH, NODE_HEIGHT = 216, 46
COLUMN_GAP, ROW_GAP, MARGIN = 160, 18, 12
_TITLE_LENGTH, _LABEL_LENGTH = 24, 22
_BASE_LINE = 4
"""From the middle of small type down to its base line."""

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
VERDICT_MARKS = {"allowed": "✓", "conditions": "!", "prohibited": "✕", "unknown": "?"}
_SHORT_METHODS = {"chain-of-thought": "reasoning"}


_Pair = tuple[int, int]
"""Keys of parent and child."""


@dataclass(frozen=True, slots=True)
class Node:
    """A box."""

    model: Model
    x: float
    y: float
    title: str
    detail: str
    is_root: bool
    verdict: str
    """Code of the license verdict for the ordinary question; empty: none is known."""
    mark: str
    """What is drawn for it, told apart by its shape."""
    spoken: str
    """The node in words: its id, and its verdict."""


@dataclass(frozen=True, slots=True)
class Line:
    """A curve from parent to child: all edges between the two, in one."""

    path: str
    label: str
    label_at: Spot | None
    """The middle of the label's base line; None: there is no room, it shows under the pointer."""
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


def draw(
    around: Neighborhood,
    alleged: Sequence[Allegation] = (),
    verdicts: Mapping[int, str] = MappingProxyType({}),
) -> Graph:
    """Lays the neighborhood out. Raises nothing: entries without an edge get a column of their own.

    ``verdicts`` are codes of license verdicts by key of the entry.
    """
    edges: defaultdict[_Pair, list[Edge]] = defaultdict(list)
    for edge in around.edges:
        edges[edge.parent_id, edge.child_id].append(edge)
    doubts: defaultdict[_Pair, list[Allegation]] = defaultdict(list)
    for row in alleged:
        doubts[row.parent.pk, row.child.pk].append(row)
    pairs = [*edges, *(pair for pair in doubts if pair not in edges)]
    places, routes = _layout(list(around.models), pairs)
    nodes = tuple(
        _node(model, places[pk], verdicts.get(pk, ""), is_root=pk == around.root.pk)
        for pk, model in sorted(around.models.items(), key=lambda item: places[item[0]])
    )
    ends = _ends(pairs, places)
    bends = [_bends(ends[pair], routes.get(pair, [])) for pair in pairs]
    labels = [_label(edges.get(pair, [])) for pair in pairs]
    boxes = [Box(spot.x, spot.y, spot.x + NODE_WIDTH, spot.y + NODE_HEIGHT) for spot in places.values()]
    spots = lineage_labels.place([lineage_labels.curve(line) for line in bends], labels, boxes)
    lines = tuple(
        Line(
            path=_path(line),
            label=label,
            label_at=Spot(round(spot.x, 1), round(spot.y + _BASE_LINE, 1)) if spot else None,
            css=_css(edges.get(pair, [])),
            description=_description(around.models, pair, edges.get(pair, []), doubts.get(pair, [])),
        )
        for pair, line, label, spot in zip(pairs, bends, labels, spots, strict=True)
    )
    width = max(spot.x for spot in places.values()) + NODE_WIDTH + MARGIN
    height = max(spot.y for spot in places.values()) + NODE_HEIGHT + MARGIN
    return Graph(width, height, nodes, lines)


def _node(model: Model, place: Spot, verdict: str, *, is_root: bool) -> Node:
    spoken = model.slug
    if verdict:
        spoken += f". License check, selling it as a service: {presenters.sign(verdict).label}"
    mark = VERDICT_MARKS.get(verdict, "")
    return Node(
        model, *place, _cut(model.title, _TITLE_LENGTH), _detail(model), is_root, verdict, mark, spoken
    )


def _layout(ids: Sequence[int], pairs: Sequence[_Pair]) -> tuple[dict[int, Spot], dict[_Pair, list[Spot]]]:
    """The upper left corner of each box, and the points through which long lines run between boxes."""
    number = {pk: index for index, pk in enumerate(ids)}
    laid: dict[int, tuple[float, float]] = {}
    steps: list[tuple[int, int]] = []
    if pairs:
        given = [(number[parent], number[child]) for parent, child in pairs]
        layouts = fast_sugiyama.from_edges(given).align_layouts_horizontal()
        laid = layouts.to_dict()
        steps = [step for layout in layouts for step in layout[3] or ()]
    scale, left = _scale(laid, len(ids)), min((across for across, _ in laid.values()), default=0.0)
    depths = sorted({depth for _, depth in laid.values()}, reverse=True)
    spots = {
        index: Spot(
            round(MARGIN + depths.index(depth) * (NODE_WIDTH + COLUMN_GAP), 1),
            round(MARGIN + (across - left) * scale, 1),
        )
        for index, (across, depth) in laid.items()
    }
    bottom = max((spot.y for spot in spots.values()), default=MARGIN - NODE_HEIGHT - ROW_GAP)
    alone = [index for index in range(len(ids)) if index not in spots]
    for count, index in enumerate(alone, start=1):
        spots[index] = Spot(MARGIN, bottom + count * (NODE_HEIGHT + ROW_GAP))
    places = {pk: spots[index] for pk, index in number.items()}
    return places, _routes(pairs, number, steps, spots)


def _routes(
    pairs: Sequence[_Pair], number: dict[int, int], steps: Sequence[tuple[int, int]], spots: dict[int, Spot]
) -> dict[_Pair, list[Spot]]:
    """For lines over several columns, the helper points that the library set between them.

    A helper has one line in and one out; its number is none of ours.
    """
    onward: defaultdict[int, list[int]] = defaultdict(list)
    for before, after in steps:
        onward[before].append(after)
    routes: dict[_Pair, list[Spot]] = {}
    for parent, child in pairs:
        for start in onward[number[parent]]:
            path, here = [], start
            while here >= len(number) and len(onward[here]) == 1:
                path.append(spots[here])
                here = onward[here][0]
            if here == number[child] and path:
                routes[parent, child] = path
                break
    return routes


def _scale(laid: dict[int, tuple[float, float]], boxes: int) -> float:
    """The factor that keeps boxes apart, and lines off the boxes that they pass."""
    columns: defaultdict[float, list[tuple[float, int]]] = defaultdict(list)
    for index, (across, depth) in laid.items():
        columns[depth].append((across, index))
    scale = 0.0
    for column in columns.values():
        column.sort()
        for (before, one), (after, other) in pairwise(column):
            helpers = (one >= boxes) + (other >= boxes)
            wanted = (NODE_HEIGHT + ROW_GAP, NODE_HEIGHT / 2 + ROW_GAP, ROW_GAP)[helpers]
            if after > before:
                scale = max(scale, wanted / (after - before))
    return scale or 1.0


def _ends(pairs: Sequence[_Pair], places: dict[int, Spot]) -> dict[_Pair, tuple[Spot, Spot]]:
    """Where each line leaves its parent and meets its child: spread over the side, so that they stay apart."""
    starts: dict[_Pair, float] = {}
    tips: dict[_Pair, float] = {}
    for side, other, found in ((0, 1, starts), (1, 0, tips)):
        at: defaultdict[int, list[_Pair]] = defaultdict(list)
        for pair in pairs:
            at[pair[side]].append(pair)
        for pk, group in at.items():
            group.sort(key=lambda pair: (places[pair[other]].y, places[pair[other]].x))
            for rank, pair in enumerate(group, start=1):
                found[pair] = places[pk].y + NODE_HEIGHT * rank / (len(group) + 1)
    return {
        pair: (Spot(places[pair[0]].x + NODE_WIDTH, starts[pair]), Spot(places[pair[1]].x, tips[pair]))
        for pair in pairs
    }


def _label(edges: Sequence[Edge]) -> str:
    words = [_short(edge) for edge in edges] or ["alleged"]
    return _cut(", ".join(dict.fromkeys(words)), _LABEL_LENGTH)


def _description(
    models: dict[int, Model], pair: _Pair, edges: Sequence[Edge], alleged: Sequence[Allegation]
) -> str:
    parent, child = pair
    return "; ".join(
        [
            *(f"{models[child].title} {_long(edge)} {models[parent].title}" for edge in edges),
            *(f"{row.dispute.claimant} alleges: {row.dispute.title}" for row in alleged),
        ]
    )


def _bends(ends: tuple[Spot, Spot], through: Sequence[Spot]) -> list[tuple[Spot, Spot]]:
    """The bends of a line that passes between boxes; it runs straight from one to the next."""
    here, end = ends
    found = []
    for spot in through:
        middle = spot.y + NODE_HEIGHT / 2
        found.append((here, Spot(spot.x, middle)))
        here = Spot(spot.x + NODE_WIDTH, middle)
    return [*found, (here, end)]


def _path(bends: Sequence[tuple[Spot, Spot]]) -> str:
    """A smooth curve that is level where it leaves, passes between boxes, and arrives."""
    start = bends[0][0]
    text = f"M{start.x:.1f} {start.y:.1f}"
    for here, there in bends:
        half = (there.x - here.x) / 2
        text += f"H{here.x:.1f}" if here is not start else ""
        text += f"C{here.x + half:.1f} {here.y:.1f} {there.x - half:.1f} {there.y:.1f} {there.x:.1f} {there.y:.1f}"
    return text


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
    size = presenters.compact(model.parameters) if model.parameters else ""
    return " · ".join(part for part in (kind, size, _cut(model.license, 22)) if part)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
