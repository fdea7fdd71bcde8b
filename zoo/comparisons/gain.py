"""The gain from distillation: a student against its control, the same model trained without the teacher.

Reads comparisons that were made; computes no statistics of its own. Which model is whose control is a fact of the
catalog (``control_of``). Only comparisons on the same tasks under the same protocol are read together.
"""

from __future__ import annotations

from typing import Any

from zoo.catalog.selectors import controls_of
from zoo.comparisons.models import Comparison
from zoo.comparisons.outcome import outcome_of
from zoo.comparisons.selectors import document_of, recent

Document = dict[str, Any]


def gain_of(comparison: Comparison) -> Document:
    """What the student of a comparison has over its control, by task and overall; or why that is not known.

    ``tasks`` and ``overall`` hold the scores of both and their difference (student minus control, as fractions or
    in the unit of the metric) with its interval; ``outcome`` follows the rule of
    ``outcome_of``.
    ``control_retention`` is what the control keeps of the same teacher, where that was measured too.
    """
    controls = [model.slug for model in controls_of(comparison.student)]
    if not controls:
        return _unknown("no_control", "No model of this size, trained without the teacher, is known for it.")
    for control in controls:
        if found := _alike(comparison, student=comparison.student, teacher=control):
            beside = _alike(comparison, student=control, teacher=comparison.teacher)
            return _document(control, found, beside)
    names = " or ".join(controls)
    return _unknown(
        "control_not_measured", f"Its control, {names}, was not measured under this protocol yet."
    )


def _alike(comparison: Comparison, *, student: str, teacher: str) -> Comparison | None:
    """The newest comparison of two models on the tasks and under the protocol of this one."""
    spec = comparison.student_run.spec
    rows = recent(student=student, teacher=teacher).select_related("student_run", "pairing__pair_run__result")
    for row in rows.filter(suite=comparison.suite, suite_version=comparison.suite_version):
        other = row.student_run.spec
        if all(spec.get(part) == other.get(part) for part in ("protocol", "suite", "tasks")):
            return row
    return None


def _document(control: str, found: Comparison, beside: Comparison | None) -> Document:
    measured = document_of(found)
    return {
        "control": control,
        "comparison": str(found.pk),
        "tasks": [_row(row, row["task"]) for row in measured["tasks"]],
        "overall": _row(measured["overall"], "overall"),
        "control_comparison": str(beside.pk) if beside else None,
        "control_retention": document_of(beside)["overall"]["retention"] if beside else None,
    }


def _row(row: Document, task: str) -> Document:
    return {
        "task": task,
        "student": row["student"]["value"],
        "control": row["teacher"]["value"],
        "chance": row.get("chance"),
        "difference": row["difference"],
        "p_adjusted": row.get("p_adjusted"),
        "outcome": outcome_of(
            row["difference"].get("ci_low"),
            row["difference"].get("ci_high"),
            p_adjusted=row.get("p_adjusted"),
            higher_is_better=row.get("higher_is_better", True),
        ),
    }


def _unknown(code: str, message: str) -> Document:
    return {"undefined": code, "message": message}
