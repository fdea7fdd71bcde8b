"""Verdicts for many models at once: equal situations are found first and judged once.

A verdict depends only on which terms reach a model by which class of path, never on names. So every node gets a
signature, the set of such exposures, computed in one pass from the roots down; nodes with one signature share one
call of the engine. What a page shows, with paths and reasons, is computed per model by `engine.check`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from zoo.licensing.rules.book import RuleBook
from zoo.licensing.rules.engine import check
from zoo.licensing.rules.graph import MOST_HOPS, LineageGraph, Link, Node, Period, Terms
from zoo.licensing.rules.questions import Use
from zoo.licensing.rules.vocabulary import NodeKind, PathClass, Profile, Verdict


class Exposure(NamedTuple):
    """Terms that reach a node. `in_data` is None while the path has weights edges only."""

    terms: Terms
    hops: int = 0
    in_data: bool | None = None
    judged: bool = False
    known: bool = True
    multimodal: bool | None = None
    made: Period | None = None
    hosted: bool = False


class Signature(NamedTuple):
    """Everything on which a verdict depends. `alone` holds the id of a node that must be judged by itself."""

    own: Exposure
    kind: NodeKind
    above: frozenset[Exposure]
    alone: str | None = None


class Brief(NamedTuple):
    """A verdict with the rule that decided it, for lists and facets."""

    verdict: Verdict
    rule_id: str | None
    license: str | None


def verdicts(
    graph: LineageGraph,
    book: RuleBook,
    uses: Mapping[str, Use],
    models: Iterable[str],
    profile: Profile = Profile.STANDARD,
) -> Iterator[tuple[str, dict[str, Brief]]]:
    """For every model the verdict of each named use; the `model` of a use is a placeholder."""
    signed = signatures(graph, models)
    known: dict[Signature, dict[str, Brief]] = {}
    for model, signature in signed.items():
        briefs = known.get(signature)
        if briefs is None:
            briefs = known[signature] = {
                name: _brief(replace(use, model=model), graph, book, profile) for name, use in uses.items()
            }
        yield model, briefs


def _brief(use: Use, graph: LineageGraph, book: RuleBook, profile: Profile) -> Brief:
    answer = check(use, graph, book, profile)
    decisive = answer.findings[0] if answer.findings else None
    if decisive is None:
        return Brief(answer.verdict, None, None)
    return Brief(answer.verdict, decisive.rule_id, decisive.license)


def signatures(graph: LineageGraph, models: Iterable[str]) -> dict[str, Signature]:
    """The signature of each model, in the order given."""
    wanted = list(models)
    above: dict[str, frozenset[Exposure]] = {}
    interned: dict[frozenset[Exposure], frozenset[Exposure]] = {}
    found: dict[str, Signature] = {}
    for model in wanted:
        node = graph.node(model)
        if graph.on_cycles:  # rare: then nothing is shared
            found[model] = Signature(_own(node, None), node.kind, frozenset(), model)
            continue
        _settle(model, graph, above, interned)
        found[model] = Signature(_own(node, None), node.kind, above[model])
    return found


def _settle(
    start: str,
    graph: LineageGraph,
    above: dict[str, frozenset[Exposure]],
    interned: dict[frozenset[Exposure], frozenset[Exposure]],
) -> None:
    """Fill `above` for `start` and everything over it: depth first, without recursion, in a graph without cycles."""
    stack = [start]
    while stack:
        node_id = stack[-1]
        if node_id in above:
            stack.pop()
            continue
        missing = [link.parent.id for link in graph.links.get(node_id, ()) if link.parent.id not in above]
        if missing:
            stack.extend(missing)
        else:
            stack.pop()
            exposures = _combine(node_id, graph, above)
            above[node_id] = interned.setdefault(exposures, exposures)


def _combine(node_id: str, graph: LineageGraph, above: dict[str, frozenset[Exposure]]) -> frozenset[Exposure]:
    reached: set[Exposure] = set()
    for link in graph.links.get(node_id, ()):
        carried = set(above[link.parent.id])
        if not link.same_holder:
            carried.add(_own(link.parent, link.made))
        if link.edge.accessed_via is not None:
            carried.add(_hosted(link))
        reached.update(_through(exposure, link.path_class) for exposure in carried)
    return frozenset(reached)


def _own(node: Node, made: Period | None) -> Exposure:
    """A node's own terms as they bear on somebody below it; `made` is when its outputs were made for that."""
    terms = node.licenses.on(node.revision_date)
    return Exposure(terms, known=node.known, multimodal=node.multimodal, made=made)


def _hosted(link: Link) -> Exposure:
    host = link.edge.accessed_via
    assert host is not None
    return Exposure(((host,),), known=link.parent.known, made=link.made, hosted=True)


def _through(exposure: Exposure, path_class: PathClass) -> Exposure:
    """The exposure seen from one edge further down; the same steps as `graph.LineageGraph.walk` takes upward."""
    if path_class is PathClass.WEIGHTS:
        return exposure
    if path_class is PathClass.JUDGED:
        return exposure._replace(judged=True)
    is_data = path_class is PathClass.DATA
    in_data = is_data if exposure.in_data is None else exposure.in_data
    hops = exposure.hops if is_data else min(exposure.hops + 1, MOST_HOPS)
    return exposure._replace(hops=hops, in_data=in_data)


__all__ = ["Brief", "Signature", "signatures", "verdicts"]
