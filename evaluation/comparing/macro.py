"""The macro score of suites that are known by one, as their papers form it; and means by metric beside it.

GLUE's macro is a mean of accuracies and correlations, so its ratio has no zero to stand on and no interval here: it is
shown because claims are made in it ("97 % of BERT"), never ranked, and never in the place of the overall retention.
"""

from __future__ import annotations

from statistics import fmean
from typing import Any

from evaluation.comparing.inputs import Measured
from evaluation.contract import TaskResult
from evaluation.suites import loader

Document = dict[str, Any]
NO_RATIO: Document = {
    "undefined": "not_a_ratio_metric",
    "message": "A correlation of zero is not nothing kept: the difference alone is meant.",
}
_RATIOS = frozenset({"acc", "f1"})


def macro_of(student: Measured, teacher: Measured) -> Document | None:
    """The macro of both and their ratio; None for suites without one, or where a task is missing on a side."""
    suite = student.spec.suite
    if suite is None or (defined := loader.load(suite.name, suite.version).macro) is None:
        return None
    mine, theirs = ({row.task: row for row in side.report.results} for side in (student, teacher))
    if not mine or set(mine) != set(student.spec.tasks) or set(theirs) != set(mine):
        return None
    pairs = [(mine[name], theirs[name]) for name in student.spec.tasks]
    values = [fmean(_own(row) for row in side) for side in zip(*pairs, strict=True)]
    return {
        "statement": defined.statement,
        "source": defined.source,
        "student": values[0],
        "teacher": values[1],
        "ratio": values[0] / values[1] if values[1] > 0 else None,
        "tasks": len(pairs),
        "by_metric": _by_metric(pairs),
    }


def _own(result: TaskResult) -> float:
    """The task's own metric: the median over seeds where heads were trained, as papers on GLUE give it."""
    found = result.metrics.get(f"{result.metric},median")
    return (found or result.score).value


def _by_metric(pairs: list[tuple[TaskResult, TaskResult]]) -> list[Document]:
    """For every metric, the mean over the tasks that have it; a ratio only where zero means nothing."""
    names = dict.fromkeys(
        key.removesuffix(",none") for row, _ in pairs for key in row.metrics if key.endswith(",none")
    )
    rows = []
    for name in names:
        both = [(one.metrics.get(f"{name},none"), two.metrics.get(f"{name},none")) for one, two in pairs]
        found = [(one.value, two.value) for one, two in both if one is not None and two is not None]
        if not found:
            continue
        mine, theirs = (fmean(side) for side in zip(*found, strict=True))
        ratio: Document = {"value": mine / theirs} if name in _RATIOS and theirs > 0 else NO_RATIO
        rows.append(
            {"metric": name, "tasks": len(found), "student": mine, "teacher": theirs, "retention": ratio}
        )
    return rows
