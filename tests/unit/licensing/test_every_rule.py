"""Two tests generated per rule, one where it fires and one where it does not, and the removal check."""

import datetime as dt
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from tests.unit.licensing.support import all_cases, ask, complaints, lineage
from zoo.licensing.library import choices_file, license_files, rule_book
from zoo.licensing.rules.book import RuleBook
from zoo.licensing.rules.judging import Line, judge
from zoo.licensing.rules.questions import Facts, Student
from zoo.licensing.rules.schema import LicenseFile, Rule
from zoo.licensing.rules.vocabulary import Action, Profile, Verdict

RULES = [(file, rule) for file in license_files() for rule in file.rules]
IDS = [rule.id for _, rule in RULES]


def facts_for(rule: Rule, *, holds: bool) -> Facts:
    """Facts under which all of a rule's conditions hold, or under which the first of them fails."""
    when = {
        name: value for name, value in rule.when.model_dump().items() if value is not None and name != "date"
    }
    facts, student = Facts(), Student(kind="general", distributed=True)
    for index, (name, value) in enumerate(when.items()):
        wanted = holds or index > 0
        if name.startswith("student_"):
            student = replace(student, **student_fact(name, value, wanted))
        else:
            facts = replace(facts, **plain_fact(name, value, wanted, rule.when.date))
    return replace(facts, student=student)


def plain_fact(name: str, value: Any, wanted: bool, day: dt.date | None) -> dict[str, Any]:
    if name == "mau_on_date_over":
        return {"mau_on_date": {day: value + 1 if wanted else value}}
    if name.endswith("_over"):
        return {name.removesuffix("_over"): value + 1 if wanted else value}
    if name.endswith("_not"):
        return {name.removesuffix("_not"): not wanted}
    if name == "region":
        return {"region": "EU" if wanted else "US"}
    if name == "field":
        return {"field": value if wanted else "gardening"}
    return {name: value if wanted else not value}


def student_fact(name: str, value: Any, wanted: bool) -> dict[str, Any]:
    if name == "student_family_not":
        return {"family": "another" if wanted else value}
    if name == "student_general":
        return {"kind": "general" if wanted is value else "classifier"}
    if name == "student_kind":
        return {"kind": value if wanted else "general"}
    return {name.removeprefix("student_"): value if wanted else not value}


def lines(book: RuleBook, file: LicenseFile, rule: Rule, facts: Facts) -> list[Line]:
    text = book.licenses[file.key]
    acts = [act for act in Action if any(compiled.id == rule.id for compiled in text.rules_for[act])]
    return [line for act in acts for line in judge(text, (act,), facts) if line.rule_id == rule.id]


def fires(book: RuleBook, file: LicenseFile, rule: Rule) -> bool:
    found = lines(book, file, rule, facts_for(rule, holds=True))
    if not found:
        return False
    return all(fired(line, file, rule) for line in found)


def fired(line: Line, file: LicenseFile, rule: Rule) -> bool:
    if line.missing:
        return False
    if rule.flag is not None:
        return line.flag == rule.flag
    if file.text.seen == "recalled":
        return line.verdict is Verdict.UNKNOWN
    if rule.deny is not None:
        return line.verdict is Verdict.PROHIBITED
    return line.duty == rule.must and line.verdict <= Verdict.CONDITIONS


def active(rule: Rule) -> bool:
    return rule.choice is None or rule_book().holds(rule.choice)


@pytest.mark.parametrize(("file", "rule"), RULES, ids=IDS)
def test_it_fires_when_its_facts_hold(file: LicenseFile, rule: Rule) -> None:
    assert active(rule)
    assert fires(rule_book(), file, rule)


@pytest.mark.parametrize(("file", "rule"), RULES, ids=IDS)
def test_it_keeps_quiet_when_they_do_not(file: LicenseFile, rule: Rule) -> None:
    book = rule_book()
    if rule.when.model_dump(exclude_none=True):
        assert lines(book, file, rule, facts_for(rule, holds=False)) == []
        return
    text = book.licenses[file.key]
    others = [act for act in Action if all(compiled.id != rule.id for compiled in text.rules_for[act])]
    heard = {line.rule_id for act in others for line in judge(text, (act,), Facts(commercial=False))}
    assert rule.id not in heard
    assert others or rule.acts == "any"


@cache
def cases_by_text() -> dict[str, list[dict[str, Any]]]:
    """The golden cases whose answer has a line of a text: only they can notice that one of its rules is gone."""
    found: dict[str, list[dict[str, Any]]] = {}
    for case in all_cases():
        for profile in Profile if "strict" in case else (Profile.STANDARD,):
            answer = ask(case, lineage(), profile=profile)
            for key in {line.license for line in (*answer.findings, *answer.flags)} - {None}:
                found.setdefault(key, []).append(case)
    return found


@pytest.mark.parametrize(("file", "rule"), RULES, ids=IDS)
def test_a_golden_case_notices_when_it_is_struck_out(file: LicenseFile, rule: Rule) -> None:
    """By the hand-written questions alone; the generated tests above have no say."""
    without = rule_book().without_rule(rule.id)
    assert any(complaints(case, lineage(), without) for case in cases_by_text().get(file.key, []))


def test_the_removal_check_can_fail() -> None:
    """A rule that no case is about goes unnoticed when it is struck out, and the check says so."""
    mit = next(file for file in license_files() if file.key == "MIT")
    extra = mit.rules[0].model_copy(update={"id": "mit-extra"})
    files = [file for file in license_files() if file.key != "MIT"]
    book = RuleBook.compile([*files, mit.model_copy(update={"rules": [*mit.rules, extra]})], choices_file())
    without = book.without_rule("mit-extra")
    assert not any(complaints(case, lineage(), without) for case in cases_by_text()["MIT"])


def test_striking_out_a_rule_changes_no_other_text() -> None:
    before, after = rule_book(), rule_book().without_rule("mit-notice")
    changed = {key for key, text in before.licenses.items() if after.licenses[key] is not text}
    assert changed == {"MIT"}
