"""The values that scoring returns: estimates with intervals, or `Undefined` with a reason.

Also their plain (JSON-ready) form and the errors for input that must be refused. No statistics here.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]
Plain: TypeAlias = bool | int | float | str | list["Plain"] | dict[str, "Plain"] | None

UndefinedCode = Literal[
    "teacher_at_chance",
    "too_few_samples",
    "prompts_differ",
    "not_a_ratio_metric",
    "tokenizers_differ",
    "not_measured",
]


class BadInput(ValueError):
    """The numbers given cannot be scored at all (NaN, unequal lengths, a level outside 0 to 1)."""


@dataclass(frozen=True, slots=True)
class Undefined:
    """A number that cannot be had, and why. `code` is for programs, `message` for people."""

    code: UndefinedCode
    message: str


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its two-sided interval at `ci_level`; `method` names how the interval was made.

    `resamples` is 0 for methods that do not resample. `dropped` counts resamples in which the number could
    not be formed (a teacher mean at or under its floor) and which the interval therefore leaves out.
    """

    value: float
    ci_low: float
    ci_high: float
    ci_level: float
    method: str
    resamples: int = 0
    dropped: int = 0

    @property
    def width(self) -> float:
        """Length of the interval."""
        return self.ci_high - self.ci_low


Quantity: TypeAlias = Estimate | Undefined


def plain(value: object) -> Any:
    """Turn a result into JSON-ready data; fields keep their names, `Undefined` becomes `{"undefined": code}`.

    A NaN or an infinity is refused: an unknown number must be `Undefined` or `None` before it gets here.
    """
    if isinstance(value, Undefined):
        return {"undefined": value.code, "message": value.message}
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        # Named tuples have names for a reason: whoever reads the JSON must not count positions.
        return {name: plain(getattr(value, name)) for name in value._fields}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return [plain(item) for item in value.tolist()]
    return _plain_scalar(value)


def _plain_scalar(value: object) -> Plain:
    """Plain form of a single value."""
    if isinstance(value, enum.Enum):
        return _plain_scalar(value.value)
    if isinstance(value, np.generic):
        return _plain_scalar(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        raise BadInput("a result holds a number that is not finite")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"no plain form for {type(value).__name__}")


def finite_array(values: npt.ArrayLike, name: str) -> FloatArray:
    """Return `values` as a one-dimensional float array, refusing NaN and infinities."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise BadInput(f"{name} must have one dimension, not {array.ndim}")
    if not np.isfinite(array).all():
        raise BadInput(f"{name} holds values that are not finite")
    return array


def check_level(level: float) -> None:
    """Refuse a confidence level outside the open interval 0 to 1."""
    if not 0.0 < level < 1.0:
        raise BadInput(f"a confidence level lies between 0 and 1, not {level}")
