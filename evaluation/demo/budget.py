"""How long a training lasts and how its learning rate moves: by wall clock or by a number of steps.

Either way the schedule is a function of the fraction done, so it always reaches its end.
"""

import math
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

_WARM_UP = 0.02
_FLOOR = 0.02


class Moment(NamedTuple):
    """Where a training stands: the step to make (from 0) and the fraction done, in [0, 1)."""

    step: int
    fraction: float


def until_seconds(seconds: float, clock: Callable[[], float] = time.monotonic) -> Iterator[Moment]:
    """Steps until `seconds` of wall clock have passed; the first step is always made."""
    start, step, fraction = clock(), 0, 0.0
    while fraction < 1.0:
        yield Moment(step, fraction)
        step += 1
        fraction = (clock() - start) / seconds if seconds > 0 else 1.0


def until_steps(steps: int) -> Iterator[Moment]:
    """Exactly `steps` steps."""
    return (Moment(step, step / steps) for step in range(steps))


def learning_rate(fraction: float, peak: float) -> float:
    """Linear warm-up over the first 2 %, then a cosine down to 2 % of the peak."""
    if fraction < _WARM_UP:
        return peak * max(fraction / _WARM_UP, _FLOOR)
    cosine = 0.5 * (1.0 + math.cos(math.pi * (fraction - _WARM_UP) / (1.0 - _WARM_UP)))
    return peak * (_FLOOR + (1.0 - _FLOOR) * cosine)
