"""Three-valued conditions: does a rule's `when` hold for these facts, not hold, or cannot we tell?

Compiled once from the data (`compile_when`); evaluating is a loop over small closures.
"""

import datetime as dt
from collections.abc import Callable
from typing import NamedTuple

from zoo.licensing.rules.questions import Facts
from zoo.licensing.rules.schema import When
from zoo.licensing.rules.vocabulary import FACT_KIND, FactKind

# True, False, or None when the fact is not known.
Test = Callable[[Facts], bool | None]


class Condition(NamedTuple):
    """One test on one fact."""

    fact: str
    kind: FactKind
    test: Test


class Outcome(NamedTuple):
    """`holds` is None when undecided; `missing` then names the facts that decide, `assumed` those presumed."""

    holds: bool | None
    missing: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()
    kinds: frozenset[FactKind] = frozenset()


HOLDS = Outcome(True)
FAILS = Outcome(False)


def evaluate(conditions: tuple[Condition, ...], facts: Facts) -> Outcome:
    """Conjunction over all conditions; one that is false settles it whatever else is missing."""
    missing: list[str] = []
    assumed: list[str] = []
    kinds: set[FactKind] = set()
    for condition in conditions:
        holds = condition.test(facts)
        if holds is False:
            return FAILS
        if holds is None:
            missing.append(condition.fact)
            kinds.add(condition.kind)
        elif condition.kind is FactKind.PRIVILEGE and getattr(facts, condition.fact) is None:
            assumed.append(condition.fact)
    if missing:
        return Outcome(None, tuple(missing), tuple(assumed), frozenset(kinds))
    return Outcome(True, (), tuple(assumed)) if assumed else HOLDS


def compile_when(when: When, key: str, *, presume_ordinary_field: bool = True) -> tuple[Condition, ...]:
    """The conditions of one rule of the text `key`; whether an ordinary field is presumed is a reading choice."""
    found: list[tuple[str, Test]] = []
    for name in ("commercial", "multimodal", "competes", "outputs_published"):
        wanted = getattr(when, name)
        if wanted is not None:
            found.append((name, _equals(name, wanted)))
    if when.mau_over is not None:
        found.append(("mau", _over("mau", when.mau_over)))
    if when.revenue_over is not None:
        found.append(("revenue", _over("revenue", when.revenue_over)))
    if when.mau_on_date_over is not None and when.date is not None:
        found.append(("mau_on_date", _photograph(when.date, when.mau_on_date_over)))
    if when.region is not None:
        found.append(("region", _in_region(when.region)))
    if when.field is not None:
        found.append(("field", _in_field(when.field)))
    found += _privileges(when)
    found += _student(when, key)
    kinds = FACT_KIND if presume_ordinary_field else FACT_KIND | {"field": FactKind.MEASURE}
    return tuple(Condition(fact, kinds[fact], test) for fact, test in found)


def _equals(name: str, wanted: bool) -> Test:
    def test(facts: Facts) -> bool | None:
        value: bool | None = getattr(facts, name)
        return None if value is None else value is wanted

    return test


def _over(name: str, limit: int) -> Test:
    def test(facts: Facts) -> bool | None:
        value: int | None = getattr(facts, name)
        return None if value is None else value > limit

    return test


def _photograph(day: dt.date, limit: int) -> Test:
    """Only the figure for that very day counts; today's users say nothing about it."""

    def test(facts: Facts) -> bool | None:
        value = facts.mau_on_date.get(day)
        return None if value is None else value > limit

    return test


def _in_region(region: str) -> Test:
    def test(facts: Facts) -> bool | None:
        group = facts.region_group
        return None if group is None else group == region

    return test


def _in_field(name: str) -> Test:
    def test(facts: Facts) -> bool | None:
        return None if facts.field is None else facts.field == name

    return test


def _privileges(when: When) -> list[tuple[str, Test]]:
    """Standings that have to be claimed: not stated means not held, so these are never undecided."""
    found: list[tuple[str, Test]] = []
    if when.end_user_not:
        found.append(("end_user", lambda facts: facts.end_user is not True))
    if when.authorised_not:
        found.append(("authorised", lambda facts: facts.authorised is not True))
    if when.authorised is not None:
        wanted = when.authorised
        found.append(("authorised", lambda facts: (facts.authorised is True) is wanted))
    return found


def _student(when: When, key: str) -> list[tuple[str, Test]]:
    found: list[tuple[str, Test]] = []
    if when.student_family_not is not None:
        found.append(("student.family", _foreign_family(when.student_family_not, key)))
    if when.student_is_llm is not None:
        found.append(("student.is_llm", _student_equals("is_llm", when.student_is_llm)))
    if when.student_distributed is not None:
        found.append(("student.distributed", _student_equals("distributed", when.student_distributed)))
    if when.student_kind is not None:
        wanted_kind = when.student_kind
        found.append(("student.kind", _student_kind(wanted_kind)))
    if when.student_general is not None:
        found.append(("student.kind", _is_general(when.student_general)))
    return found


def _student_equals(name: str, wanted: bool) -> Test:
    def test(facts: Facts) -> bool | None:
        value: bool | None = getattr(facts.student, name)
        return None if value is None else value is wanted

    return test


def _student_kind(wanted: str) -> Test:
    def test(facts: Facts) -> bool | None:
        kind = facts.student.kind
        return None if kind is None else kind == wanted

    return test


def _is_general(wanted: bool) -> Test:
    """A narrow generative model may or may not be a foundation model; only the two ends are clear."""

    def test(facts: Facts) -> bool | None:
        kind = facts.student.kind
        if kind == "general":
            return wanted
        return not wanted if kind == "classifier" else None

    return test


def _foreign_family(family: str, key: str) -> Test:
    """Whether the student lies outside the family that a text excepts from its ban.

    Weights under the very same text make the student a derivative of the excepted model, whatever it is called.
    """

    def test(facts: Facts) -> bool | None:
        if facts.student_texts is not None and key in facts.student_texts:
            return False
        if facts.student.family is not None:
            return facts.student.family.lower() != family
        return None if facts.student_texts is None else True

    return test
