"""What the golden cases do not single out: cycles, choices between licenses, owners, hosts, dates, conflicts."""

import datetime as dt

import pytest

from tests.unit.licensing.support import api, dataset, graph, node
from zoo.licensing.library import rule_book
from zoo.licensing.rules.answer import Answer
from zoo.licensing.rules.engine import check
from zoo.licensing.rules.graph import DatedTerms, Edge, Licenses, LineageGraph, Node, Period
from zoo.licensing.rules.questions import Facts, Plan, Source, Student, Use
from zoo.licensing.rules.vocabulary import Action, EdgeKind, NodeKind, Profile, Verdict

COMMERCIAL = Facts(commercial=True)
PUBLISHED = Student(family="own", is_llm=True, distributed=True)


def use(lineage: LineageGraph, action: Action, facts: Facts = COMMERCIAL, **more: object) -> Answer:
    return check(Use("m", action, facts, **more), lineage, rule_book())  # type: ignore[arg-type]


def rules(answer: Answer) -> set[str]:
    return {finding.rule for finding in answer.findings}


def flags(answer: Answer) -> set[str]:
    return {flag.id for flag in answer.flags}


@pytest.mark.parametrize("kind", [kind.value for kind in EdgeKind])
def test_a_cycle_is_unknown_whatever_edges_make_it(kind: str) -> None:
    circle = graph(
        [node("m", "MIT"), node("a", "MIT"), node("b", "MIT")],
        ("m", kind, "a"),
        ("a", kind, "b"),
        ("b", kind, "a"),
    )
    answer = use(circle, Action.RUN)
    assert answer.verdict is Verdict.UNKNOWN
    assert {"cycle@a", "cycle@b"} <= rules(answer)


def test_a_cycle_elsewhere_in_the_catalog_is_nobody_elses_matter() -> None:
    lineage = graph(
        [node("m", "MIT"), node("a", "MIT"), node("b", "MIT")],
        ("a", "trained_on", "b"),
        ("b", "trained_on", "a"),
    )
    assert use(lineage, Action.RUN).verdict is Verdict.ALLOWED


def test_an_unlisted_license_is_unknown_and_names_its_neighbors() -> None:
    answer = use(graph([node("m", "Apache-2.1")]), Action.RUN)
    assert answer.verdict is Verdict.UNKNOWN
    assert rules(answer) == {"unlisted-license@m"}
    assert "Apache-2.0" in answer.findings[0].reason


def test_a_model_that_nobody_recorded_is_unknown() -> None:
    answer = use(graph([]), Action.RUN)
    assert (answer.verdict, rules(answer)) == (Verdict.UNKNOWN, {"unknown-parent@m"})


def test_of_a_choice_of_licenses_the_mildest_is_taken_and_said() -> None:
    either = Node("m", licenses=Licenses(declared=(("CC-BY-NC-4.0",), ("MIT",))))
    answer = use(graph([either]), Action.HOST)
    assert answer.verdict is Verdict.ALLOWED
    assert answer.assumptions == ("Of the choice CC-BY-NC-4.0 OR MIT at m, MIT is taken.",)


def test_an_unlisted_alternative_is_never_the_milder_one() -> None:
    either = Node("m", licenses=Licenses(declared=(("CC-BY-NC-4.0",), ("Nobody-1.0",))))
    assert use(graph([either]), Action.HOST).verdict is Verdict.UNKNOWN


def test_licenses_joined_by_and_all_apply() -> None:
    assert use(graph([node("m", "MIT", "CC-BY-NC-4.0")]), Action.HOST).verdict is Verdict.PROHIBITED


@pytest.mark.parametrize(
    "kind",
    ["initialized_from", "finetuned_from", "pruned_from", "quantized_from", "merged_from", "adapter_of"],
)
def test_every_weights_edge_carries_the_whole_license(kind: str) -> None:
    lineage = graph([node("m", "MIT"), node("base", "CC-BY-NC-4.0")], ("m", kind, "base"))
    assert "nc@base" in rules(use(lineage, Action.HOST))


def test_an_owner_relicenses_its_own_work_and_not_what_lies_above() -> None:
    lineage = graph(
        [
            node("m", "MIT", licensor="a"),
            node("own", "CC-BY-NC-4.0", licensor="a"),
            node("far", "Apache-2.0", licensor="b"),
        ],
        ("m", "finetuned_from", "own"),
        ("own", "finetuned_from", "far"),
    )
    answer = use(lineage, Action.REDISTRIBUTE)
    assert answer.verdict is Verdict.CONDITIONS
    assert "apache-copy@far" in rules(answer)
    assert not any(rule.endswith("@own") for rule in rules(answer))


def test_two_unknown_owners_are_not_the_same_owner() -> None:
    lineage = graph([node("m", "MIT"), node("base", "CC-BY-NC-4.0")], ("m", "finetuned_from", "base"))
    assert use(lineage, Action.HOST).verdict is Verdict.PROHIBITED


def test_a_teacher_without_a_license_leaves_its_students_unknown() -> None:
    answer = use(graph([node("m", "MIT"), node("t")], ("m", "distilled_from", "t")), Action.RUN)
    assert answer.verdict is Verdict.UNKNOWN
    assert "unknown-teacher-license@t" in flags(answer)


def test_training_data_without_terms_is_a_flag_and_unknown_when_strict() -> None:
    lineage = graph([node("m", "MIT"), dataset("d")], ("m", "trained_on", "d"))
    assert use(lineage, Action.RUN).verdict is Verdict.ALLOWED
    assert "dataset-terms:none@d" in flags(use(lineage, Action.RUN))
    assert (
        check(Use("m", Action.RUN, COMMERCIAL), lineage, rule_book(), Profile.STRICT).verdict
        is Verdict.UNKNOWN
    )


def test_strict_passes_over_data_terms_that_would_ask_nothing() -> None:
    lineage = graph([node("m", "MIT"), dataset("d", "CC-BY-4.0")], ("m", "trained_on", "d"))
    assert (
        check(Use("m", Action.RUN, COMMERCIAL), lineage, rule_book(), Profile.STRICT).verdict
        is Verdict.ALLOWED
    )
    passed_on = Use("m", Action.REDISTRIBUTE, COMMERCIAL)
    assert check(passed_on, lineage, rule_book(), Profile.STRICT).verdict is Verdict.UNKNOWN


def test_the_data_of_a_teacher_does_not_reach_the_student() -> None:
    lineage = graph(
        [node("m", "MIT"), node("t", "MIT"), dataset("d", "CC-BY-NC-4.0")],
        ("m", "distilled_from", "t"),
        ("t", "trained_on", "d"),
    )
    assert not any(flag.startswith("dataset-terms") for flag in flags(use(lineage, Action.HOST)))


def test_data_written_by_a_model_counts_as_its_outputs() -> None:
    lineage = graph(
        [node("m", "MIT"), dataset("d", "MIT"), node("gemma", "gemma-terms")],
        ("m", "trained_on", "d"),
        ("d", "generated_by", "gemma"),
    )
    answer = use(lineage, Action.HOST)
    assert "gem-pass@gemma" in rules(answer)
    finding = next(finding for finding in answer.findings if finding.rule == "gem-pass@gemma")
    assert finding.derivative_clause == "1.1(e)(iii)"
    assert [step for step, _ in finding.path] == ["m", "d", "gemma"]


def test_the_data_set_itself_is_no_derivative_of_the_model_that_wrote_it() -> None:
    lineage = graph([dataset("m", "MIT"), node("gemma", "gemma-terms")], ("m", "generated_by", "gemma"))
    assert not any(rule.endswith("@gemma") for rule in rules(use(lineage, Action.REDISTRIBUTE)))


@pytest.mark.parametrize(
    ("key", "claims"), [("gemma-terms", True), ("hyperclova-x-seed", True), ("deepseek-model-1.0", False)]
)
def test_a_second_step_of_outputs_counts_only_where_the_text_says_so(key: str, claims: bool) -> None:
    lineage = graph(
        [node("m", "MIT"), node("s", "MIT"), node("t", key)],
        ("m", "distilled_from", "s"),
        ("s", "distilled_from", "t"),
    )
    answer = use(lineage, Action.RUN)
    assert any(rule.endswith("@t") for rule in rules(answer)) is claims
    assert ("second-generation@t" in flags(answer)) is not claims


def test_a_judge_leaves_a_flag_and_nothing_else() -> None:
    lineage = graph([node("m", "MIT"), api("j", "anthropic-commercial")], ("m", "judged_by", "j"))
    answer = use(lineage, Action.HOST)
    assert (answer.verdict, flags(answer) & {"judged-by@j"}) == (Verdict.ALLOWED, {"judged-by@j"})


def test_open_weights_behind_a_host_carry_two_texts() -> None:
    lineage = graph([node("t", "MIT")])
    student = Student(family="own", is_llm=True, distributed=True)
    plan = Plan(teachers=(Source("t", "liquid-ai-terms"),), facts=Facts(student=student))
    answer = check(plan, lineage, rule_book())
    assert (answer.verdict, "lq-train@t" in rules(answer)) == (Verdict.PROHIBITED, True)


def test_a_host_on_an_edge_is_an_upstream_contract_of_the_maker() -> None:
    lineage = LineageGraph.of(
        [node("m", "MIT"), node("t", "MIT")], [Edge("m", "t", EdgeKind.DISTILLED_FROM, "together-ai-terms")]
    )
    assert "upstream-contract@t" in flags(use(lineage, Action.HOST))


@pytest.mark.parametrize(
    ("day", "text"), [("2023-05-01", "openai-tou-2023-03-14"), ("2025-07-01", "openai-services-agreement")]
)
def test_terms_are_pinned_to_the_day_the_data_was_made(day: str, text: str) -> None:
    lineage = graph(
        [
            node("m", "MIT"),
            dataset("d", "MIT", generated_on=dt.date.fromisoformat(day)),
            api("gpt", "openai-services-agreement"),
        ],
        ("m", "trained_on", "d"),
        ("d", "generated_by", "gpt"),
    )
    answer = use(lineage, Action.HOST)
    flag = next(flag for flag in answer.flags if flag.id == "upstream-contract@gpt")
    assert flag.license == text
    assert "text-changed@gpt" not in flags(answer)


def dated_edge(first: str, last: str, kind: EdgeKind = EdgeKind.DISTILLED_FROM) -> LineageGraph:
    made = Period(dt.date.fromisoformat(first), dt.date.fromisoformat(last))
    nodes = [node("m", "MIT"), api("gpt", "openai-services-agreement")]
    return LineageGraph.of(nodes, [Edge("m", "gpt", kind, made=made)])


def test_an_edge_that_says_when_its_outputs_were_made_pins_the_terms() -> None:
    answer = use(dated_edge("2023-03-01", "2023-03-31"), Action.HOST)
    flag = next(flag for flag in answer.flags if flag.id == "upstream-contract@gpt")
    assert (flag.license, flag.rule, flag.clause) == (
        "openai-tou-2023-03-14", "oa23-compete@gpt", "2(c)(iii)",
    )  # fmt: skip
    assert "between 2023-03-01 and 2023-03-31" in flag.reason
    assert "text-changed@gpt" not in flags(answer)


def test_every_version_in_force_while_the_outputs_were_made_is_named() -> None:
    answer = use(dated_edge("2024-12-01", "2024-12-31"), Action.HOST)
    flag = next(flag for flag in answer.flags if flag.id == "upstream-contract@gpt")
    assert "31 January 2024" in flag.reason
    assert "11 December 2024" in flag.reason


def test_outputs_from_before_any_text_on_record_are_said_to_be_so() -> None:
    answer = use(dated_edge("2022-12-01", "2022-12-31"), Action.HOST)
    flag = next(flag for flag in answer.flags if flag.id == "upstream-contract@gpt")
    assert flag.reason.startswith("None of the versions")


def test_the_day_asked_about_is_that_of_the_new_outputs_and_not_of_the_teachers_own_data() -> None:
    lineage = dated_edge("2023-03-01", "2023-03-31")
    asked = Use("m", Action.DISTILL, Facts(student=PUBLISHED), generated_on=dt.date(2026, 3, 1))
    answer = check(asked, lineage, rule_book())
    flag = next(flag for flag in answer.flags if flag.id == "upstream-contract@gpt")
    assert flag.license == "openai-tou-2023-03-14"


@pytest.mark.parametrize("action", [Action.HOST, Action.DISTILL, Action.JUDGE])
def test_a_model_that_a_host_serves_has_the_hosts_terms_too(action: Action) -> None:
    lineage = graph([node("m", "MIT")])
    facts = Facts(commercial=True, competes=False, student=PUBLISHED)
    alone = check(Use("m", action, facts), lineage, rule_book())
    hosted = check(Use("m", action, facts, accessed_via="liquid-ai-terms"), lineage, rule_book())
    assert {finding.license for finding in alone.findings} == {"MIT"}
    assert {finding.license for finding in hosted.findings} == {"MIT", "liquid-ai-terms"}
    assert (alone.verdict, hosted.verdict > Verdict.CONDITIONS) == (Verdict.ALLOWED, True)


def test_an_undated_upstream_says_that_the_terms_have_changed() -> None:
    lineage = graph(
        [node("m", "MIT"), api("gpt", "openai-services-agreement")], ("m", "distilled_from", "gpt")
    )
    assert "text-changed@gpt" in flags(use(lineage, Action.HOST))


def test_a_recalled_text_decides_nothing_in_either_direction() -> None:
    lineage = graph([node("m", "mrl-0.1")])
    for facts in (Facts(commercial=True), Facts(commercial=False)):
        answer = use(lineage, Action.RUN, facts)
        assert answer.verdict is Verdict.UNKNOWN
        assert answer.obligations == ()
        assert "rule-unverified@m" in flags(answer)


def test_share_alike_beside_terms_it_does_not_let_in_is_unknown() -> None:
    lineage = graph([node("a", "CC-BY-SA-4.0"), node("b", "llama-3.1-community")])
    student = Student(family="mix", is_llm=True, distributed=True)
    answer = check(
        Plan(bases=("a", "b"), facts=Facts(student=student, commercial=True)), lineage, rule_book()
    )
    assert answer.verdict is Verdict.UNKNOWN
    assert "same-license-conflict@a" in rules(answer)


def test_share_alike_beside_notices_is_a_duty_and_no_conflict() -> None:
    lineage = graph([node("a", "GPL-3.0-only"), node("b", "Apache-2.0")])
    student = Student(family="mix", is_llm=True, distributed=True)
    answer = check(
        Plan(bases=("a", "b"), facts=Facts(student=student, commercial=True)), lineage, rule_book()
    )
    assert (answer.verdict, "same-license" in {o.duty for o in answer.obligations}) == (
        Verdict.CONDITIONS,
        True,
    )


def test_the_publisher_and_the_tag_are_kept_apart() -> None:
    tagged = Node("m", licenses=Licenses(declared=(("CC-BY-NC-4.0",),), hub_tag=(("MIT",),)))
    answer = use(graph([tagged]), Action.HOST)
    assert (answer.verdict, "tag-mismatch" in flags(answer)) == (Verdict.PROHIBITED, True)
    concluded = Node("m", licenses=Licenses(declared=(("MIT",),), concluded=(("CC-BY-NC-4.0",),)))
    assert use(graph([concluded]), Action.HOST).verdict is Verdict.PROHIBITED


def test_a_tag_that_says_it_all_is_no_mismatch() -> None:
    lineage = graph([node("m", "Apache-2.0"), node("b", "Apache-2.0")], ("m", "finetuned_from", "b"))
    assert "tag-mismatch" not in flags(use(lineage, Action.REDISTRIBUTE))


def test_a_revision_date_picks_the_text_of_its_day() -> None:
    history = (DatedTerms(None, (("MIT",),)), DatedTerms(dt.date(2025, 1, 1), (("CC-BY-NC-4.0",),)))
    changed = Node("m", licenses=Licenses(declared=(("CC-BY-NC-4.0",),), history=history))
    assert use(graph([changed]), Action.HOST, revision_date=dt.date(2024, 6, 1)).verdict is Verdict.ALLOWED
    assert use(graph([changed]), Action.HOST, revision_date=dt.date(2025, 6, 1)).verdict is Verdict.PROHIBITED
    assert "revision-changed@m" in flags(use(graph([changed]), Action.HOST))


def test_a_contested_origin_never_changes_a_verdict() -> None:
    plain, contested = (graph([node("m", "MIT", contested=value)]) for value in (False, True))
    assert use(plain, Action.HOST).verdict is use(contested, Action.HOST).verdict
    assert flags(use(contested, Action.HOST)) == {"contested@m"}


def test_every_line_can_be_followed_to_its_clause() -> None:
    lineage = graph([node("m", "MIT"), node("b", "llama-3.3-community")], ("m", "finetuned_from", "b"))
    answer = use(lineage, Action.REDISTRIBUTE)
    assert answer.rules_version == rule_book().version
    for finding in answer.findings:
        assert finding.reason
        assert finding.clause
        assert finding.license is not None
        assert finding.path[0][0] == "m"
        assert finding.path[-1][0] == finding.node


def test_the_standing_of_an_end_user_is_presumed_absent_and_said() -> None:
    lineage = graph([node("m", "llama-3.3-community")])
    answer = use(lineage, Action.RUN, Facts(commercial=True, mau_on_date={dt.date(2024, 12, 6): 800_000_000}))
    finding = next(finding for finding in answer.findings if finding.rule_id == "l33-mau")
    assert (finding.verdict, finding.assumed) == (Verdict.PROHIBITED, ("end_user",))


def test_unknown_multimodality_with_a_known_region_is_unknown() -> None:
    lineage = graph([node("m", "llama-4-community")])
    assert use(lineage, Action.HOST, Facts(commercial=True, region="FR")).verdict is Verdict.UNKNOWN
    assert (
        use(lineage, Action.HOST, Facts(commercial=True, region="FR", multimodal=False)).verdict
        is Verdict.CONDITIONS
    )


def test_a_plan_for_data_of_an_open_model_keeps_the_ban_with_whoever_made_the_data() -> None:
    lineage = graph(
        [dataset("d", "MIT"), node("t", "llama-2-community", kind=NodeKind.MODEL)], ("d", "generated_by", "t")
    )
    student = Student(family="own", is_llm=True, distributed=True)
    answer = check(
        Plan(data=(Source("d"),), facts=Facts(student=student, commercial=True)), lineage, rule_book()
    )
    assert "maker-duty:l2-improve@t" in flags(answer)
