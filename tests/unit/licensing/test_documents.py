"""Questions from outside: what is accepted, and that nothing misspelled is silently dropped."""

import datetime as dt
from typing import Any

import pytest
from pydantic import ValidationError

from tests.unit.licensing.support import words
from zoo.licensing.documents import LineageDocument, QuestionDocument
from zoo.licensing.library import rule_book
from zoo.licensing.rules.names import begins_with, clash
from zoo.licensing.rules.questions import Plan, Use


def test_a_use_is_read_with_dates_from_json_or_yaml() -> None:
    for day in ("2024-12-06", dt.date(2024, 12, 6)):
        document = QuestionDocument.model_validate(
            {"use": {"model": "m", "action": "host", "mau_on_date": {day: 5}}}
        )
        question = document.question(rule_book())
        assert isinstance(question, Use)
        assert question.facts.mau_on_date == {dt.date(2024, 12, 6): 5}


def test_a_plan_takes_one_base_or_many_and_teachers_behind_a_host() -> None:
    document = QuestionDocument.model_validate(
        {"plan": {"base": "b", "teachers": ["t", {"model": "u", "accessed_via": "together-ai-terms"}]}}
    )
    question = document.question(rule_book())
    assert isinstance(question, Plan)
    assert question.bases == ("b",)
    assert [source.accessed_via for source in question.teachers] == [None, "together-ai-terms"]


def test_an_edge_may_say_when_its_outputs_were_made_and_through_whose_service() -> None:
    edge = {
        "child": "m", "kind": "distilled_from", "parent": "t", "outputs_made": "2024-02",
        "accessed_via": "together-ai-terms",
    }  # fmt: skip
    document = LineageDocument.model_validate(
        {"nodes": [{"id": "m"}, {"id": "t"}], "edges": [edge, ["m", "finetuned_from", "t"]]}
    )
    links = document.graph(words()).links["m"]
    assert {link.edge.accessed_via for link in links} == {None, "together-ai-terms"}
    assert (dt.date(2024, 2, 1), dt.date(2024, 2, 29)) in {link.made for link in links}


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"use": {"model": "m", "action": "host"}, "plan": {"base": "b"}},
        {"use": {"model": "m", "action": "sell"}},
        {"use": {"model": "m"}},
        {"use": {"model": "m", "action": "run", "comercial": True}},
        {"use": {"model": "m", "action": "run", "mau": -1}},
        {"plan": {}},
        {"plan": {"base": "b", "student": {"size": 7}}},
        {"use": {"model": "m", "action": "run"}, "profile": "lenient"},
    ],
)
def test_anything_else_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        QuestionDocument.model_validate(document)


def test_an_inline_lineage_has_distinct_nodes() -> None:
    with pytest.raises(ValidationError, match="repeat"):
        LineageDocument.model_validate({"nodes": [{"id": "a"}, {"id": "a"}]})


@pytest.mark.parametrize(
    ("name", "prefix", "expected"),
    [
        ("Llama-3.1-Merge-8B", "Llama", True),
        ("acme/llama_3 foo", "Llama 3", True),
        ("DeepSeek-R1-Distill-Llama-70B", "Llama", False),
        ("Llama 3 Acme 70B", "Llama 3", True),
        ("", "Llama", False),
    ],
)
def test_a_name_begins_as_asked(name: str, prefix: str, expected: bool) -> None:
    assert begins_with(name, prefix) is expected


def test_prefixes_clash_unless_one_begins_the_other() -> None:
    assert clash(["Llama", "EXAONE"])
    assert not clash(["Llama", "Llama 3"])
    assert not clash([])
