"""The noise floor of a comparison: its teacher against itself at another batch size, where that was measured."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from zoo.comparisons.models import Comparison
from zoo.comparisons.services import parse

Document = dict[str, Any]


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
