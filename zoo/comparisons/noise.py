"""The noise floor of a comparison: its teacher against itself at another batch size, where that was measured."""

from __future__ import annotations

from typing import Any

from django.db.models import F, Q

from zoo.comparisons.models import Comparison
from zoo.comparisons.services import parse

Document = dict[str, Any]


def is_noise_floor(path: str = "") -> Q:
    """A condition on comparisons: one model against itself, so no comparison of two models.

    Names alone do not tell, since two files of one repository make a pair; so the document is asked, which holds
    canonical JSON. ``path`` leads to the comparison ("comparison__").
    """
    return Q(
        **{f"{path}student": F(f"{path}teacher"), f"{path}document__contains": '"repetition":true'},
    )


def noise_of(comparison: Comparison) -> Document | None:
    """The document of the newest comparison of the teacher's run with another of the same model."""
    if comparison.student == comparison.teacher:
        return None
    run = comparison.teacher_run_id
    both = Q(student_run=run) | Q(teacher_run=run)
    rows = Comparison.objects.filter(both, student=comparison.teacher, teacher=comparison.teacher)
    for row in rows.order_by("-created_at", "-pk")[:5]:
        document = parse(row)
        if document.get("repetition"):
            return document
    return None
