"""The verdict of non-inferiority: does the student keep at least `margin` of the teacher?

Convention: the two-sided interval at the stated level is read off as it is shown. All of it at or above the
margin is `kept`, all of it below is `not_kept`, else `undecided`. Each wrong verdict therefore has at most half
of the remaining probability (2.5 % at level 0.95), as is usual for non-inferiority trials (ICH E9).
"""

from __future__ import annotations

from typing import Literal

from evaluation.scoring.values import BadInput, Quantity, Undefined

VerdictCode = Literal["kept", "not_kept", "undecided"]

CONVENTION = "two-sided interval against the margin; each wrong verdict at most (1 - level) / 2"


def verdict(retention: Quantity, margin: float) -> VerdictCode | None:
    """Read the verdict off a retention's interval.

    Retention that the samples cannot settle (teacher at chance, too few samples) is `undecided`; retention
    that does not exist (no ratio metric, other prompts, not measured) has no verdict: None.
    """
    if not 0.0 < margin <= 1.0:
        raise BadInput(f"a margin lies above 0 and at most at 1, not at {margin}")
    if isinstance(retention, Undefined):
        return "undecided" if retention.code in ("teacher_at_chance", "too_few_samples") else None
    if retention.ci_low >= margin:
        return "kept"
    return "not_kept" if retention.ci_high < margin else "undecided"
