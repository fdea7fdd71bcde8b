"""Every component on one page, for those who build pages. Debug only."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from zoo.web.charts import DotRow
from zoo.web.presenters import SIGNS
from zoo.web.scatter import AXES, ScatterPoint, scatter


def show(request: HttpRequest) -> HttpResponse:
    """The style guide. Its figures are samples of the components, not results."""
    plot = scatter(_points(), AXES["parameters"])
    context = {"codes": list(SIGNS), "rows": _rows(), "plot": plot, "share": _estimate(0.63, 0.58, 0.68)}
    return render(request, "styleguide.html", context)


def _estimate(value: float, low: float, high: float) -> dict[str, float]:
    return {"value": value, "ci_low": low, "ci_high": high}


def _rows() -> list[DotRow]:
    return [
        DotRow("Overall", _estimate(0.94, 0.925, 0.953), strong=True),
        DotRow("Example task A", _estimate(0.99, 0.962, 1.015), href="#dot-plot"),
        DotRow("Example task B", _estimate(0.91, 0.88, 0.94), href="#dot-plot"),
        DotRow("Example task C", {"undefined": "teacher_at_chance", "message": "The teacher guesses."}),
        DotRow("Example task D, few samples", _estimate(0.86, 0.42, 1.31)),
    ]


def _points() -> list[ScatterPoint]:
    return [
        ScatterPoint("example/tiny", "#scatter", "example/teacher", 4e6, _estimate(0.71, 0.68, 0.74), True),
        ScatterPoint("example/small", "#scatter", "example/teacher", 22e6, _estimate(0.86, 0.84, 0.88), True),
        ScatterPoint("example/odd", "#scatter", "example/teacher", 30e6, _estimate(0.80, 0.77, 0.83), False),
        ScatterPoint(
            "example/half", "#scatter", "example/teacher", 66e6, _estimate(0.97, 0.955, 0.985), True
        ),
    ]
