"""The answer as JSON, checklist and NOTICE; and which facts a guided form still asks for."""

import json

import pytest

from tests.unit.licensing.support import graph, lineage, node, words
from zoo.licensing import report
from zoo.licensing.documents import LineageDocument, QuestionDocument, UseDocument
from zoo.licensing.guidance import dates_of_photographs, open_facts
from zoo.licensing.library import rule_book
from zoo.licensing.rules.answer import Answer
from zoo.licensing.rules.engine import check
from zoo.licensing.rules.graph import Licenses, LineageGraph
from zoo.licensing.rules.schema import Text
from zoo.licensing.rules.vocabulary import FACT_KIND, FACT_WORDS, FLAGS, REGION_BY_SEAT
from zoo.licensing.uses import USES, facet_choices, facet_values

REDISTRIBUTED = {"use": {"model": "r1-distill-llama-70b", "action": "redistribute", "commercial": True}}


def asked(question: dict[str, object], over: LineageGraph | None = None) -> tuple[QuestionDocument, Answer]:
    document = QuestionDocument.model_validate(question)
    return document, check(document.question(rule_book()), over or lineage(), rule_book())


def test_the_json_has_the_fields_of_the_interface_and_says_it_is_no_advice() -> None:
    document, answer = asked(REDISTRIBUTED)
    found = report.to_json(
        answer, document, rule_book(), {"llama-3.3-70b-instruct": "meta-llama/Llama-3.3-70B-Instruct"}
    )
    assert json.loads(json.dumps(found)) == found
    assert {
        "model", "use", "profile", "verdict", "findings", "obligations", "unmet", "flags", "rules_version",
        "disclaimer",
    } <= set(found)  # fmt: skip
    assert "plan" not in found
    assert "not legal advice" in found["disclaimer"]
    copy = next(line for line in found["obligations"] if line["rule"] == "l33-copy@llama-3.3-70b-instruct")
    assert copy["node"] == "meta-llama/Llama-3.3-70B-Instruct"
    assert copy["path"] == [
        {"node": "r1-distill-llama-70b", "edge": None},
        {"node": "llama-3.3-70b-instruct", "edge": "finetuned_from"},
    ]
    assert (copy["clause"], copy["text_date"], copy["seen"]) == ("1.b.i(A)", "2024-12-06", "text")
    assert "not reviewed by counsel" in copy["verified"]


def test_every_line_names_rule_clause_path_address_date_and_reader() -> None:
    """Over an answer with bans, duties and flags of every kind."""
    for question in (
        {"use": {"model": "alpaca-7b", "action": "host", "commercial": True}},
        {"use": {"model": "supernova-medius", "action": "redistribute"}},
        {"use": {"model": "zephyr-7b-beta", "action": "host", "commercial": True}},
    ):
        document, answer = asked(question)
        found = report.to_json(answer, document, rule_book())
        for line in (*found["findings"], *found["obligations"], *found["flag_details"]):
            assert "@" in line["rule"], line
            assert line["path"][0]["edge"] is None, line
            if line["license_name"] and not line.get("flag", "").startswith("text-changed"):
                assert line["clause"] and line["url"] and line["text_dated"] and line["verified"], line


def test_a_flag_names_the_rule_that_stands_behind_it() -> None:
    document, answer = asked({"use": {"model": "zephyr-7b-beta", "action": "host", "commercial": True}})
    details = {flag["flag"]: flag for flag in report.to_json(answer, document, rule_book())["flag_details"]}
    upstream = details["upstream-contract@openai-gpt-3.5-turbo"]
    assert (upstream["rule"], upstream["clause"]) == ("oa-compete@openai-gpt-3.5-turbo", "3.3(e)")
    data = details["dataset-terms:CC-BY-NC-4.0@ultrachat-200k"]
    assert (data["rule"], data["clause"]) == ("nc@ultrachat-200k", "1(i), 2(a)(1)")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"date": "2024-07-23"}, "dated 23 July 2024"),
        ({"date": "2024-07", "dated_by": "release"}, "dated July 2024, the day of the release"),
        ({"date": "2019", "dated_by": "source"}, "dated 2019, as its keeper dates it"),
        (
            {"undated": "The text states no date.", "copied": "2026-01"},
            "the text states no date; copied in January 2026",
        ),
        ({}, "date unknown"),
    ],
)
def test_the_date_of_a_text_is_said_or_said_to_be_unknown(changes: dict[str, str], words: str) -> None:
    known = {"seen": "secondary", "source": "a copy", "read_on": "2026-01-01"}
    assert report.dated(Text.model_validate({**known, **changes})) == words


def test_a_plan_is_echoed_as_a_plan() -> None:
    document, answer = asked({"plan": {"base": "mistral-7b-v0.1", "student": {"distributed": True}}})
    found = report.to_json(answer, document, rule_book())
    assert found["model"] is None
    assert found["plan"]["base"] == ["mistral-7b-v0.1"]


def test_the_checklist_has_a_line_per_duty_with_its_clause() -> None:
    _, answer = asked(REDISTRIBUTED)
    lines = report.checklist(answer, rule_book()).splitlines()
    assert len(lines) == len(answer.obligations)
    assert any("1.b.iii" in line and line.startswith("[ ]") for line in lines)


def test_the_notice_holds_the_line_that_the_text_words() -> None:
    _, answer = asked(REDISTRIBUTED)
    notice = report.notice_text(answer, rule_book())
    assert "Llama 3.3 is licensed under the Llama 3.3 Community License" in notice
    assert "MIT License" in notice


def test_only_facts_that_can_still_change_the_answer_are_asked() -> None:
    _, open_question = asked({"use": {"model": "r1-distill-llama-70b", "action": "host"}})
    names = {fact.name for fact in open_facts(open_question, lineage(), rule_book())}
    assert names == {"mau_on_date", "end_user"}
    assert dates_of_photographs(open_question, rule_book()) == ("2024-12-06",)
    _, settled = asked({"use": {"model": "r1-distill-qwen-7b", "action": "run"}})
    assert open_facts(settled, lineage(), rule_book()) == ()


def test_a_fact_that_changes_nothing_any_more_is_not_asked() -> None:
    barred = graph([node("m", "CC-BY-NC-4.0", "stability-community")])
    _, answer = asked({"use": {"model": "m", "action": "host", "commercial": True}}, barred)
    names = {fact.name for fact in open_facts(answer, barred, rule_book())}
    assert "commercial" not in names


def test_the_purpose_is_asked_where_it_decides() -> None:
    _, answer = asked({"use": {"model": "lamini-flan-t5-248m", "action": "run"}})
    assert [fact.name for fact in open_facts(answer, lineage(), rule_book())] == ["commercial"]


def test_the_catalog_knows_every_value_of_the_verdict_facet() -> None:
    from zoo.catalog.search.parameters import CHOICES

    assert set(facet_choices()) == set(CHOICES["verdict"])
    values = facet_values({use.name: "unknown" for use in USES})
    assert sorted(values)[0] == "unknown"
    assert set(values) <= set(facet_choices())


def test_what_is_only_remembered_stands_beside_the_verdict() -> None:
    known = LineageDocument.model_validate(
        {
            "nodes": [
                {"id": "student", "declared": "MIT", "recalled": ["declared"]},
                {"id": "teacher", "declared": "MIT"},
            ],
            "edges": [{"child": "student", "kind": "distilled_from", "parent": "teacher", "recalled": True}],
        }
    )
    document, answer = asked({"use": {"model": "student", "action": "host"}}, known.graph(words()))
    found = report.to_json(answer, document, rule_book())
    assert found["verdict"] == "allowed"
    assert found["flags"] == ["license-recalled@student", "lineage-recalled@teacher"]
    assert found["caveat"] == (
        "Rests on memory: which license applies to student and the step of lineage that leads to teacher were "
        "recalled and not read in a source."
    )
    document, answer = asked(REDISTRIBUTED)
    assert report.to_json(answer, document, rule_book())["caveat"] == ""


def test_a_statement_of_the_hub_that_is_remembered_counts_only_where_nothing_better_is_said() -> None:
    remembered = frozenset({"hub_tag"})
    assert Licenses(hub_tag=(("MIT",),), recalled=remembered).recalled_on(None)
    assert not Licenses(declared=(("MIT",),), hub_tag=(("MIT",),), recalled=remembered).recalled_on(None)
    assert not Licenses(hub_tag=(("MIT",),), concluded=(("MIT",),), recalled=remembered).recalled_on(None)


def test_a_teacher_without_a_license_is_passed_over_aloud() -> None:
    _, answer = asked({"use": {"model": "mobilebert-uncased", "action": "host", "commercial": True}})
    assert [line for line in answer.assumptions if "ib-bert-large" in line and "same rights holder" in line]


def test_facts_that_belong_together_are_asked_together() -> None:
    _, answer = asked({"use": {"model": "openai-gpt-4o", "action": "distill", "commercial": True}})
    names = {fact.name for fact in open_facts(answer, lineage(), rule_book())}
    assert names == {"competes", "student.kind", "student.distributed"}


def test_a_judgment_that_was_given_is_not_asked_for_again() -> None:
    def reason(**facts: object) -> str:
        use = {"model": "openai-gpt-4o", "action": "distill", "commercial": True, **facts}
        _, answer = asked({"use": use})
        return next(finding.reason for finding in answer.findings if finding.rule_id == "oa-compete")

    assert "somebody has to judge" in reason()
    assert "somebody has to judge" not in reason(competes=True)
    assert "depends on whether the student is distributed or sold; what kind" in reason(competes=True)
    assert reason(competes=True, student={"kind": "general"}).endswith("compete with the provider.")


def test_duties_and_notes_are_told_in_sentences_with_the_ids_beside_them() -> None:
    document, answer = asked({"use": {"model": "r1-distill-llama-70b", "action": "host", "commercial": True}})
    found = report.to_json(answer, document, rule_book())
    confirm = next(line for line in found["obligations"] if line["duty"] == "confirm:l33-mau")
    assert confirm["words"] == "Confirm that this does not apply to you"
    assert "l33-mau" not in report.checklist(answer, rule_book())
    assert "700 million" in report.checklist(answer, rule_book())
    told = {line["flag"]: line for line in found["flag_details"]}
    assert told["contested@deepseek-r1"]["words"] == "Somebody disputes how it was made"
    assert "misses Llama 3.3 Community License Agreement." in told["tag-mismatch"]["reason"]


def test_every_kind_of_flag_has_words() -> None:
    assert set(report.FLAG_WORDS) == FLAGS
    assert set(FACT_WORDS) == set(FACT_KIND)


def test_the_region_means_what_the_reading_choice_says_wherever_it_is_documented() -> None:
    """REST and the command line word it once and for all: a choice that is turned round has to turn them too."""
    assert rule_book().holds("eu-test-is-place-of-business")
    assert UseDocument.model_fields["region"].description == REGION_BY_SEAT
