"""One license check from a question document to an answer, over whichever lineage the question is about."""

from dataclasses import dataclass, replace
from typing import Any

from zoo.licensing import lineage_source, report
from zoo.licensing.documents import LineageDocument, QuestionDocument, UseDocument
from zoo.licensing.library import rule_book
from zoo.licensing.lineage_source import Lineage
from zoo.licensing.rules.answer import Answer
from zoo.licensing.rules.engine import check
from zoo.licensing.rules.graph import Licenses, LineageGraph, Node
from zoo.licensing.rules.questions import Plan, Question, Source, Use
from zoo.licensing.rules.vocabulary import Profile
from zoo.licensing.sbom import Bom

EXPRESSION = "license:"


@dataclass(frozen=True)
class Checked:
    """A question, the lineage it was asked over, and the answer."""

    document: QuestionDocument
    lineage: Lineage
    question: Question
    answer: Answer

    @property
    def json(self) -> dict[str, Any]:
        """The answer as the interface gives it."""
        return report.to_json(self.answer, self.document, rule_book(), self.lineage.ids)


def references(document: QuestionDocument) -> list[str]:
    """The models, data sets and services that a question names."""
    if document.use is not None:
        return [document.use.model]
    plan = document.plan
    assert plan is not None
    listed = [*plan.teachers, *plan.data, *plan.judges]
    return [*plan.base, *(item if isinstance(item, str) else item.model for item in listed)]


def ask(document: QuestionDocument, lineage: Lineage | None = None) -> Checked:
    """Answer a question: over its inline lineage, else over the given one, else over the catalog."""
    book = rule_book()
    if document.lineage is not None:
        graph = document.lineage.graph(lineage_source.vocabulary())
        lineage = Lineage(graph, {}, {})
    elif lineage is None:
        lineage = lineage_source.above(references(document))
    lineage = _with_expressions(lineage, references(document))
    question = resolved(document.question(book), lineage)
    return Checked(document, lineage, question, check(question, lineage.graph, book, document.profile))


def _with_expressions(lineage: Lineage, asked: list[str]) -> Lineage:
    """References like ``license:Apache-2.0 AND CC-BY-4.0`` are models of nothing known but that license."""
    written = [reference for reference in asked if reference.lower().startswith(EXPRESSION)]
    if not written:
        return lineage
    words = lineage_source.vocabulary()
    nodes = [
        Node(reference, licenses=Licenses(declared=words.terms(reference[len(EXPRESSION) :])))
        for reference in written
    ]
    edges = [link.edge for links in lineage.graph.links.values() for link in links]
    return replace(lineage, graph=LineageGraph.of([*lineage.graph.nodes.values(), *nodes], edges))


def resolved(question: Question, lineage: Lineage) -> Question:
    """The question with every reference replaced by the node it names."""
    if isinstance(question, Use):
        return replace(question, model=lineage.node(question.model))
    return Plan(
        bases=tuple(lineage.node(base) for base in question.bases),
        teachers=_sources(question.teachers, lineage),
        data=_sources(question.data, lineage),
        judges=_sources(question.judges, lineage),
        facts=question.facts,
        generated_on=question.generated_on,
    )


def _sources(sources: tuple[Source, ...], lineage: Lineage) -> tuple[Source, ...]:
    return tuple(Source(lineage.node(source.id), source.accessed_via) for source in sources)


def ask_about_bom(bom: Bom, question: UseDocument, profile: Profile) -> list[Checked]:
    """The same question about every model of a bill of materials.

    What the catalog knows, it knows better: its lineage and license stand in for those of the document.
    """
    lineage = _with_catalog(bom.lineage())
    documents = [
        QuestionDocument(use=question.model_copy(update={"model": model}), profile=profile)
        for model in bom.models
    ]
    return [ask(document, lineage) for document in documents]


def _with_catalog(inline: LineageDocument) -> Lineage:
    names = [node.id for node in inline.nodes]
    catalog = lineage_source.above(names)
    words = lineage_source.vocabulary()
    own = inline.graph(words)
    foreign = [node for node in own.nodes.values() if node.id.lower() not in catalog.nodes]
    edges = [link.edge for links in catalog.graph.links.values() for link in links]
    edges += [
        replace(link.edge, parent=catalog.node(link.edge.parent))
        for child, links in own.links.items()
        if child.lower() not in catalog.nodes
        for link in links
    ]
    graph = LineageGraph.of([*catalog.graph.nodes.values(), *foreign], edges)
    return Lineage(graph, catalog.nodes, catalog.ids)
