"""What a comparison comes to, in two sentences: where the student lost most, and whether that is more than noise."""

from __future__ import annotations

from typing import Any

from zoo.comparisons.outcome import outcome_of
from zoo.web.presenters import points

Document = dict[str, Any]
MOST_NAMED = 3


def sentences(document: Document, rows: list[Document]) -> list[str]:
    """Up to two sentences made from the numbers alone; none for one model against itself.

    Only tasks whose scores are shares are spoken of by task, since their differences are points that can be put
    side by side. ``rows`` are the document's tasks with their titles.
    """
    if document.get("repetition"):
        return []
    return [text for text in (_by_task(rows), _overall(document["overall"])) if text]


def _by_task(rows: list[Document]) -> str:
    shares = [row for row in rows if row["chance"] is not None and "value" in row["difference"]]
    if not shares:
        return ""
    worst = min(shares, key=lambda row: float(row["difference"]["value"]))
    if worst["difference"]["value"] >= 0:
        return "On no task does the student score lower than the teacher."
    return f"Largest loss: {worst['title']}, {_interval(worst['difference'])}; {_after_correction(rows)}."


def _after_correction(rows: list[Document]) -> str:
    tested = [row for row in rows if row.get("p_adjusted") is not None]
    lost = [row["title"] for row in tested if _is_loss(row)]
    if not tested:
        return "no single task could be tested"
    if len(tested) == 1:
        return "which is more than chance" if lost else "which may be chance"
    corrected = f"after correction for {len(tested)} tasks"
    if not lost:
        return f"{corrected} no single task shows a loss"
    names = ", ".join(lost[:MOST_NAMED]) + (" and others" if len(lost) > MOST_NAMED else "")
    return f"{corrected} {len(lost)} show{'s' if len(lost) == 1 else ''} a loss ({names})"


def _is_loss(row: Document) -> bool:
    found = row["difference"]
    outcome = outcome_of(
        found.get("ci_low"),
        found.get("ci_high"),
        p_adjusted=row["p_adjusted"],
        higher_is_better=row.get("higher_is_better", True),
    )
    return outcome == "worse"


def _overall(overall: Document) -> str:
    found = overall["difference"]
    if "value" not in found:
        return ""
    value = found["value"]
    how = "higher" if value > 0 else "lower"
    told = f"Overall the student scores {points(abs(value)).lstrip('+')} points {how} {_bounds(found)}"
    outcome = outcome_of(found["ci_low"], found["ci_high"], p_adjusted=None, higher_is_better=True)
    if outcome == "unclear":
        return f"{told}: the interval holds zero, so no difference is shown."
    return f"{told}, more than the choice of samples explains."


def _interval(found: Document) -> str:
    return f"{points(found['value'])} points {_bounds(found)}"


def _bounds(found: Document) -> str:
    return f"[{points(found['ci_low'])}, {points(found['ci_high'])}]"
