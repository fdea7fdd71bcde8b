"""What was measured here about a model, ready for its page: as a student, and as a teacher of others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from zoo.comparisons import selectors
from zoo.comparisons.known import UNKNOWN, Known, from_catalog
from zoo.comparisons.leaderboard import Entry, entries_of, with_sizes
from zoo.comparisons.models import Comparison
from zoo.web.charts import DotRow

_LOOKED_AT = 200
_TASKS_DRAWN = 40


class Taught(NamedTuple):
    """A student of the model."""

    entry: Entry
    href: str
    size_share: float | None


@dataclass(frozen=True, slots=True)
class Kept:
    """What the model keeps of one teacher on one suite: the newest whole comparison, else the newest."""

    entry: Entry
    href: str
    suite: str
    size_share: float | None
    rows: tuple[DotRow, ...]
    is_teacher: bool
    """Whether lineage knows the other model as its teacher (or knows no teacher at all)."""


class MeasuredHere(NamedTuple):
    """Everything for the block; both parts may be empty."""

    kept: tuple[Kept, ...]
    taught: tuple[Taught, ...]


def measured_here(slug: str) -> MeasuredHere:
    """The comparisons in which the model is the student or the teacher, newest first, once for each pair."""
    if not selectors.is_compared(slug):
        return MeasuredHere((), ())
    as_student = _newest(selectors.recent(student=slug)[:_LOOKED_AT])
    as_teacher = _newest(selectors.recent(teacher=slug)[:_LOOKED_AT])
    known = from_catalog([slug, *(entry.student for _, entry in as_teacher)])
    kept = [_kept(comparison, entry, known.get(slug, UNKNOWN)) for comparison, entry in as_student]
    return MeasuredHere(
        tuple(sorted(kept, key=lambda one: not one.is_teacher)),
        tuple(
            Taught(entry, _href(entry), size_share(entry))
            for _, entry in as_teacher
            if known.get(entry.student, UNKNOWN).learned_from(slug)
        ),
    )


def intervals_of(students: Iterable[str]) -> dict[str, dict[str, float | None]]:
    """Overall retention of students by their newest whole comparison with a teacher, as JSON of an estimate."""
    compared = Comparison.objects.filter(student__in=list(students), rankable=True, retention__isnull=False)
    rows = compared.order_by("created_at", "pk").values_list(
        "student", "teacher", "retention", "retention_low", "retention_high"
    )
    known = from_catalog({row[0] for row in rows})
    found: dict[str, dict[str, float | None]] = {}
    for student, teacher, value, low, high in rows:
        if known.get(student, UNKNOWN).learned_from(teacher):
            found[student] = {"value": value, "ci_low": low, "ci_high": high}
    return found


def size_share(entry: Entry) -> float | None:
    """The student's parameters over its teacher's, where both are known."""
    mine, teachers = entry.costs.parameters, entry.teacher_parameters
    return mine / teachers if mine and teachers else None


def dot_rows(entry: Entry) -> tuple[DotRow, ...]:
    """The whole, then each capability with its tasks; of very many tasks only the capabilities."""
    href = _href(entry)
    rows = [DotRow("Overall", entry.retention, href=href, strong=True)]
    for capability in entry.capabilities:
        rows.append(DotRow(capability.name, capability.retention, strong=True))
        if len(entry.tasks) <= _TASKS_DRAWN:
            rows += [
                DotRow(task.title, task.retention, href=f"{href}samples/?task={task.name}")
                for task in entry.tasks
                if task.capability == capability.name
            ]
    return tuple(rows)


def _href(entry: Entry) -> str:
    return f"/comparisons/{entry.comparison_id}/"


def _newest(comparisons: Iterable[Comparison]) -> list[tuple[Comparison, Entry]]:
    found: dict[tuple[str, str, str, str], Comparison] = {}
    for comparison in comparisons:
        key = (comparison.student, comparison.teacher, comparison.suite, comparison.suite_version)
        if key not in found or (comparison.rankable and not found[key].rankable):
            found[key] = comparison
    entries = {entry.comparison_id: entry for entry in entries_of(map(_key, found.values()))}
    known = from_catalog({name for entry in entries.values() for name in (entry.student, entry.teacher)})
    return [(one, with_sizes(entries[one.pk], known)) for one in found.values() if one.pk in entries]


def _key(comparison: Comparison) -> tuple[UUID, str]:
    pair = comparison.pairing.pair_run
    return comparison.pk, pair.state if pair else ""


def _kept(comparison: Comparison, entry: Entry, known: Known) -> Kept:
    return Kept(
        entry=entry,
        href=_href(entry),
        suite=f"{comparison.suite}, version {comparison.suite_version}" if comparison.suite else "",
        size_share=size_share(entry),
        rows=dot_rows(entry),
        is_teacher=known.learned_from(entry.teacher),
    )
