"""Signs that a score may not be what it seems: a student far above its teacher, a task out of line.

Signs are reasons to look (memorized test data, benchmark laundering through a teacher), never findings.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.scoring.results import Row, Sign
from evaluation.scoring.values import Estimate, Quantity, Undefined

OUT_OF_LINE = 3.5
"""Modified z-score (Iglewicz and Hoaglin 1993) beyond which a task's retention stands out."""
FEWEST_TASKS = 5
_TO_DEVIATIONS = 0.6745


def laundering_signs(rows: Sequence[Row], overall: Quantity, level: float) -> tuple[Sign, ...]:
    """Look through the rows of tasks with a ratio; order as the rows."""
    stand_out = _out_of_line(rows, overall)
    signs = []
    for row in rows:
        if _far_above(row, level):
            text = f"the student scores {row.student.value:.4g}, its teacher {row.teacher.value:.4g}"
            signs.append(Sign("far_above_teacher", row.task, text, row.p_adjusted))
        if row.task in stand_out:
            text = f"retention is {stand_out[row.task]:.4g}, far above that of the other tasks"
            signs.append(Sign("out_of_line", row.task, text, row.p_adjusted))
    return tuple(signs)


def _far_above(row: Row, level: float) -> bool:
    """Whether the student beats its teacher beyond chance, after correction over tasks."""
    if not isinstance(row.difference, Estimate) or row.p_adjusted is None:
        return False
    better = row.difference.ci_low > 0 if row.higher_is_better else row.difference.ci_high < 0
    return better and row.p_adjusted < 1.0 - level


def _out_of_line(rows: Sequence[Row], overall: Quantity) -> dict[str, float]:
    """Tasks whose retention lies far above the middle of all, and above the overall interval."""
    found = {row.task: row.retention for row in rows if isinstance(row.retention, Estimate)}
    usable = {task: one for task, one in found.items() if isinstance(one, Estimate) and one.value > 0}
    if len(usable) < FEWEST_TASKS or isinstance(overall, Undefined):
        return {}
    logs = np.array([math.log(one.value) for one in usable.values()])
    middle = float(np.median(logs))
    spread = float(np.median(np.abs(logs - middle)))
    if spread == 0.0:
        return {}
    scores = _TO_DEVIATIONS * (logs - middle) / spread
    pairs = zip(usable.items(), scores, strict=True)
    return {t: e.value for (t, e), z in pairs if z > OUT_OF_LINE and e.ci_low > overall.ci_high}


@dataclass(frozen=True, slots=True)
class RetentionDrop:
    """Retention on one set of tasks against another (public against later, plain against paraphrased).

    `gap` is the log of first over second with its interval, the two sets being independent.
    """

    gap: Quantity
    drops: bool | None


def retention_drop(first: Quantity, second: Quantity) -> RetentionDrop:
    """Compare two independent retentions; `drops` says whether the second is lower beyond both intervals' noise.

    Standard errors are read from the intervals on the log scale, so both need positive ends and one level.
    """
    for side in (first, second):
        if isinstance(side, Undefined):
            return RetentionDrop(side, None)
        if side.ci_low <= 0:
            return RetentionDrop(Undefined("too_few_samples", "an interval reaches down to zero"), None)
    assert isinstance(first, Estimate)
    assert isinstance(second, Estimate)
    gap = math.log(first.value / second.value)
    # Half widths at one level add in quadrature like standard errors (MOVER, Zou and Donner 2008).
    low = gap - math.hypot(math.log(first.value / first.ci_low), math.log(second.ci_high / second.value))
    high = gap + math.hypot(math.log(first.ci_high / first.value), math.log(second.value / second.ci_low))
    return RetentionDrop(Estimate(gap, low, high, first.ci_level, "recovered variances, log ratio"), low > 0)
