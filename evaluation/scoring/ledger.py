"""The ledger: a reported score beside the measured one, and retention from reported scores alone.

Reported and measured numbers never enter one ratio. A reported retention has no interval, since there are no
samples behind it, and says so by being of another type.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from scipy import stats

from evaluation.scoring.values import BadInput, check_level

Status = Literal["matches", "differs", "not_comparable", "cannot_run"]


@dataclass(frozen=True, slots=True)
class ReportedScore:
    """A published score as a fraction, with how it was made. `decimals` are those printed (of the fraction).

    `settings` are pairs such as ("num_fewshot", "5"); `source` is the document it stands in.
    """

    value: float
    source: str
    task: str
    metric: str
    settings: tuple[tuple[str, str], ...] = ()
    stderr: float | None = None
    n: int | None = None
    decimals: int | None = None


@dataclass(frozen=True, slots=True)
class MeasuredScore:
    """A score of our own."""

    value: float
    stderr: float | None
    task: str
    metric: str
    settings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A reported score's standing. `tolerance` is how far apart the two may lie and still match."""

    status: Status
    reported: float
    measured: float | None
    difference: float | None
    tolerance: float | None
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReportedRetention:
    """Student / teacher from published scores; never mixed with measured ones.

    `same_source` says whether both stand in one document. `above_chance` is None where chance is not known or
    the teacher does not reach above it.
    """

    value: float
    above_chance: float | None
    same_source: bool
    kind: Literal["reported"] = "reported"
    caveats: tuple[str, ...] = ()


def classify(
    reported: ReportedScore,
    measured: MeasuredScore | None,
    *,
    cannot_run: str | None = None,
    level: float = 0.95,
) -> LedgerEntry:
    """Compare a reported score with ours.

    `cannot_run` gives the reason why it was not measured. Scores are comparable only for the same task and
    metric, and where every setting that both state is equal. They match within the noise of both at `level`,
    plus half a unit of the last digit printed; a reported score without error or n counts as exact.
    """
    check_level(level)
    if measured is None:
        reason = cannot_run or "not measured here"
        return LedgerEntry(
            "cannot_run" if cannot_run else "not_comparable", reported.value, None, None, None, (reason,)
        )
    difference = measured.value - reported.value
    reasons = _differences(reported, measured)
    if reasons:
        return LedgerEntry("not_comparable", reported.value, measured.value, difference, None, reasons)
    tolerance = _tolerance(reported, measured, level)
    matches = abs(difference) <= tolerance
    verb = "within" if matches else "beyond"
    text = f"{abs(difference):.4g} apart, {verb} the {tolerance:.4g} that noise and rounding allow"
    return LedgerEntry(
        "matches" if matches else "differs", reported.value, measured.value, difference, tolerance, (text,)
    )


def reported_retention(
    student: ReportedScore, teacher: ReportedScore, *, is_ratio: bool, chance: float | None = None
) -> ReportedRetention | None:
    """Retention from two published scores of one task and metric; None where there is no ratio.

    Settings that differ, and scores from different documents, are named as caveats.
    """
    if (student.task, student.metric) != (teacher.task, teacher.metric):
        raise BadInput("a reported retention needs one task and one metric")
    if not is_ratio or teacher.value <= 0:
        return None
    above = None
    if chance is not None and teacher.value > chance:
        above = (student.value - chance) / (teacher.value - chance)
    same = student.source == teacher.source
    caveats = _setting_differences(student.settings, teacher.settings)
    if not same:
        caveats = ("student and teacher are reported in different documents", *caveats)
    return ReportedRetention(student.value / teacher.value, above, same, caveats=caveats)


def _differences(reported: ReportedScore, measured: MeasuredScore) -> tuple[str, ...]:
    """Why the two scores are not of the same thing."""
    reasons = []
    if reported.task != measured.task:
        reasons.append(f"reported on {reported.task}, measured on {measured.task}")
    if reported.metric != measured.metric:
        reasons.append(f"reported in {reported.metric}, measured in {measured.metric}")
    return (*reasons, *_setting_differences(reported.settings, measured.settings))


def _setting_differences(
    one: tuple[tuple[str, str], ...], other: tuple[tuple[str, str], ...]
) -> tuple[str, ...]:
    """Settings that both state and that differ, in order of their names."""
    left, right = dict(one), dict(other)
    shared = sorted(left.keys() & right.keys())
    return tuple(f"{key}: {left[key]} against {right[key]}" for key in shared if left[key] != right[key])


def _tolerance(reported: ReportedScore, measured: MeasuredScore, level: float) -> float:
    """How far the two may lie apart."""
    stderr = reported.stderr
    if stderr is None and reported.n and 0.0 <= reported.value <= 1.0:
        stderr = math.sqrt(reported.value * (1.0 - reported.value) / reported.n)
    noise = math.hypot(measured.stderr or 0.0, stderr or 0.0)
    rounding = 0.0 if reported.decimals is None else 0.5 * 10.0**-reported.decimals
    return float(stats.norm.ppf(0.5 + level / 2.0)) * noise + rounding + 1e-12
