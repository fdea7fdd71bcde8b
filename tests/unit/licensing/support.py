"""Cases as data, a graph to ask them of, and small builders. Reads only what lies beside it."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from zoo.licensing.documents import LineageDocument, QuestionDocument
from zoo.licensing.expressions import Vocabulary
from zoo.licensing.library import rule_book
from zoo.licensing.rules.answer import Answer
from zoo.licensing.rules.book import RuleBook
from zoo.licensing.rules.engine import check
from zoo.licensing.rules.graph import Edge, Licenses, LineageGraph, Node
from zoo.licensing.rules.vocabulary import EdgeKind, NodeKind, Profile

CASES = Path(__file__).parent / "cases"


def load(name: str) -> Any:
    return yaml.safe_load((CASES / name).read_text("utf-8"))


@cache
def words() -> Vocabulary:
    return Vocabulary(rule_book())


@cache
def lineage() -> LineageGraph:
    return LineageDocument.model_validate(load("lineage.yaml")).graph(words())


@cache
def all_cases() -> tuple[dict[str, Any], ...]:
    return (*load("worked.yaml"), *load("more.yaml"), *map(spelled_out, load("texts.yaml")))


def spelled_out(case: dict[str, Any]) -> dict[str, Any]:
    """`under` as a lineage of the case's own: models that stand alone."""
    under = case.get("under")
    if under is None:
        return case
    rest = {name: value for name, value in case.items() if name != "under"}
    return {**rest, "lineage": {"nodes": [{"id": name, "declared": key} for name, key in under.items()]}}


def with_own(case: dict[str, Any], shared: LineageGraph) -> LineageGraph:
    """The shared graph and the case's own nodes and edges."""
    if "lineage" not in case:
        return shared
    own = LineageDocument.model_validate(case["lineage"]).graph(words())
    edges = [link.edge for graph in (shared, own) for links in graph.links.values() for link in links]
    return LineageGraph.of([*own.nodes.values(), *shared.nodes.values()], edges)


def ask(
    case: dict[str, Any],
    graph: LineageGraph,
    book: RuleBook | None = None,
    profile: Profile = Profile.STANDARD,
) -> Answer:
    book = book or rule_book()
    document = QuestionDocument.model_validate({key: case[key] for key in ("use", "plan") if key in case})
    return check(document.question(book), with_own(case, graph), book, profile)


def complaints(case: dict[str, Any], graph: LineageGraph, book: RuleBook | None = None) -> list[str]:
    """What in the answer differs from what the case expects; empty when all is well."""
    answer = ask(case, graph, book)
    rules = {finding.rule for finding in answer.findings}
    duties = {obligation.duty for obligation in answer.obligations}
    flags = {flag.id for flag in answer.flags}
    wrong = []
    if answer.verdict.word != case["verdict"]:
        wrong.append(f"verdict {answer.verdict.word}, not {case['verdict']}")
    wrong += [f"rule {name} is missing" for name in case.get("rules", []) if name not in rules]
    wrong += [f"duty {name} is missing" for name in case.get("must", []) if name not in duties]
    wrong += [f"duty {name} is not owed" for name in case.get("must_not", []) if name in duties]
    wrong += [f"flag {name} is missing" for name in case.get("flags", []) if name not in flags]
    if set(case.get("unmet", [])) != set(answer.unmet):
        wrong.append(f"unmet {answer.unmet}")
    if "strict" in case:
        strict = ask(case, graph, book, Profile.STRICT).verdict.word
        if strict != case["strict"]:
            wrong.append(f"strict {strict}, not {case['strict']}")
    return wrong


def node(name: str, *keys: str, **fields: Any) -> Node:
    """A node under all of `keys` together; none means nothing on record."""
    terms = (tuple(keys),) if keys else ()
    return Node(name, licenses=Licenses(declared=terms), **fields)


def graph(nodes: list[Node], *edges: tuple[str, str, str]) -> LineageGraph:
    return LineageGraph.of(nodes, [Edge(child, parent, EdgeKind(kind)) for child, kind, parent in edges])


def api(name: str, key: str, **fields: Any) -> Node:
    return node(name, key, kind=NodeKind.API, **fields)


def dataset(name: str, *keys: str, **fields: Any) -> Node:
    return node(name, *keys, kind=NodeKind.DATASET, **fields)
