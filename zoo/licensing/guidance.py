"""Which facts can still change an answer: a guided form asks for those and for nothing else.

A fact counts when giving it one of its telling values changes the verdict, a duty or a rule, alone or once another
missing fact is given as well: what belongs together is asked together. Pure.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

from zoo.licensing.rules.answer import Answer
from zoo.licensing.rules.book import RuleBook
from zoo.licensing.rules.engine import check
from zoo.licensing.rules.graph import LineageGraph
from zoo.licensing.rules.questions import Question, with_fact

MUCH = 10**12
VALUES: Mapping[str, tuple[object, ...]] = MappingProxyType(
    {
        "commercial": (True, False),
        "mau": (0, MUCH),
        "revenue": (0, MUCH),
        "region": ("EU", "US"),
        "multimodal": (True, False),
        "end_user": (True, False),
        "competes": (True, False),
        "authorised": (True, False),
        "outputs_published": (True, False),
        "student.is_llm": (True, False),
        "student.kind": ("general", "classifier"),
        "student.distributed": (True, False),
    }
)


class OpenFact(NamedTuple):
    """A fact that would change the answer, and the rules that wait for it."""

    name: str
    rules: tuple[str, ...]


def open_facts(answer: Answer, graph: LineageGraph, book: RuleBook) -> tuple[OpenFact, ...]:
    """The facts that are missing, or presumed, and matter. Order: as the rules name them, gravest first."""
    waiting: dict[str, list[str]] = {}
    for finding in answer.findings:
        for name in (*finding.missing, *finding.assumed):
            waiting.setdefault(name, []).append(finding.rule)
    variants = [variant for name in waiting for variant in _variants(answer.question, name, book)]
    starts = [(answer.question, _essence(answer))]
    starts += [(variant, _essence(check(variant, graph, book, answer.profile))) for variant in variants]
    return tuple(
        OpenFact(name, tuple(rules))
        for name, rules in waiting.items()
        if any(
            _essence(check(variant, graph, book, answer.profile)) != essence
            for question, essence in _still_open(starts, name)
            for variant in _variants(question, name, book)
        )
    )


def _still_open(
    starts: list[tuple[Question, tuple[object, ...]]], name: str
) -> list[tuple[Question, tuple[object, ...]]]:
    """The questions in which this fact is not given yet."""
    return [(question, essence) for question, essence in starts if not _given(question, name)]


def _given(question: Question, name: str) -> bool:
    head, _, inner = name.partition(".")
    value = getattr(question.facts.student, inner) if inner else getattr(question.facts, head)
    return value is not None and value != {}


def dates_of_photographs(answer: Answer, book: RuleBook) -> tuple[str, ...]:
    """The days whose users some undecided rule asks for, as ISO dates."""
    days = set()
    for finding in answer.findings:
        text = book.get(finding.license or "")
        if "mau_on_date" in finding.missing and text is not None:
            for rule in text.file.rules:
                if rule.id == finding.rule_id and rule.when.date is not None:
                    days.add(rule.when.date.isoformat())
    return tuple(sorted(days))


def _variants(question: Question, name: str, book: RuleBook) -> list[Question]:
    if name == "mau_on_date":
        days = {
            r.when.date for text in book.licenses.values() for r in text.file.rules if r.when.date is not None
        }
        dates = [{**question.facts.mau_on_date, **dict.fromkeys(days, count)} for count in (0, MUCH)]
        return [replace(question, facts=replace(question.facts, mau_on_date=given)) for given in dates]
    if name == "field":
        fields = {r.when.field for text in book.licenses.values() for r in text.file.rules if r.when.field}
        return [with_fact(question, name, value) for value in sorted(fields)]
    if name == "student.family":
        families = {r.when.student_family_not for t in book.licenses.values() for r in t.file.rules}
        return [
            with_fact(question, name, value)
            for value in (*sorted(f for f in families if f), "another family")
        ]
    return [with_fact(question, name, value) for value in VALUES[name]]


def _essence(answer: Answer) -> tuple[object, ...]:
    duties = frozenset((obligation.duty, obligation.finding.rule) for obligation in answer.obligations)
    return (answer.verdict, duties, answer.unmet)
