"""Questions, plans and inline lineages as they arrive from outside: JSON or YAML, checked against a strict schema.

The question is a `use` or a `plan` object. Everything here translates; `rules.engine` answers.
"""

import datetime as dt
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from zoo.catalog.dates import first_day, last_day
from zoo.licensing.expressions import Vocabulary
from zoo.licensing.rules.book import RuleBook
from zoo.licensing.rules.graph import DatedTerms, Edge, Licenses, LineageGraph, Node, Period
from zoo.licensing.rules.questions import Facts, Plan, Question, Source, Student, Use
from zoo.licensing.rules.schema import PartialDay
from zoo.licensing.rules.vocabulary import REGION_BY_SEAT, Action, EdgeKind, NodeKind, Profile

MAX_NODES = 2_000
MAX_SOURCES = 50
Name = Annotated[str, Field(min_length=1, max_length=200)]


def _many(value: object) -> object:
    return [value] if isinstance(value, str | dict) else value


class Document(BaseModel):
    """Base: unknown keys are refused, so that a misspelled fact is never silently dropped."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class StudentDocument(Document):
    """What is known about the student that is trained."""

    family: Name | None = None
    is_llm: bool | None = None
    kind: Literal["general", "generative", "classifier"] | None = None
    distributed: bool | None = None
    name: Name | None = None


class Circumstances(Document):
    """The facts that uses and plans share. Leave out what is not known."""

    commercial: bool | None = None
    mau: int | None = Field(default=None, ge=0, description="monthly active users now, affiliates included")
    mau_on_date: dict[dt.date, int] | None = Field(default=None, description="monthly users on given days")
    revenue: int | None = Field(default=None, ge=0, description="US dollars a year, affiliates included")
    region: str | None = Field(default=None, min_length=2, max_length=20, description=REGION_BY_SEAT)
    field: str | None = Field(
        default=None, max_length=60, description="field of use: medical, military, law-enforcement"
    )
    end_user: bool | None = Field(default=None, description="the asker only uses a finished product")
    multimodal: bool | None = None
    student: StudentDocument | None = None
    competes: bool | None = Field(
        default=None, description="the student competes with the provider of the teacher"
    )
    authorised: bool | None = Field(default=None, description="the provider has approved it in writing")
    outputs_published: bool | None = None
    generated_on: dt.date | None = Field(
        default=None, description="the day on which outputs are or were made"
    )

    def facts(self) -> Facts:
        """The engine's facts."""
        student = self.student or StudentDocument()
        dates: Mapping[dt.date, int] = MappingProxyType(dict(self.mau_on_date or {}))
        return Facts(
            commercial=self.commercial,
            mau=self.mau,
            mau_on_date=dates,
            revenue=self.revenue,
            region=self.region,
            field=self.field,
            end_user=self.end_user,
            multimodal=self.multimodal,
            competes=self.competes,
            authorised=self.authorised,
            outputs_published=self.outputs_published,
            student=Student(student.family, student.is_llm, student.kind, student.distributed, student.name),
        )


class UseDocument(Circumstances):
    """May I do this with that model?"""

    model: Name
    action: Action | Literal["publish_quantized"]
    revision_date: dt.date | None = None
    proposed_name: Name | None = None
    accessed_via: Name | None = Field(
        default=None, description="key of the terms of the host through whose service the model is reached"
    )


class SourceDocument(Document):
    """A teacher, judge or data set, and the host through whose service it is reached."""

    model: Name
    accessed_via: Name | None = Field(default=None, description="key of the host's terms of service")


Sources = Annotated[list[Name | SourceDocument], BeforeValidator(_many), Field(max_length=MAX_SOURCES)]


class PlanDocument(Circumstances):
    """May I build a student from these?"""

    base: Annotated[list[Name], BeforeValidator(_many), Field(max_length=MAX_SOURCES)] = []
    teachers: Sources = []
    data: Sources = []
    judges: Sources = []

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if not (self.base or self.teachers or self.data or self.judges):
            raise ValueError("a plan names a base, a teacher, data or a judge")
        return self


class DatedLicense(Document):
    """A license from a day on."""

    since: dt.date | None = None
    license: Name


class NodeDocument(Document):
    """A model, data set or service of an inline lineage."""

    id: Name
    kind: NodeKind = NodeKind.MODEL
    licensor: Name | None = None
    name: Name | None = None
    declared: Name | None = Field(
        default=None, description="SPDX expression, key of this rule set or hub tag"
    )
    hub_tag: Name | None = None
    concluded: Name | None = None
    history: list[DatedLicense] = []
    recalled: list[Literal["declared", "hub_tag"]] = Field(
        default=[], description="which of its license statements somebody remembers and read in no source"
    )
    multimodal: bool | None = None
    revision_date: dt.date | None = None
    generated_on: dt.date | None = None
    contested: bool = False


class EdgeDocument(Document):
    """A step of lineage with what is known about how the parent was reached, and when."""

    child: Name
    kind: EdgeKind
    parent: Name
    accessed_via: Name | None = Field(default=None, description="key of the host's terms of service")
    outputs_made: PartialDay | None = Field(
        default=None, description="day, month or year in which the parent's outputs were made"
    )
    recalled: bool = Field(default=False, description="somebody remembers the step and read it in no source")

    def edge(self) -> Edge:
        """The engine's edge."""
        return Edge(
            self.child, self.parent, self.kind, self.accessed_via, period(self.outputs_made), self.recalled
        )


class LineageDocument(Document):
    """A lineage that the catalog does not hold: nodes, and edges from child to parent."""

    nodes: list[NodeDocument] = Field(max_length=MAX_NODES)
    edges: list[tuple[Name, EdgeKind, Name] | EdgeDocument] = Field(default=[], max_length=4 * MAX_NODES)

    @model_validator(mode="after")
    def _ids_differ(self) -> Self:
        if len({node.id for node in self.nodes}) != len(self.nodes):
            raise ValueError("node ids repeat")
        return self

    def graph(self, words: Vocabulary) -> LineageGraph:
        """The engine's graph."""
        nodes = [_node(node, words) for node in self.nodes]
        edges = [
            edge.edge() if isinstance(edge, EdgeDocument) else Edge(edge[0], edge[2], edge[1])
            for edge in self.edges
        ]
        return LineageGraph.of(nodes, edges)


class QuestionDocument(Document):
    """One question: exactly one of `use` and `plan`, optionally with the lineage it is about."""

    use: UseDocument | None = None
    plan: PlanDocument | None = None
    profile: Profile = Profile.STANDARD
    lineage: LineageDocument | None = None

    @model_validator(mode="after")
    def _asks_one_thing(self) -> Self:
        if (self.use is None) == (self.plan is None):
            raise ValueError("give exactly one of use and plan")
        return self

    def question(self, book: RuleBook) -> Question:
        """The engine's question. Whether a quantized copy is a derivative is a reading choice of the book."""
        if self.use is not None:
            use = self.use
            action = _action(use.action, book)
            return Use(
                use.model, action, use.facts(), use.revision_date, use.generated_on, use.proposed_name,
                use.accessed_via,
            )  # fmt: skip
        plan = self.plan
        assert plan is not None
        return Plan(
            tuple(plan.base), _sources(plan.teachers), _sources(plan.data), _sources(plan.judges), plan.facts(),
            plan.generated_on,
        )  # fmt: skip


def period(partial: str | None) -> Period | None:
    """The days that a partial date can mean."""
    return Period(first_day(partial), last_day(partial)) if partial else None


def _action(word: Action | str, book: RuleBook) -> Action:
    if word != "publish_quantized":
        return Action(word)
    return Action.PUBLISH_DERIVATIVE if book.holds("quantized-is-derivative") else Action.REDISTRIBUTE


def _sources(listed: list[str | SourceDocument]) -> tuple[Source, ...]:
    return tuple(
        Source(item) if isinstance(item, str) else Source(item.model, item.accessed_via) for item in listed
    )


def _node(node: NodeDocument, words: Vocabulary) -> Node:
    history = tuple(DatedTerms(entry.since, words.terms(entry.license)) for entry in node.history)
    licenses = Licenses(
        words.terms(node.declared),
        words.terms(node.hub_tag),
        words.terms(node.concluded),
        history,
        frozenset(node.recalled),
    )
    return Node(
        id=node.id,
        kind=node.kind,
        licensor=node.licensor,
        licenses=licenses,
        name=node.name,
        multimodal=node.multimodal,
        revision_date=node.revision_date,
        generated_on=node.generated_on,
        contested=node.contested,
    )
