"""The matrix of licenses says what the engine answers, and unknown where nobody read the text."""

import pytest

from tests.unit.licensing.support import graph, node
from zoo.licensing import matrix
from zoo.licensing.library import rule_book
from zoo.licensing.rules.engine import check
from zoo.licensing.rules.questions import Use
from zoo.licensing.rules.vocabulary import Action


def test_no_cell_contradicts_the_check_of_a_model_under_the_text_alone() -> None:
    book = rule_book()
    for key in book.licenses:
        row = matrix.row(book, key)
        lineage = graph(
            [node("m", key, kind=matrix.NodeKind.API if row.text.service else matrix.NodeKind.MODEL)]
        )
        for action, cell in (
            (Action.HOST, row.sell),
            (Action.REDISTRIBUTE, row.redistribute),
            (Action.PUBLISH_DERIVATIVE, row.publish),
            (Action.DISTILL, row.teach),
        ):
            answer = check(Use("m", action, matrix.SELLING), lineage, book)
            assert cell.verdict == answer.verdict.word, (key, action)


def test_what_is_only_recalled_is_unknown_in_every_cell() -> None:
    row = matrix.row(rule_book(), "mrl-0.1")
    assert {cell.verdict for cell in (row.sell, row.redistribute, row.publish, row.teach)} == {"unknown"}
    assert (row.claims_students, row.limits, row.shown) == ("unknown", ("unknown",), ())


@pytest.mark.parametrize(
    ("key", "verdict", "circumstance", "milder"),
    [
        ("llama-2-community", "prohibited", "if the student is no language model", "conditions"),
        ("CC-BY-NC-4.0", "prohibited", "not for commerce", "allowed"),
        ("openai-services-agreement", "unknown", "if it does not compete", "conditions"),
        ("anthropic-commercial", "prohibited", "with written approval", "conditions"),
    ],
)
def test_a_hard_answer_shows_which_fact_makes_it_milder(
    key: str, verdict: str, circumstance: str, milder: str
) -> None:
    teach = matrix.row(rule_book(), key).teach
    assert teach.verdict == verdict
    assert (circumstance, milder) in teach.otherwise


def test_names_and_displays_are_those_that_the_engine_asks_for() -> None:
    assert matrix.row(rule_book(), "llama-3.1-community").shown == (
        "display:Built with Llama", "name-prefix:Llama",
    )  # fmt: skip
    assert matrix.row(rule_book(), "moonshot-modified-mit").shown == ("display:Kimi K2",)
