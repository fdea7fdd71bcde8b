"""Properties over random lineages: more parents never help, order does not matter, what is unknown never allows."""

import datetime as dt
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.licensing.library import rule_book
from zoo.licensing.rules.bulk import verdicts
from zoo.licensing.rules.engine import check
from zoo.licensing.rules.graph import Edge, Licenses, LineageGraph, Node
from zoo.licensing.rules.questions import Facts, Plan, Question, Source, Student, Use
from zoo.licensing.rules.vocabulary import Action, EdgeKind, NodeKind, Profile, Verdict

KEYS = sorted(rule_book().licenses)
PHOTOGRAPHS = [
    dt.date(2023, 7, 18),
    dt.date(2024, 4, 18),
    dt.date(2024, 7, 23),
    dt.date(2024, 12, 6),
    dt.date(2025, 4, 5),
]
SIZE = 7

terms = st.one_of(
    st.just(()),
    st.sampled_from(KEYS).map(lambda key: ((key,),)),
    st.tuples(st.sampled_from(KEYS), st.sampled_from(KEYS)).map(lambda pair: (pair,)),
    st.just((("No-Such-License",),)),
)
maybe = st.one_of(st.none(), st.booleans())
people = st.one_of(st.none(), st.sampled_from([10, 200_000_000, 900_000_000]))
students = st.builds(
    Student,
    family=st.sampled_from([None, "own", "llama-2", "qwen"]),
    is_llm=maybe,
    kind=st.sampled_from([None, "general", "generative", "classifier"]),
    distributed=maybe,
)
facts = st.builds(
    Facts,
    commercial=maybe,
    mau=people,
    mau_on_date=st.dictionaries(st.sampled_from(PHOTOGRAPHS), st.sampled_from([10, 900_000_000]), max_size=3),
    revenue=st.sampled_from([None, 1000, 10_000_000_000]),
    region=st.sampled_from([None, "US", "EU", "FR"]),
    field=st.sampled_from([None, "medical", "military", "gardening"]),
    end_user=maybe,
    competes=maybe,
    authorised=maybe,
    outputs_published=maybe,
    student=students,
)


@st.composite
def lineages(draw: st.DrawFn) -> tuple[list[Node], list[Edge]]:
    """Node n0 is asked about; edges lead to higher numbers, so there are no cycles."""
    nodes = [
        Node(
            f"n{index}",
            kind=draw(st.sampled_from([NodeKind.MODEL, NodeKind.MODEL, NodeKind.DATASET, NodeKind.API])),
            licensor=draw(st.sampled_from([None, "a", "b"])),
            licenses=Licenses(declared=draw(terms)),
            multimodal=draw(maybe),
        )
        for index in range(SIZE)
    ]
    pairs = [(child, parent) for child in range(SIZE) for parent in range(child + 1, SIZE)]
    chosen = draw(st.lists(st.sampled_from(pairs), max_size=10, unique=True))
    kinds = st.sampled_from(list(EdgeKind))
    return nodes, [Edge(f"n{child}", f"n{parent}", draw(kinds)) for child, parent in chosen]


questions = st.one_of(
    st.builds(Use, st.just("n0"), st.sampled_from(list(Action)), facts),
    st.builds(
        Plan,
        bases=st.lists(st.sampled_from(["n0", "n1", "n2"]), unique=True, max_size=2).map(tuple),
        teachers=st.lists(st.sampled_from(["n1", "n3"]).map(Source), unique=True, max_size=2).map(tuple),
        data=st.lists(st.sampled_from(["n2", "n4"]).map(Source), unique=True, max_size=1).map(tuple),
        facts=facts,
    ),
)
quick = settings(max_examples=60, deadline=None, derandomize=True)


def judged(
    question: Question, nodes: list[Node], edges: list[Edge], profile: Profile = Profile.STANDARD
) -> Verdict:
    return check(question, LineageGraph.of(nodes, edges), rule_book(), profile).verdict


@quick
@given(lineages(), questions, st.sampled_from(list(EdgeKind)), terms, st.integers(0, SIZE - 1))
def test_another_parent_never_makes_a_verdict_more_permissive(
    lineage: tuple[list[Node], list[Edge]],
    question: Question,
    kind: EdgeKind,
    added: tuple[tuple[str, ...], ...],
    child: int,
) -> None:
    nodes, edges = lineage
    parent = Node("added", licensor="somebody else", licenses=Licenses(declared=added))
    before = judged(excepting_nothing(question), nodes, edges)
    after = judged(excepting_nothing(question), [*nodes, parent], [*edges, Edge(f"n{child}", "added", kind)])
    assert after >= before


def excepting_nothing(question: Question) -> Question:
    """Weights of an excepted family do permit more, by the text's own exception; leave that exception out."""
    return replace(question, bases=()) if isinstance(question, Plan) else question


@quick
@given(lineages(), questions, st.data())
def test_an_owner_who_relicenses_a_work_never_makes_a_verdict_less_permissive(
    lineage: tuple[list[Node], list[Edge]], question: Question, data: st.DataObject
) -> None:
    nodes, edges = lineage
    apart = [replace(node, licensor=f"owner of {node.id}") for node in nodes]
    ends = data.draw(st.sampled_from(edges)) if edges else Edge("n0", "n1", EdgeKind.FINETUNED_FROM)
    together = [
        replace(node, licensor="one owner") if node.id in (ends.child, ends.parent) else node
        for node in apart
    ]
    assert judged(question, together, edges) <= judged(question, apart, edges)


@quick
@given(lineages(), questions, st.randoms(use_true_random=False))
def test_the_order_of_parents_does_not_matter(
    lineage: tuple[list[Node], list[Edge]], question: Question, random: object
) -> None:
    nodes, edges = lineage
    shuffled_nodes, shuffled_edges = list(nodes), list(edges)
    random.shuffle(shuffled_nodes)  # type: ignore[attr-defined]
    random.shuffle(shuffled_edges)  # type: ignore[attr-defined]
    one = check(question, LineageGraph.of(nodes, edges), rule_book())
    other = check(question, LineageGraph.of(shuffled_nodes, shuffled_edges), rule_book())
    assert one.verdict is other.verdict
    assert {finding.rule for finding in one.findings} == {finding.rule for finding in other.findings}
    assert one.unmet == other.unmet
    assert [flag.id for flag in one.flags] == [flag.id for flag in other.flags]


FORGETTABLE = [
    "commercial", "mau", "revenue", "region", "competes", "authorised", "end_user", "outputs_published",
    "student.is_llm", "student.kind", "student.distributed",
]  # fmt: skip


@quick
@given(lineages(), questions, st.sampled_from(FORGETTABLE))
def test_a_fact_that_is_not_known_never_allows_what_some_value_of_it_would_not(
    lineage: tuple[list[Node], list[Edge]], question: Question, name: str
) -> None:
    from zoo.licensing.rules.questions import with_fact

    nodes, edges = lineage
    if judged(with_fact(question, name, None), nodes, edges) is not Verdict.ALLOWED:
        return
    values = {
        "mau": [10, 10**9],
        "revenue": [1, 10**10],
        "region": ["EU", "US"],
        "student.kind": ["general", "classifier"],
    }
    for value in values.get(name, [True, False]):
        assert judged(with_fact(question, name, value), nodes, edges) is Verdict.ALLOWED


@quick
@given(lineages(), questions)
def test_strict_is_never_more_permissive_than_standard(
    lineage: tuple[list[Node], list[Edge]], question: Question
) -> None:
    nodes, edges = lineage
    assert judged(question, nodes, edges, Profile.STRICT) >= judged(question, nodes, edges)


@quick
@given(lineages(), questions)
def test_allowed_means_that_no_duty_is_triggered_and_nothing_above_is_unknown(
    lineage: tuple[list[Node], list[Edge]], question: Question
) -> None:
    nodes, edges = lineage
    answer = check(question, LineageGraph.of(nodes, edges), rule_book())
    if answer.verdict is Verdict.ALLOWED:
        assert answer.obligations == ()
        assert answer.findings
    assert answer.verdict is max((finding.verdict for finding in answer.findings), default=Verdict.UNKNOWN)


@quick
@given(lineages(), facts, st.sampled_from([Action.RUN, Action.HOST, Action.REDISTRIBUTE, Action.DISTILL]))
def test_many_at_once_are_judged_as_each_alone(
    lineage: tuple[list[Node], list[Edge]], circumstances: Facts, action: Action
) -> None:
    nodes, edges = lineage
    graph = LineageGraph.of(nodes, edges)
    names = [node.id for node in nodes]
    together = dict(verdicts(graph, rule_book(), {"asked": Use("", action, circumstances)}, names))
    for name in names:
        alone = check(Use(name, action, circumstances), graph, rule_book())
        assert together[name]["asked"].verdict is alone.verdict
