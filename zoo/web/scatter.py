"""The Pareto plot: retention against a cost on a log axis, as positions for an SVG and as a Vega-Lite specification.

Pure. Who stands on the front was decided elsewhere; here it is only drawn: intervals as whiskers, the front as a
step line, dominated points faded and never hidden, every mark a link.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from zoo.web.charts import Tick, describe, nice_range
from zoo.web.presenters import Shown, bytes_text, compact, duration, percent, shown

WIDTH, HEIGHT = 800.0, 440.0
LEFT, RIGHT, TOP, BOTTOM = 64.0, 24.0, 20.0, 52.0


class CostAxis(NamedTuple):
    """A cost that retention is weighed against. Less is better."""

    key: str
    label: str
    unit: str
    text: Callable[[float | None], str]


AXES: dict[str, CostAxis] = {
    "parameters": CostAxis("parameters", "Parameters", "", compact),
    "bytes": CostAxis("bytes", "Size of the weights", "", bytes_text),
    "latency": CostAxis("latency", "Latency per request", "", duration),
    "memory": CostAxis("memory", "Peak memory", "", bytes_text),
}


@dataclass(frozen=True, slots=True)
class ScatterPoint:
    """One student: what it keeps, what it costs, and where its mark leads. `on_front` None: a value is missing."""

    name: str
    href: str
    teacher: str
    cost: float | None
    retention: object
    on_front: bool | None


@dataclass(frozen=True, slots=True)
class Mark:
    """A point with its positions in the picture."""

    point: ScatterPoint
    x: float
    y: float
    low: float | None
    high: float | None
    text: str
    label_left: bool


@dataclass(frozen=True, slots=True)
class Scatter:
    """The picture, ready to draw; `front` is empty when fewer than two points can be placed."""

    axis: CostAxis
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    marks: tuple[Mark, ...]
    front: str
    teacher_y: float | None
    left_out: tuple[str, ...]
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = WIDTH - RIGHT
    top: float = TOP
    bottom: float = HEIGHT - BOTTOM


def scatter(points: Sequence[ScatterPoint], axis: CostAxis) -> Scatter:
    """Places the points that have both values; the others are named in `left_out`."""
    placed = [(point, shown(point.retention)) for point in points]
    usable = [(p, q) for p, q in placed if q.value is not None and p.cost is not None and p.cost > 0]
    left_out = tuple(p.name for p, q in placed if q.value is None or not p.cost)
    cheapest, dearest = _cost_range([p.cost for p, _ in usable if p.cost is not None])
    x = _log_scale(cheapest, dearest)
    low, high, step = nice_range(_heights([q for _, q in usable]))
    y = _height_scale(low, high)
    marks = tuple(_mark(point, value, x, y) for point, value in usable)
    return Scatter(
        axis=axis,
        x_ticks=tuple(Tick(x(at), axis.text(at)) for at in log_ticks(cheapest, dearest)),
        y_ticks=tuple(
            Tick(y(low + step * i), percent(low + step * i, 0)) for i in range(round((high - low) / step) + 1)
        ),
        marks=marks,
        front=step_line(marks) if len(marks) > 1 else "",
        teacher_y=y(1.0) if low <= 1.0 <= high else None,
        left_out=left_out,
    )


def step_line(marks: Sequence[Mark]) -> str:
    """The front as an SVG path: the best retention that can be had at or under each cost."""
    front = sorted((mark for mark in marks if mark.point.on_front), key=lambda mark: (mark.x, mark.y))
    if not front:
        return ""
    path = f"M{front[0].x} {front[0].y}"
    for mark in front[1:]:
        path += f"H{mark.x}V{mark.y}"
    return path + f"H{WIDTH - RIGHT}"


def log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten in the range, or their 1-2-5 steps where the range is short."""
    first, last = math.floor(math.log10(low) - 0.1), math.ceil(math.log10(high) + 0.1)
    steps: tuple[int, ...] = (1,) if last - first > 3 else (1, 2, 5)
    ticks = [step * 10.0**power for power in range(first, last + 1) for step in steps]
    return [tick for tick in ticks if low / 1.5 <= tick <= high * 1.5]


def _log_scale(low: float, high: float) -> Callable[[float], float]:
    start, end = math.log10(low / 1.5), math.log10(high * 1.5)
    width = WIDTH - LEFT - RIGHT
    return lambda value: round(LEFT + (math.log10(value) - start) / (end - start) * width, 1)


def _height_scale(low: float, high: float) -> Callable[[float], float]:
    height = HEIGHT - TOP - BOTTOM

    def place(value: float) -> float:
        share = min(1.0, max(0.0, (value - low) / (high - low)))
        return round(HEIGHT - BOTTOM - share * height, 1)

    return place


def _heights(values: Sequence[Shown]) -> list[float]:
    known = [q.value for q in values if q.value is not None]
    edges = [edge for q in values for edge in (q.low, q.high) if edge is not None]
    return [*known, *edges, 1.0] if known else [0.5, 1.0]


def _mark(
    point: ScatterPoint, value: Shown, x: Callable[[float], float], y: Callable[[float], float]
) -> Mark:
    assert point.cost is not None
    assert value.value is not None
    at = x(point.cost)
    return Mark(
        point=point,
        x=at,
        y=y(value.value),
        low=None if value.low is None else y(value.low),
        high=None if value.high is None else y(value.high),
        text=describe(value),
        label_left=at > (LEFT + WIDTH) * 0.6,
    )


def vega_lite(points: Sequence[ScatterPoint], axis: CostAxis) -> dict[str, Any]:
    """The same picture as a Vega-Lite specification, with tooltips and zoom. Colors are set by the page."""
    rows = [row for point in points if (row := _row(point, axis)) is not None]
    middle = math.sqrt(math.prod(_cost_range([row["cost"] for row in rows])))
    rows = [row | {"right": row["cost"] > middle} for row in rows]
    low, high = _cost_range([row["cost"] for row in rows])
    bottom, top, _ = nice_range(_heights([shown(point.retention) for point in points if point.cost]))
    base_x = {
        "field": "cost",
        "type": "quantitative",
        "scale": {"type": "log", "nice": False, "domain": [low / 1.5, high * 1.5]},
        "title": f"{axis.label}, log scale",
        "axis": {"format": "~s", "grid": False},
    }
    y = {
        "field": "retention",
        "type": "quantitative",
        "title": "Retention, share of the teacher's score",
        "scale": {"zero": False, "domain": [bottom, top]},
        "axis": {"format": ".0%"},
    }
    opacity = {"condition": {"test": "datum.front", "value": 1}, "value": 0.55}
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "description": f"Retention of students against {axis.label.lower()}, with the Pareto front",
        "width": "container",
        "height": 400,
        "data": {"values": rows},
        "layer": [
            *_teacher(y),
            {
                "transform": [{"filter": "datum.front"}],
                "mark": {"type": "line", "interpolate": "step-after"},
                "encoding": {"x": base_x, "y": y, "order": {"field": "cost"}},
            },
            {
                "mark": {"type": "rule"},
                "encoding": {
                    "x": base_x,
                    "y": {"field": "low", "type": "quantitative"},
                    "y2": {"field": "high"},
                    "opacity": opacity,
                },
            },
            {
                "params": [{"name": "view", "select": "interval", "bind": "scales"}],
                "mark": {"type": "point", "filled": True, "size": 220, "opacity": 1, "strokeWidth": 1},
                "encoding": {
                    "x": base_x,
                    "y": y,
                    "href": {"field": "href"},
                    "opacity": opacity,
                    "shape": {
                        "condition": {"test": "datum.front", "value": "diamond"},
                        "value": "circle",
                    },
                    "tooltip": [
                        {"field": "name", "title": "Student"},
                        {"field": "teacher", "title": "Teacher"},
                        {"field": "text", "title": "Retention"},
                        {"field": "cost_text", "title": axis.label},
                        {"field": "standing", "title": "Standing"},
                    ],
                    "description": {"field": "description"},
                },
            },
            *(_names(base_x, y, right) for right in (False, True)),
        ],
    }


def _teacher(y: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The line of the teacher's own score, and its name."""
    data = {"values": [{"retention": 1}]}
    return (
        {
            "data": data,
            "mark": {"type": "rule", "style": "teacher", "strokeDash": [1, 5]},
            "encoding": {"y": y},
        },
        {
            "data": data,
            "mark": {
                "type": "text",
                "style": "teacher-name",
                "text": "the teacher",
                "align": "right",
                "dy": 12,
            },
            "encoding": {"y": y, "x": {"value": "width"}},
        },
    )


def _names(x: dict[str, Any], y: dict[str, Any], right: bool) -> dict[str, Any]:
    """The names of the front's points, on the side where there is room."""
    return {
        "transform": [{"filter": f"datum.front && datum.right === {str(right).lower()}"}],
        "mark": {
            "type": "text",
            "align": "right" if right else "left",
            "dx": -12 if right else 12,
            "dy": -8,
        },
        "encoding": {"x": x, "y": y, "text": {"field": "short"}},
    }


def _cost_range(costs: Sequence[float]) -> tuple[float, float]:
    return (min(costs), max(costs)) if costs else (1.0, 10.0)


def _row(point: ScatterPoint, axis: CostAxis) -> dict[str, Any] | None:
    value = shown(point.retention)
    if value.value is None or not point.cost:
        return None
    return {
        "name": point.name,
        "short": point.name.partition("/")[2] or point.name,
        "teacher": point.teacher,
        "href": point.href,
        "cost": point.cost,
        "cost_text": axis.text(point.cost),
        "retention": value.value,
        "low": value.low,
        "high": value.high,
        "text": describe(value),
        "front": bool(point.on_front),
        "standing": "on the front" if point.on_front else "dominated",
        "description": f"{point.name}: {describe(value)}, {axis.label.lower()} {axis.text(point.cost)}",
    }
