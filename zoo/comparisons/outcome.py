"""The one rule by which a measured difference is called better or worse, for every page and every interface."""

from __future__ import annotations

from typing import Literal

SIGNIFICANT = 0.05
Outcome = Literal["better", "worse", "unclear"]


def outcome_of(
    low: float | None, high: float | None, *, p_adjusted: float | None, higher_is_better: bool
) -> Outcome:
    """Better or worse where the interval leaves out zero and p, corrected over the tasks, is below 0.05.

    Otherwise unclear: no difference is shown, which is not to say that there is none. Where there is no p (a mean
    over tasks), the interval decides alone.
    """
    if low is None or high is None or low <= 0.0 <= high:
        return "unclear"
    if p_adjusted is not None and p_adjusted >= SIGNIFICANT:
        return "unclear"
    return "better" if (low > 0.0) == higher_is_better else "worse"
