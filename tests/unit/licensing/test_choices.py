"""Each reading choice is one line of data: flipping it changes the answers that rest on it, and only those."""

from pathlib import Path

import pytest
from django.http import QueryDict

from tests.unit.licensing.support import api, graph, node
from zoo.licensing.documents import QuestionDocument
from zoo.licensing.library import rule_book
from zoo.licensing.rules.engine import check
from zoo.licensing.rules.graph import LineageGraph
from zoo.licensing.rules.questions import Facts, Plan, Question, Source, Student, Use
from zoo.licensing.rules.vocabulary import Action
from zoo.web.forms.licensing import CheckForm

COMMERCIAL = Facts(commercial=True)
PUBLISHED = Student(family="own", is_llm=True, distributed=True)


def single(key: str, action: Action, facts: Facts = COMMERCIAL) -> tuple[LineageGraph, Question]:
    return graph([node("m", key)]), Use("m", action, facts)


def teaching(key: str) -> tuple[LineageGraph, Question]:
    return graph([node("t", key)]), Plan(
        teachers=(Source("t"),), facts=Facts(commercial=True, student=PUBLISHED)
    )


CASES = {
    "llama-hosting-displays": (*single("llama-3.3-community", Action.HOST), "l33-built@m"),
    "llama-2-hosting-hands-over-materials": (*single("llama-2-community", Action.HOST), "l2-copy@m"),
    "hosting-is-distribution": (*single("gemma-terms", Action.HOST), "gem-pass@m"),
    "apache-covers-weights": (*single("Apache-2.0", Action.REDISTRIBUTE), "apache-copy@m"),
    "notice-licenses-reach-students": (*teaching("MIT"), "mit-notice@t"),
    "purpose-of-teaching-counts": (*teaching("CC-BY-NC-4.0"), "nc@t"),
    "makers-contract-binds-users": (
        graph([node("m", "MIT"), api("gpt", "openai-services-agreement")], ("m", "distilled_from", "gpt")),
        Use("m", Action.HOST, COMMERCIAL),
        "upstream-contract@gpt",
    ),
    "nvidia-terms-follow-the-model": (*single("nvidia-open-model", Action.PUBLISH_DERIVATIVE), "nv-copy@m"),
}


@pytest.mark.parametrize("choice", CASES)
def test_flipping_a_choice_flips_the_rule_that_rests_on_it(choice: str) -> None:
    lineage, question, rule = CASES[choice]
    for holds in (True, False):
        book = rule_book().with_choice(choice, holds)
        assert (rule in {finding.rule for finding in check(question, lineage, book).findings}) is holds


def test_an_excluded_field_is_presumed_absent_or_has_to_be_confirmed() -> None:
    lineage, question = single("bigscience-openrail-m", Action.RUN)
    for holds in (True, False):
        book = rule_book().with_choice("ordinary-field-is-presumed", holds)
        duties = {obligation.duty for obligation in check(question, lineage, book).obligations}
        assert ("confirm:rail-medical" in duties) is not holds


def test_a_quantized_copy_is_a_derivative_or_the_original() -> None:
    document = QuestionDocument.model_validate({"use": {"model": "m", "action": "publish_quantized"}})
    for holds, action in ((True, Action.PUBLISH_DERIVATIVE), (False, Action.REDISTRIBUTE)):
        question = document.question(rule_book().with_choice("quantized-is-derivative", holds))
        assert isinstance(question, Use)
        assert question.action is action


def test_every_choice_is_tested_here() -> None:
    tested = {*CASES, "ordinary-field-is-presumed", "quantized-is-derivative", "eu-test-is-place-of-business"}
    assert set(rule_book().choices) == tested


def test_what_a_region_means_is_said_where_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """No rule rests on this choice: it decides what the answer to the question of the region means."""
    for holds, said in ((True, "principal place of business"), (False, "where the model is used")):
        book = rule_book().with_choice("eu-test-is-place-of-business", holds)
        monkeypatch.setattr("zoo.web.forms.licensing.rule_book", lambda book=book: book)
        assert said in str(CheckForm(QueryDict()).fields["region"].help_text)


def test_the_version_of_an_answer_tells_the_readings_apart() -> None:
    assert rule_book().with_choice("apache-covers-weights", False).version != rule_book().version


def test_the_documentation_names_every_choice_with_its_letter() -> None:
    text = (Path(__file__).resolve().parents[3] / "docs" / "licensing.md").read_text("utf-8")
    rows = {
        row.split("|")[1].strip(): row for row in text.splitlines() if row.startswith("| ") and "`" in row
    }
    for choice in rule_book().choices.values():
        row = rows[choice.letter]
        assert f"`{choice.id}`" in row
        assert ("(no)" in row) is not choice.holds
