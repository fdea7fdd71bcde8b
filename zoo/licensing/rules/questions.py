"""What is asked: a use of an existing model, or a plan for a student that does not exist yet.

Plain frozen values. Reading JSON or YAML into them is `zoo.licensing.documents`' work; answering is `engine`'s.
A fact that nobody stated is None, and None is never read as permission.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from dataclasses import field as with_factory
from types import MappingProxyType

from zoo.licensing.rules.vocabulary import EU_MEMBERS, Action, Profile

NO_DATES: Mapping[dt.date, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Student:
    """A student that is planned, or the model that somebody wants to train on another's outputs."""

    family: str | None = None
    is_llm: bool | None = None
    kind: str | None = None  # general, generative (narrow) or classifier
    distributed: bool | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """The circumstances of the asker. Users are people per calendar month, revenue is US dollars per year."""

    commercial: bool | None = None
    mau: int | None = None
    mau_on_date: Mapping[dt.date, int] = with_factory(default_factory=lambda: NO_DATES)
    revenue: int | None = None
    region: str | None = None
    field: str | None = None
    end_user: bool | None = None
    multimodal: bool | None = None
    competes: bool | None = None
    authorised: bool | None = None
    outputs_published: bool | None = None
    student: Student = Student()
    # License keys of the weights the planned student starts from; None when it starts from nothing known.
    student_texts: frozenset[str] | None = None

    @property
    def region_group(self) -> str | None:
        """`EU` for the union and its members' ISO codes, else the region as stated."""
        if self.region is None:
            return None
        return "EU" if self.region.upper() in EU_MEMBERS else self.region.upper()


@dataclass(frozen=True, slots=True)
class Use:
    """May I do `action` with `model`?"""

    model: str
    action: Action
    facts: Facts = Facts()
    revision_date: dt.date | None = None
    generated_on: dt.date | None = None
    proposed_name: str | None = None
    accessed_via: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A teacher, judge or data set of a plan, and through which host's terms it is reached, if any."""

    id: str
    accessed_via: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """May I build a student from these weights, teachers, judges and data?"""

    bases: tuple[str, ...] = ()
    teachers: tuple[Source, ...] = ()
    data: tuple[Source, ...] = ()
    judges: tuple[Source, ...] = ()
    facts: Facts = Facts()
    generated_on: dt.date | None = None


Question = Use | Plan


def with_fact(question: Question, name: str, value: object) -> Question:
    """The same question with one fact set; `student.kind` and the like reach into the student."""
    # The names are those of `FACT_KIND`; mypy cannot follow a field chosen by name.
    head, _, inner = name.partition(".")
    if inner:
        student = replace(question.facts.student, **{inner: value})  # type: ignore[arg-type]
        return replace(question, facts=replace(question.facts, student=student))
    return replace(question, facts=replace(question.facts, **{head: value}))  # type: ignore[arg-type]


__all__ = ["Action", "Facts", "Plan", "Profile", "Question", "Source", "Student", "Use", "with_fact"]
