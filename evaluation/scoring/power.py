"""How many samples would settle an undecided verdict.

Normal approximation on student - margin * teacher, with the mean and spread seen so far; a plan, not a promise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import stats

from evaluation.scoring.fieller import Stratum, moments
from evaluation.scoring.paired import PairedSamples
from evaluation.scoring.values import BadInput, check_level

FURTHEST = 10_000_000
"""Beyond this many samples the answer is None: the retention seen is as good as on the margin."""


@dataclass(frozen=True, slots=True)
class Power:
    """Samples with which the verdict would be settled with probability `power`, were the estimates true.

    `samples` is None where no feasible number would do. `towards` is the verdict it would become.
    """

    n: int
    samples: int | None
    power: float
    towards: str


def samples_to_settle(
    samples: PairedSamples, margin: float, level: float = 0.95, power: float = 0.8
) -> Power:
    """Samples (not clusters) needed so that the interval lies wholly on one side of the margin."""
    check_level(level)
    check_level(power)
    if samples.n < 2:
        raise BadInput("two samples at least are needed to plan from")
    found = moments([Stratum(samples)])
    distance = found.student - margin * found.teacher
    towards = "kept" if distance >= 0 else "not_kept"
    spread = math.sqrt(found.contrast_variance(margin) * samples.n)
    reach = float(stats.norm.ppf(0.5 + level / 2) + stats.norm.ppf(power))
    if distance == 0.0 or (reach * spread / distance) ** 2 > FURTHEST:
        return Power(samples.n, None, power, towards)
    return Power(samples.n, max(2, math.ceil((reach * spread / distance) ** 2)), power, towards)
