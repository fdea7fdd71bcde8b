"""The corners of the engine that neither the cases nor the properties are sure to reach."""

import datetime as dt

import pytest
from pydantic import ValidationError

from tests.unit.licensing.support import api, dataset, graph, lineage, node
from tests.unit.licensing.test_data import license_file
from zoo.licensing.library import rule_book
from zoo.licensing.rules.bulk import verdicts
from zoo.licensing.rules.engine import check
from zoo.licensing.rules.graph import Edge, LineageGraph
from zoo.licensing.rules.questions import Facts, Plan, Source, Student, Use
from zoo.licensing.rules.schema import LicenseFile
from zoo.licensing.rules.vocabulary import Action, EdgeKind, Profile, Verdict
from zoo.licensing.uses import USES

SELL = Use("", Action.HOST, Facts(commercial=True))


def together_and_alone(over: LineageGraph, name: str = "m") -> tuple[Verdict, Verdict]:
    briefs = dict(verdicts(over, rule_book(), {"sell": SELL}, [name]))[name]
    return briefs["sell"].verdict, check(Use(name, SELL.action, SELL.facts), over, rule_book()).verdict


def test_a_cycle_is_judged_model_by_model() -> None:
    circle = graph(
        [node("m", "MIT"), node("a", "MIT")], ("m", "finetuned_from", "a"), ("a", "finetuned_from", "m")
    )
    assert together_and_alone(circle) == (Verdict.UNKNOWN, Verdict.UNKNOWN)


def test_hosts_and_judges_are_seen_by_both_ways_of_judging() -> None:
    for kind in (EdgeKind.DISTILLED_FROM, EdgeKind.JUDGED_BY, EdgeKind.FINETUNED_FROM):
        hosted = LineageGraph.of(
            [node("m", "MIT"), node("t", "MIT")], [Edge("m", "t", kind, "liquid-ai-terms")]
        )
        one, other = together_and_alone(hosted)
        assert one is other


@pytest.mark.parametrize("use", USES, ids=[use.name for use in USES])
def test_every_model_of_the_extract_is_judged_alike_both_ways(use: object) -> None:
    names = list(lineage().nodes)
    question = use.question  # type: ignore[attr-defined]
    found = dict(verdicts(lineage(), rule_book(), {"asked": question}, names, Profile.STRICT))
    for name in names:
        asked = Use(name, question.action, question.facts)
        assert found[name]["asked"].verdict is check(asked, lineage(), rule_book(), Profile.STRICT).verdict


def test_a_judge_of_a_plan_is_asked_about_judging() -> None:
    over = graph([node("m", "MIT"), api("j", "anthropic-commercial"), node("o", "llama-2-community")])
    student = Student(family="own", is_llm=True, distributed=True)
    for judge, rule in (("j", "an-compete@j"), ("o", "l2-improve@o")):
        plan = Plan(bases=("m",), judges=(Source(judge),), facts=Facts(student=student, competes=True))
        answer = check(plan, over, rule_book())
        assert (answer.verdict, rule in {f.rule for f in answer.findings}) == (Verdict.PROHIBITED, True)


def test_a_judge_taught_by_another_model_is_a_second_step() -> None:
    over = graph([node("j", "MIT"), node("t", "llama-2-community")], ("j", "distilled_from", "t"))
    answer = check(Use("j", Action.JUDGE, Facts(commercial=True)), over, rule_book())
    assert "second-generation@t" in {flag.id for flag in answer.flags}


def test_an_upstream_text_of_an_unread_day_is_still_a_contract() -> None:
    data = dataset("d", "MIT", generated_on=dt.date(2021, 1, 1))
    over = graph(
        [node("m", "MIT"), data, api("gpt", "openai-services-agreement")],
        ("m", "trained_on", "d"),
        ("d", "generated_by", "gpt"),
    )
    answer = check(Use("m", Action.RUN, Facts(commercial=True)), over, rule_book())
    assert "upstream-contract@gpt" in {flag.id for flag in answer.flags}


def test_a_data_set_under_terms_of_a_service_is_an_upstream_contract() -> None:
    over = graph([node("m", "MIT"), dataset("d", "openai-services-agreement")], ("m", "trained_on", "d"))
    answer = check(Use("m", Action.RUN, Facts(commercial=True)), over, rule_book())
    assert "upstream-contract@d" in {flag.id for flag in answer.flags}


def test_data_under_an_unlisted_license_is_a_flag_with_its_name() -> None:
    over = graph([node("m", "MIT"), dataset("d", "Odd-1.0")], ("m", "trained_on", "d"))
    answer = check(Use("m", Action.RUN, Facts(commercial=True)), over, rule_book())
    assert "dataset-terms:Odd-1.0@d" in {flag.id for flag in answer.flags}


def test_a_teacher_under_an_unlisted_license_is_unknown() -> None:
    over = graph([node("m", "MIT"), node("t", "Odd-1.0")], ("m", "distilled_from", "t"))
    answer = check(Use("m", Action.RUN, Facts(commercial=True)), over, rule_book())
    assert (answer.verdict, answer.findings[0].rule) == (Verdict.UNKNOWN, "unknown-teacher-license@t")


def test_an_exception_that_is_open_makes_silence_unknown_too() -> None:
    over = graph([api("t", "anthropic-commercial")])
    plan = Plan(teachers=(Source("t"),), facts=Facts(student=Student(distributed=False), authorised=False))
    rules = {finding.rule_id for finding in check(plan, over, rule_book()).findings}
    assert {"an-aup", "silent-distill"} <= rules


def test_a_service_that_is_silent_about_a_use_is_unknown() -> None:
    over = graph([api("chat", "mistral-le-chat")])
    plan = Plan(teachers=(Source("chat"),), facts=Facts(student=Student(distributed=True), competes=False))
    answer = check(plan, over, rule_book())
    assert (answer.verdict, answer.findings[0].rule) == (Verdict.UNKNOWN, "silent-distill@chat")
    assert "request-exclude-web-search-outputs@chat" in {flag.id for flag in answer.flags}


def test_a_graph_of_nothing_has_no_cycles_and_only_unknown_nodes() -> None:
    empty = graph([])
    assert empty.on_cycles == frozenset()
    assert empty.node("x").known is False


def test_a_text_that_was_read_names_its_copy() -> None:
    with pytest.raises(ValidationError):
        LicenseFile.model_validate(
            license_file(text={"seen": "text", "source": "", "read_on": dt.date(2026, 1, 1)})
        )
