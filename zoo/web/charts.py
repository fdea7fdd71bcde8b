"""Geometry of the small pictures: bars with intervals and dot plots, as plain numbers for SVG templates.

Pure: from quantities to positions. Templates draw them with presentation attributes, since the content policy
forbids inline style; colors come from the sheet, so both schemes work and print stays black on white.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from zoo.web.presenters import Shown, percent, shown


class Scale(NamedTuple):
    """A linear scale from values to percent of the width of a picture."""

    low: float
    high: float

    def __call__(self, value: float) -> float:
        """The position of a value in percent, kept inside the picture."""
        share = (value - self.low) / (self.high - self.low)
        return round(min(1.0, max(0.0, share)) * 100, 2)


class Tick(NamedTuple):
    """A mark on an axis."""

    at: float
    text: str


def nice_step(span: float, count: int) -> float:
    """The step of 1, 2 or 5 times a power of ten that divides a span into about this many parts."""
    raw = span / max(1, count)
    power = 10.0 ** math.floor(math.log10(raw))
    return float(power * next(step for step in (1, 2, 5, 10) if raw <= step * power * 1.0001))


_INDISTINCT = 1e-9


def nice_range(values: Sequence[float], step_count: int = 5) -> tuple[float, float, float]:
    """Low, high and step of an axis that holds all values."""
    low, high = min(values), max(values)
    if high - low < _INDISTINCT:
        low, high = low - 0.05, high + 0.05
    step = nice_step(high - low, step_count)
    return math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step, step


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar from zero with a whisker; positions in percent of its width. `over`: the value lies outside."""

    quantity: Shown
    end: float
    low: float
    high: float
    teacher: float
    text: str
    over: bool
    line: str = "teacher-line"


def bar(quantity: object, top: float = 1.2) -> Bar:
    """The bar of a retention: the teacher's line stands at 1, the picture ends at `top`."""
    value = shown(quantity)
    scale = Scale(0.0, top)
    at = scale(value.value) if value.value is not None else 0.0
    low = scale(value.low) if value.low is not None else at
    high = scale(value.high) if value.high is not None else at
    over = value.value is not None and value.value > top
    return Bar(value, at, low, high, scale(1.0), describe(value), over)


def score_bar(quantity: object, chance: float) -> Bar:
    """The bar of a share between 0 and 1, with the line of chance."""
    value = shown(quantity)
    scale = Scale(0.0, 1.0)
    at = scale(value.value) if value.value is not None else 0.0
    low = scale(value.low) if value.low is not None else at
    high = scale(value.high) if value.high is not None else at
    text = f"{describe(value)}, chance {percent(chance)}"
    return Bar(value, at, low, high, scale(chance), text, over=False, line="chance-line")


def describe(value: Shown) -> str:
    """A quantity as a phrase, for titles and screen readers."""
    if value.value is None:
        return value.reason
    if value.low is None or value.high is None:
        return percent(value.value)
    return f"{percent(value.value)}, interval {percent(value.low)} to {percent(value.high)}"


@dataclass(frozen=True, slots=True)
class DotRow:
    """One row of a dot plot. `href` is where the row leads, `verdict` a code or nothing."""

    label: str
    quantity: object
    href: str = ""
    verdict: str = ""
    detail: str = ""
    strong: bool = False


@dataclass(frozen=True, slots=True)
class DotMark:
    """A row with its positions in percent; `cut_low` and `cut_high` say that the interval goes on outside."""

    row: DotRow
    quantity: Shown
    x: float | None
    low: float | None
    high: float | None
    cut_low: bool
    cut_high: bool
    text: str


@dataclass(frozen=True, slots=True)
class DotPlot:
    """A dot plot, ready to draw."""

    ticks: tuple[Tick, ...]
    reference: float | None
    margin: float | None
    marks: tuple[DotMark, ...]


def dot_plot(
    rows: Sequence[DotRow], *, reference: float | None = 1.0, margin: float | None = 0.95
) -> DotPlot:
    """Places the rows: a dot and a whisker each, the teacher at `reference`, the margin dashed.

    The axis holds every value and the reference; intervals far outside are cut and marked as cut, so that one
    wide interval does not press all others together.
    """
    quantities = [shown(row.quantity) for row in rows]
    low, high, step = nice_range(_extent(quantities, reference, margin))
    scale = Scale(low, high)
    count = round((high - low) / step)
    return DotPlot(
        ticks=tuple(Tick(scale(low + step * i), percent(low + step * i, 0)) for i in range(count + 1)),
        reference=scale(reference) if reference is not None else None,
        margin=scale(margin) if margin is not None else None,
        marks=tuple(_mark(row, value, scale) for row, value in zip(rows, quantities, strict=True)),
    )


def _extent(quantities: Sequence[Shown], reference: float | None, margin: float | None) -> list[float]:
    values = [q.value for q in quantities if q.value is not None]
    points = values + [anchor for anchor in (reference, margin) if anchor is not None] or [0.0, 1.0]
    room = max(0.25, (max(points) - min(points)) * 0.75)
    whiskers = [edge for q in quantities for edge in (q.low, q.high) if edge is not None]
    kept = [min(max(edge, min(points) - room), max(points) + room) for edge in whiskers]
    return points + kept


def _mark(row: DotRow, value: Shown, scale: Scale) -> DotMark:
    return DotMark(
        row=row,
        quantity=value,
        x=scale(value.value) if value.value is not None else None,
        low=scale(value.low) if value.low is not None else None,
        high=scale(value.high) if value.high is not None else None,
        cut_low=value.low is not None and value.low < scale.low,
        cut_high=value.high is not None and value.high > scale.high,
        text=describe(value),
    )
