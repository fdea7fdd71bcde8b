"""What a text says to the questions people ask first, in a word each. Every cell is the engine's own answer.

A text is put under a model that stands alone, and the questions are asked of that. Where the answer is not plain, the
same question is asked again with one more fact, and the mildest answer that this gives is shown beside. Pure.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, NamedTuple

from zoo.licensing.rules.answer import Answer
from zoo.licensing.rules.book import License, RuleBook
from zoo.licensing.rules.engine import check
from zoo.licensing.rules.graph import Licenses, LineageGraph, Node
from zoo.licensing.rules.questions import Facts, Student, Use, with_fact
from zoo.licensing.rules.vocabulary import Action, NodeKind, Verdict

NAME = "a model under it"
OTHER_STUDENT: Final = Student(family="another family", is_llm=True, kind="general", distributed=True)
SELLING: Final = Facts(commercial=True, student=OTHER_STUDENT)
# One more fact at a time: its name, the value, and how the cell words it. Milder circumstances only.
MILDER: Final = (
    ("competes", False, "if it does not compete"),
    ("authorised", True, "with written approval"),
    ("commercial", False, "not for commerce"),
    ("student.kind", "classifier", "if the student is a classifier"),
    ("student.distributed", False, "if the student is kept inside"),
    ("student.is_llm", False, "if the student is no language model"),
)
ABOUT_TEACHING: Final = frozenset({"student.kind", "student.distributed", "student.is_llm"})
SHOWN: Final = ("display:", "name-prefix:")


class Cell(NamedTuple):
    """A verdict word, and under which further fact the answer would be a milder one."""

    verdict: str
    otherwise: tuple[tuple[str, str], ...] = ()  # (circumstance, verdict word)


class Row(NamedTuple):
    """A text in the matrix."""

    text: License
    sell: Cell
    redistribute: Cell
    publish: Cell
    teach: Cell
    claims_students: str  # yes, no, silent; unknown where nobody read the text
    limits: tuple[str, ...]
    shown: tuple[str, ...]


def row(book: RuleBook, key: str) -> Row:
    """The row of one listed text."""
    text = book.licenses[key]
    graph = _alone(text)
    return Row(
        text,
        cell(Use(NAME, Action.HOST, SELLING), graph, book),
        cell(Use(NAME, Action.REDISTRIBUTE, SELLING), graph, book),
        cell(Use(NAME, Action.PUBLISH_DERIVATIVE, SELLING), graph, book),
        cell(Use(NAME, Action.DISTILL, SELLING), graph, book),
        "unknown" if text.recalled else text.file.student_is_derivative,
        _limits(text),
        _shown(graph, book),
    )


def by_action(book: RuleBook, key: str) -> dict[Action, tuple[Cell, Cell]]:
    """For every action the answer for commerce and the one without it."""
    graph = _alone(book.licenses[key])
    plain = replace(SELLING, commercial=False)
    return {
        action: (
            cell(Use(NAME, action, SELLING), graph, book),
            cell(Use(NAME, action, plain), graph, book),
        )
        for action in Action
    }


def cell(use: Use, graph: LineageGraph, book: RuleBook) -> Cell:
    """The engine's verdict, and the milder ones that a single further fact leads to."""
    verdict = check(use, graph, book).verdict
    if verdict <= Verdict.CONDITIONS:
        return Cell(verdict.word)
    otherwise = []
    for name, value, words in MILDER:
        if name in ABOUT_TEACHING and use.action not in (Action.DISTILL, Action.JUDGE):
            continue
        milder = check(_with(use, name, value), graph, book).verdict
        if milder < verdict:
            otherwise.append((words, milder.word))
    return Cell(verdict.word, tuple(otherwise))


def _alone(text: License) -> LineageGraph:
    kind = NodeKind.API if text.service else NodeKind.MODEL
    return LineageGraph.of([Node(NAME, kind, licenses=Licenses(declared=((text.key,),)))], [])


def _with(use: Use, name: str, value: object) -> Use:
    changed = with_fact(use, name, value)
    assert isinstance(changed, Use)
    return changed


def _shown(graph: LineageGraph, book: RuleBook) -> tuple[str, ...]:
    """What has to be displayed or stand in a name, over everything that one can do with the model."""
    crowded = replace(SELLING, mau=10**12, revenue=10**12, authorised=True)
    answers: list[Answer] = [
        check(Use(NAME, action, facts), graph, book)
        for action in Action
        for facts in (SELLING, crowded, replace(SELLING, commercial=False))
    ]
    duties = [owed.duty for answer in answers for owed in answer.obligations if owed.duty.startswith(SHOWN)]
    return tuple(dict.fromkeys(duties))


def _limits(text: License) -> tuple[str, ...]:
    """Thresholds and places that its rules name; a recalled rule names none that could be relied on."""
    if text.recalled:
        return ("unknown",)
    found = []
    for when in (rule.when for rule in text.file.rules):
        if when.mau_over:
            found.append(f"{when.mau_over // 1_000_000}M users now")
        if when.mau_on_date_over:
            found.append(f"{when.mau_on_date_over // 1_000_000}M users on {when.date}")
        if when.revenue_over:
            found.append(f"${when.revenue_over // 1_000_000}M a year")
        if when.region:
            found.append(f"no {when.region} rights when multimodal")
    return tuple(dict.fromkeys(found))


__all__ = ["Cell", "Row", "by_action", "cell", "row"]
