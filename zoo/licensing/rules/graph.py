"""The lineage as the engine sees it: nodes, typed edges, and the walk upward that classifies every path.

Class of a path (see `vocabulary.PATH_CLASS`): *weights* for initialized_from, finetuned_from, pruned_from,
quantized_from, merged_from and adapter_of; *outputs* for distilled_from and generated_by; *data* for trained_on;
*judged* for judged_by. The caller translates its own records into these values; nothing here reads a database.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import NamedTuple

from zoo.licensing.rules.vocabulary import PATH_CLASS, EdgeKind, NodeKind, PathClass

# Alternatives (OR) of texts that apply together (AND). Empty: nothing on record.
Terms = tuple[tuple[str, ...], ...]
NO_TERMS: Terms = ()
MOST_HOPS = 3


@dataclass(frozen=True, slots=True)
class DatedTerms:
    """The terms a publisher attached from a day on; None is from the first release."""

    since: dt.date | None
    terms: Terms


@dataclass(frozen=True, slots=True)
class Licenses:
    """Three statements that are never mixed: the publisher's own, the hub's tag, and what a curator concluded.

    `recalled` names those of them, `declared` or `hub_tag`, that somebody remembers and read in no source.
    """

    declared: Terms = NO_TERMS
    hub_tag: Terms = NO_TERMS
    concluded: Terms = NO_TERMS
    history: tuple[DatedTerms, ...] = ()
    recalled: frozenset[str] = frozenset()

    def on(self, day: dt.date | None) -> Terms:
        """What governs a copy made on `day`: its dated terms, else concluded, declared and tag in that order."""
        if day is not None and self.history:
            governing = NO_TERMS
            for entry in self.history:
                if entry.since is None or entry.since <= day:
                    governing = entry.terms
            return governing
        return self.concluded or self.declared or self.hub_tag

    def recalled_on(self, day: dt.date | None) -> bool:
        """Whether what governs a copy made on `day` is only remembered."""
        if (day is not None and self.history) or self.concluded:
            return False
        return ("declared" if self.declared else "hub_tag") in self.recalled

    @property
    def published(self) -> Terms:
        """What somebody sees who reads the tag alone."""
        return self.hub_tag or self.declared


@dataclass(frozen=True, slots=True)
class Node:
    """A model, data set or service. `licensor` is the rights holder; None is never equal to anybody."""

    id: str
    kind: NodeKind = NodeKind.MODEL
    licensor: str | None = None
    licenses: Licenses = Licenses()
    name: str | None = None
    family: str | None = None
    multimodal: bool | None = None
    revision_date: dt.date | None = None
    generated_on: dt.date | None = None
    contested: bool = False
    known: bool = True  # False for a parent that is named but not on record


@dataclass(frozen=True, slots=True)
class Edge:
    """`child` comes from `parent`.

    `accessed_via` is the key of a host's terms through which the parent was reached, `made` when its outputs were
    made; `recalled` says that somebody remembers the step and read it in no source.
    """

    child: str
    parent: str
    kind: EdgeKind
    accessed_via: str | None = None
    made: "Period | None" = None
    recalled: bool = False


class Period(NamedTuple):
    """Days between which something happened, as far as a source tells; both ends belong to it."""

    first: dt.date
    last: dt.date

    @property
    def words(self) -> str:
        """One day, or both ends."""
        if self.first == self.last:
            return f"on {self.first.isoformat()}"
        return f"between {self.first.isoformat()} and {self.last.isoformat()}"


class Role(IntEnum):
    """How the walk left its start: it decides which acts the texts above are asked about."""

    OWN = 0
    BASE = 1
    TEACHER = 2
    DATA = 3
    JUDGE = 4


class Link(NamedTuple):
    """An edge as the walk uses it, with everything looked up once."""

    edge: Edge
    parent: Node
    path_class: PathClass
    same_holder: bool
    made: Period | None


class Reached(NamedTuple):
    """A node that the walk reached, with the class of the path that led there.

    `hops` counts output edges (capped at three: no text distinguishes more), `in_data` says the path
    ended in a data set, `judged` that it went through a judge (nothing of a judge's text reaches a user),
    `skips_own` that the last edge joins two works of one rights holder, `made` when the outputs on the
    last edge were made, `recalled` that the last edge is only remembered.
    """

    node: Node
    role: Role
    hops: int
    in_data: bool
    judged: bool
    skips_own: bool
    depth: int
    edge: EdgeKind | None
    accessed_via: str | None
    below: "Reached | None"
    made: Period | None = None
    recalled: bool = False

    @property
    def path(self) -> tuple[tuple[str, EdgeKind | None], ...]:
        """From the start to here: node ids with the edge that leads to each."""
        steps: list[tuple[str, EdgeKind | None]] = []
        step: Reached | None = self
        while step is not None:
            steps.append((step.node.id, step.edge))
            step = step.below
        return tuple(reversed(steps))


@dataclass(frozen=True)
class LineageGraph:
    """Nodes by id and their edges upward. Build it once; it never changes."""

    nodes: Mapping[str, Node]
    links: Mapping[str, tuple[Link, ...]]

    @classmethod
    def of(cls, nodes: Iterable[Node], edges: Iterable[Edge]) -> "LineageGraph":
        """A graph of these nodes and edges; a parent that is not among them becomes an unknown node."""
        by_id = {node.id: node for node in nodes}
        upward: dict[str, list[Edge]] = {}
        for edge in edges:
            upward.setdefault(edge.child, []).append(edge)
            if edge.parent not in by_id:
                by_id[edge.parent] = Node(id=edge.parent, known=False)
        # Sorted, so that the answer does not depend on the order in which parents were recorded.
        links = {
            child: tuple(_link(edge, by_id) for edge in sorted(up, key=_edge_order))
            for child, up in upward.items()
        }
        return cls(nodes=by_id, links=links)

    def node(self, node_id: str) -> Node:
        """The node, or an unknown one of that id."""
        return self.nodes.get(node_id) or Node(id=node_id, known=False)

    def walk(self, start: Reached) -> list[Reached]:
        """Everything above `start`, itself included, nearest first, once per class of path."""
        seen = {(start.node.id, start.hops, start.in_data, start.judged, start.skips_own)}
        found = [start]
        links = self.links
        for here in found:  # grows while it is read: breadth first
            for link in links.get(here.node.id, ()):
                hops, in_data, judged = _through(here, link.path_class)
                state = (link.parent.id, hops, in_data, judged, link.same_holder)
                if state not in seen:
                    seen.add(state)
                    edge = link.edge
                    found.append(
                        Reached(
                            link.parent, here.role, hops, in_data, judged, link.same_holder, here.depth + 1,
                            edge.kind, edge.accessed_via, here, link.made, edge.recalled,
                        )
                    )  # fmt: skip
        return found

    @cached_property
    def on_cycles(self) -> frozenset[str]:
        """Nodes from which one can walk up to themselves; empty in a sound catalog. Found once per graph."""
        waiting = {child: len(up) for child, up in self.links.items()}
        children: dict[str, list[str]] = {}
        for child, up in self.links.items():
            for link in up:
                children.setdefault(link.parent.id, []).append(child)
        ready = [name for name in self.nodes if not waiting.get(name)]
        for name in ready:  # grows: a child is ready once all its parents are
            for child in children.get(name, ()):
                waiting[child] -= 1
                if waiting[child] == 0:
                    ready.append(child)
        stuck = {name for name, count in waiting.items() if count > 0}
        return frozenset(name for name in stuck if self._returns(name, stuck))

    def _returns(self, name: str, among: set[str]) -> bool:
        """Whether a walk up from `name`, through nodes of `among`, comes back to it."""
        seen: set[str] = set()
        stack = [name]
        while stack:
            for link in self.links.get(stack.pop(), ()):
                if link.parent.id == name:
                    return True
                if link.parent.id in among and link.parent.id not in seen:
                    seen.add(link.parent.id)
                    stack.append(link.parent.id)
        return False


def _edge_order(edge: Edge) -> tuple[str, str, str]:
    return (PATH_CLASS[edge.kind].value, edge.kind.value, edge.parent)


def _link(edge: Edge, nodes: Mapping[str, Node]) -> Link:
    parent, child = nodes[edge.parent], nodes.get(edge.child)
    same = parent.licensor is not None and child is not None and parent.licensor == child.licensor
    made = edge.made
    if made is None and child is not None and child.generated_on is not None:
        made = Period(child.generated_on, child.generated_on)
    return Link(edge, parent, PATH_CLASS[edge.kind], same, made)


def _through(here: Reached, path_class: PathClass) -> tuple[int, bool, bool]:
    """Output hops, whether in data, and whether by a judge, one edge further up."""
    if path_class is PathClass.WEIGHTS:
        return here.hops, here.in_data, here.judged
    if path_class is PathClass.OUTPUTS:
        return min(here.hops + 1, MOST_HOPS), False, here.judged
    if path_class is PathClass.DATA:
        return here.hops, True, here.judged
    return here.hops, here.in_data, True
