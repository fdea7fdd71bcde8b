"""The answer as JSON, checklist and NOTICE; and which facts a guided form still asks for."""

import json

from tests.unit.licensing.support import graph, lineage, node
from zoo.licensing import report
from zoo.licensing.documents import QuestionDocument
from zoo.licensing.guidance import dates_of_photographs, open_facts
from zoo.licensing.library import rule_book
from zoo.licensing.rules.answer import Answer
from zoo.licensing.rules.engine import check
from zoo.licensing.rules.graph import LineageGraph
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
