"""Where the walk over the lineage begins: at the model asked about, or at the parts of a planned student.

A planned student is a node that does not exist yet; its bases, teachers, data sets and judges hang above it.
"""

from collections.abc import Iterator
from typing import NamedTuple

from zoo.licensing.rules.graph import LineageGraph, Node, Reached, Role
from zoo.licensing.rules.questions import Plan, Question, Source, Student, Use
from zoo.licensing.rules.treatment import Standpoint
from zoo.licensing.rules.vocabulary import Action, EdgeKind, NodeKind

PLANNED_NODE = Node(id="planned-student")


class Starts(NamedTuple):
    """The first steps of the walk, and from which standpoint texts are asked."""

    asker: Standpoint
    steps: tuple[Reached, ...]


def starting_points(question: Question, graph: LineageGraph) -> Starts:
    """Where to begin. A use that teaches or judges stands where the student would stand."""
    if isinstance(question, Plan):
        below = Reached(PLANNED_NODE, Role.OWN, 0, False, False, False, 0, None, None, None)
        return Starts(Standpoint(_release(question.facts.student)), tuple(_planned(question, graph, below)))
    node = graph.node(question.model)
    is_data = node.kind is NodeKind.DATASET
    if question.action is Action.DISTILL:
        teacher = _root(node, Role.TEACHER, 1, via=question.accessed_via)
        return Starts(Standpoint(_release(question.facts.student)), (teacher,))
    if question.action is Action.JUDGE:
        return Starts(Standpoint(()), (_root(node, Role.JUDGE, 0, via=question.accessed_via),))
    own = _root(node, Role.OWN, 0, in_data=is_data, via=question.accessed_via)
    return Starts(Standpoint((question.action,), of_dataset=is_data), (own,))


def name_asked_about(question: Question) -> str | None:
    """The name that name duties are tested against, if one is proposed."""
    if isinstance(question, Use) and question.proposed_name is not None:
        return question.proposed_name
    return question.facts.student.name


def _planned(plan: Plan, graph: LineageGraph, below: Reached) -> Iterator[Reached]:
    """In an order that does not depend on how the plan lists its parts."""
    kind = EdgeKind.MERGED_FROM if len(plan.bases) > 1 else EdgeKind.FINETUNED_FROM
    for base in sorted(plan.bases):
        yield _part(graph, Source(base), Role.BASE, 0, kind, below)
    for source in _sorted(plan.teachers):
        yield _part(graph, source, Role.TEACHER, 1, EdgeKind.DISTILLED_FROM, below)
    for source in _sorted(plan.data):
        yield _part(graph, source, Role.DATA, 0, EdgeKind.TRAINED_ON, below)
    for source in _sorted(plan.judges):
        yield _part(graph, source, Role.JUDGE, 0, EdgeKind.JUDGED_BY, below)


def _sorted(sources: tuple[Source, ...]) -> list[Source]:
    return sorted(sources, key=lambda source: source.id)


def _part(
    graph: LineageGraph, source: Source, role: Role, hops: int, edge: EdgeKind, below: Reached
) -> Reached:
    node = graph.node(source.id)
    return Reached(node, role, hops, role is Role.DATA, False, False, 1, edge, source.accessed_via, below)


def _root(node: Node, role: Role, hops: int, *, in_data: bool = False, via: str | None = None) -> Reached:
    return Reached(node, role, hops, in_data, False, False, 0, None, via, None)


def _release(student: Student) -> tuple[Action, ...]:
    """What happens to a planned student once it exists; when nobody says, both are asked."""
    if student.distributed is None:
        return (Action.RUN, Action.PUBLISH_DERIVATIVE)
    return (Action.PUBLISH_DERIVATIVE,) if student.distributed else (Action.RUN,)
