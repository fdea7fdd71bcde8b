"""The two sentences on top of a comparison: the worst task, what stays after correction, and the whole."""

from __future__ import annotations

from typing import Any

from zoo.web.comparison_sentences import sentences


def row(title: str, value: float, p: float | None, spread: float = 0.03) -> dict[str, Any]:
    return {
        "title": title,
        "chance": 0.5,
        "difference": {"value": value, "ci_low": value - spread, "ci_high": value + spread},
        "p_adjusted": p,
        "higher_is_better": True,
    }


def told(rows: list[dict[str, Any]], overall: float, spread: float = 0.01) -> list[str]:
    difference = {"value": overall, "ci_low": overall - spread, "ci_high": overall + spread}
    return sentences({"repetition": False, "overall": {"difference": difference}}, rows)


def test_a_loss_overall_is_told_beside_tasks_of_which_none_differs() -> None:
    by_task, overall = told([row("Agreement", -0.056, 0.2), row("Ellipsis", -0.01, 1.0)], -0.019)
    assert by_task == (
        "Largest loss: Agreement, −5.6 points [−8.6, −2.6]; after correction for 2 tasks no single task shows a loss."
    )
    assert overall == (
        "Overall the student scores 1.9 points lower [−2.9, −0.9], more than the choice of samples explains."
    )


def test_tasks_that_lost_are_named_and_an_interval_with_zero_shows_nothing() -> None:
    by_task, overall = told([row("Agreement", -0.056, 0.01), row("Ellipsis", 0.01, 1.0)], -0.005)
    assert by_task.endswith("after correction for 2 tasks 1 shows a loss (Agreement).")
    assert overall.endswith("[−1.5, +0.5]: the interval holds zero, so no difference is shown.")


def test_where_no_task_is_lower_no_loss_is_told() -> None:
    assert told([row("Agreement", 0.02, 0.4)], 0.02)[0] == (
        "On no task does the student score lower than the teacher."
    )


def test_one_model_against_itself_has_nothing_to_lose() -> None:
    assert sentences({"repetition": True, "overall": {}}, [row("Agreement", -0.1, 0.01)]) == []


def test_undefined_differences_are_passed_over() -> None:
    empty = {"undefined": "prompts_differ"}
    rows = [row("Agreement", -0.1, None) | {"difference": empty}]
    assert sentences({"overall": {"difference": empty}}, rows) == []
