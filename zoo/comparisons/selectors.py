"""Reads about comparisons: lists, and the whole document. The samples behind it are in ``samples``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import F, Q, QuerySet

from evaluation.comparing.document import with_noise, with_pair
from evaluation.contract import PairReport
from zoo.comparisons.models import Comparison
from zoo.comparisons.noise import noise_of
from zoo.comparisons.services import parse
from zoo.core.errors import NotFound
from zoo.runs.lifecycle import State
from zoo.runs.models import Pairing, Run


class ComparisonNotFound(NotFound):
    """There is no such comparison."""

    code = "comparison_not_found"


def comparison_by_id(comparison_id: UUID | str) -> Comparison:
    """The comparison with its runs. Raises ComparisonNotFound."""
    found = (
        Comparison.objects.select_related("student_run", "teacher_run", "pairing__pair_run__result")
        .filter(pk=comparison_id)
        .first()
    )
    if found is None:
        raise ComparisonNotFound("there is no such comparison")
    return found


def document_of(comparison: Comparison) -> dict[str, Any]:
    """The document, with what the job with both models loaded has measured by now, and the teacher's noise floor."""
    return with_noise(measured_document(comparison), noise_of(comparison))


def measured_document(comparison: Comparison) -> dict[str, Any]:
    """The document without the noise floor, which costs a query of its own."""
    pair_run = comparison.pairing.pair_run
    report = pair_run.result.report if pair_run is not None and pair_run.state == State.SUCCEEDED else None
    return with_pair(parse(comparison), report if isinstance(report, PairReport) else None)


def of_runs(student_run: Run, teacher_run: Run) -> Comparison | None:
    """The newest comparison of two runs."""
    return (
        Comparison.objects.filter(student_run=student_run, teacher_run=teacher_run)
        .order_by("-statistics_version")
        .first()
    )


def of_pairing(pairing: Pairing | None) -> Comparison | None:
    """The newest comparison of a pair."""
    return pairing.comparisons.order_by("-statistics_version").first() if pairing else None


def of_pairings(pairings: Iterable[Pairing | None]) -> dict[int, Comparison]:
    """The newest comparison of each pair that has one, by the pair's key. One query."""
    keys = {pairing.pk for pairing in pairings if pairing is not None}
    rows = Comparison.objects.filter(pairing__in=keys).order_by("statistics_version").defer("document")
    return {row.pairing_id: row for row in rows}


def measured_teachers(*, limit: int) -> list[str]:
    """The teachers that students were compared with here, by name."""
    rows = Comparison.objects.exclude(student=F("teacher")).order_by("teacher")
    return list(rows.values_list("teacher", flat=True).distinct()[:limit])


def is_compared(model: str) -> bool:
    """Whether there is any comparison with the model as student or as teacher."""
    return Comparison.objects.filter(Q(student=model) | Q(teacher=model)).exists()


def recent(*, student: str | None = None, teacher: str | None = None) -> QuerySet[Comparison]:
    """Comparisons, newest first; those of a model with itself, which tell noise and not retention, are left out."""
    found = (
        Comparison.objects.exclude(student=F("teacher"))
        .select_related("pairing__pair_run")
        .order_by("-created_at", "-pk")
        .defer("document")
    )
    if student:
        found = found.filter(student=student)
    if teacher:
        found = found.filter(teacher=teacher)
    return found
