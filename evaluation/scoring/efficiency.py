"""What the student saves: size, memory, speed, energy, cost, and retention per unit of each.

Both models are timed in turn on one worker, so rounds are pairs and ratios get a paired bootstrap. A quantity
that was not measured stays None; nothing is inferred from another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from evaluation.scoring.bootstrap import generator
from evaluation.scoring.retention import Options, estimate, expanded_level
from evaluation.scoring.score_interval import Bounds
from evaluation.scoring.values import BadInput, Estimate, FloatArray, Quantity, Undefined, finite_array

FEWEST_ROUNDS = 5
_PER_MILLION = 1_000_000.0
_SECONDS_PER_HOUR = 3600.0


@dataclass(frozen=True, slots=True, eq=False)
class Timing:
    """Seconds of one operation in rounds that alternated between the models; `units` is work per round."""

    student_seconds: FloatArray
    teacher_seconds: FloatArray
    units: float

    @classmethod
    def of(cls, student: npt.ArrayLike, teacher: npt.ArrayLike, units: float) -> Timing:
        """Check: as many rounds of both, all positive; `units` in tokens (1 for a latency)."""
        left, right = finite_array(student, "student seconds"), finite_array(teacher, "teacher seconds")
        if len(left) != len(right) or len(left) == 0:
            raise BadInput("both models need the same number of rounds, and one at least")
        if not ((left > 0).all() and (right > 0).all() and units > 0):
            raise BadInput("seconds and units must be positive")
        return cls(left, right, units)


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a model takes; None where it was not measured. Compute is FLOPs per token of a forward pass."""

    parameters: int
    weight_bytes: int | None = None
    peak_memory_bytes: int | None = None
    flops_per_token: float | None = None
    joules_per_token: float | None = None


class Percentiles(NamedTuple):
    """Seconds at the median and the 95th percentile of rounds."""

    p50: float
    p95: float


@dataclass(frozen=True, slots=True)
class Speed:
    """One operation of both models. `speed_up` is teacher seconds over student seconds (1.6: 60 % faster)."""

    rounds: int
    student: Percentiles
    teacher: Percentiles
    student_units_per_second: float
    teacher_units_per_second: float
    speed_up: Quantity


@dataclass(frozen=True, slots=True)
class PerUnit:
    """Retention divided by the student's share of a resource: 1 is the teacher, more is better.

    The interval carries the retention's noise alone; the resource is taken as known.
    """

    resource: str
    share: float
    retention_per_unit: Quantity


@dataclass(frozen=True, slots=True)
class Efficiency:
    """The pair's costs. Shares are student / teacher (0.6: 40 % smaller), None where not measured."""

    student: Footprint
    teacher: Footprint
    parameter_share: float
    weight_share: float | None
    memory_share: float | None
    compute_share: float | None
    energy_share: float | None
    latency: Speed | None
    prefill: Speed | None
    decode: Speed | None
    student_cost_per_million: float | None
    teacher_cost_per_million: float | None
    cost_share: float | None
    price_per_hour: float | None
    per_unit: tuple[PerUnit, ...]


def efficiency(
    student: Footprint,
    teacher: Footprint,
    options: Options,
    *,
    latency: Timing | None = None,
    prefill: Timing | None = None,
    decode: Timing | None = None,
    price_per_hour: float | None = None,
    retention: Quantity | None = None,
) -> Efficiency:
    """Put the measured costs of a pair together.

    Cost per million generated tokens comes from decode throughput and a stated price per device hour, in that
    price's currency. With a retention it is also given per unit of each measured resource.
    """
    speeds = [
        None if timing is None else speed(timing, options, name)
        for name, timing in (("latency", latency), ("prefill", prefill), ("decode", decode))
    ]
    costs = _costs(speeds[2], price_per_hour)
    shares = {
        "parameters": student.parameters / _positive(teacher.parameters),
        "weights": _share(student.weight_bytes, teacher.weight_bytes),
        "memory": _share(student.peak_memory_bytes, teacher.peak_memory_bytes),
        "compute": _share(student.flops_per_token, teacher.flops_per_token),
        "energy": _share(student.joules_per_token, teacher.joules_per_token),
        "cost": _share(*costs),
    }
    return Efficiency(
        student=student,
        teacher=teacher,
        parameter_share=student.parameters / teacher.parameters,
        weight_share=shares["weights"],
        memory_share=shares["memory"],
        compute_share=shares["compute"],
        energy_share=shares["energy"],
        latency=speeds[0],
        prefill=speeds[1],
        decode=speeds[2],
        student_cost_per_million=costs[0],
        teacher_cost_per_million=costs[1],
        cost_share=shares["cost"],
        price_per_hour=price_per_hour,
        per_unit=() if retention is None else _per_unit(retention, shares),
    )


def speed(timing: Timing, options: Options, name: str = "speed") -> Speed:
    """Percentiles, throughput, and the speed-up with a paired bootstrap over rounds."""
    pairs = (timing.student_seconds, timing.teacher_seconds)
    student, teacher = (Percentiles(*np.quantile(side, [0.5, 0.95]).tolist()) for side in pairs)
    rates = [timing.units * len(side) / float(side.sum()) for side in pairs]
    return Speed(len(pairs[0]), student, teacher, rates[0], rates[1], _speed_up(timing, options, name))


def _speed_up(timing: Timing, options: Options, name: str) -> Quantity:
    """Ratio of median seconds; medians, because one interrupted round must not decide."""
    rounds = len(timing.student_seconds)
    value = float(np.median(timing.teacher_seconds) / np.median(timing.student_seconds))
    if rounds < FEWEST_ROUNDS:
        text = f"{rounds} rounds, {FEWEST_ROUNDS} are needed for an interval; the ratio is {value:.4g}"
        return Undefined("too_few_samples", text)
    rng = generator(options.seed, "speed", name)
    chosen = rng.integers(0, rounds, size=(options.resamples, rounds))
    ratios = np.median(timing.teacher_seconds[chosen], axis=1) / np.median(
        timing.student_seconds[chosen], axis=1
    )
    level = expanded_level(options.level, rounds - 1.0)
    low, high = np.quantile(ratios, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return estimate(value, Bounds(float(low), float(high)), options, "percentile", options.resamples)


def cost_per_million(units_per_second: float, price_per_hour: float) -> float:
    """Price of a million tokens at a throughput and a price per device hour."""
    if not (units_per_second > 0 and price_per_hour >= 0):
        raise BadInput("throughput must be positive and a price not negative")
    return price_per_hour / (units_per_second * _SECONDS_PER_HOUR) * _PER_MILLION


def per_unit(retention: Quantity, share: float) -> Quantity:
    """Retention over the student's share of a resource."""
    if not share > 0:
        raise BadInput("a share of a resource is positive")
    if isinstance(retention, Undefined):
        return retention
    return Estimate(
        retention.value / share,
        retention.ci_low / share,
        retention.ci_high / share,
        retention.ci_level,
        retention.method,
        retention.resamples,
        retention.dropped,
    )


def _per_unit(retention: Quantity, shares: dict[str, float | None]) -> tuple[PerUnit, ...]:
    """Retention per unit of every resource that both models were measured on."""
    known: Sequence[tuple[str, float]] = [
        (name, share) for name, share in shares.items() if share is not None
    ]
    return tuple(PerUnit(name, share, per_unit(retention, share)) for name, share in known)


def _costs(decode: Speed | None, price: float | None) -> tuple[float | None, float | None]:
    """Cost per million generated tokens of both models."""
    if decode is None or price is None:
        return None, None
    return (
        cost_per_million(decode.student_units_per_second, price),
        cost_per_million(decode.teacher_units_per_second, price),
    )


def _share(student: float | None, teacher: float | None) -> float | None:
    """student / teacher where both are known and positive."""
    return None if not student or not teacher else student / _positive(teacher)


def _positive(value: float) -> float:
    """Refuse a resource that is not positive."""
    if not value > 0:
        raise BadInput("a resource must be positive")
    return value
