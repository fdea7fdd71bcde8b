"""The leaderboard: pickers, the Pareto plot and the table under it; the same as CSV, SVG, PNG and Vega-Lite."""

from __future__ import annotations

import csv
from collections.abc import Callable
from typing import Any, NamedTuple

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from evaluation.scoring.values import Estimate
from zoo.comparisons.leaderboard import COSTS, Board, Cell, Row, board
from zoo.web import scatter, vega
from zoo.web.content_policy import with_style_attributes
from zoo.web.forms import leaderboard as choices
from zoo.web.forms.leaderboard import LeaderboardForm
from zoo.web.scatter import AXES, ScatterPoint


class ShownRow(NamedTuple):
    """A row with the cells of the columns that were picked."""

    row: Row
    cells: list[Cell | None]
    size_share: float | None


class CostTab(NamedTuple):
    """One cost to plot against, as a link."""

    label: str
    query: str
    current: bool


@vary_on_headers("HX-Request")
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """The page; for htmx the part that filters change."""
    form = LeaderboardForm(request.GET)
    asked = form.asked()
    found = board(asked)
    if request.GET.get("format") == "csv":
        return _csv(found)
    columns = _columns(found)
    picked = [name for name in columns if name in request.GET.getlist("columns")] or _capabilities(found)
    heads = [(name, columns[name]) for name in picked]
    plot = scatter.scatter(_points(found, "".join), AXES[asked.cost])
    context = {
        "form": form,
        "board": found,
        "plot": plot,
        "rows": [_shown(row, picked) for row in found.rows if row.rank],
        "unranked": [_shown(row, picked) for row in found.rows if not row.rank],
        "columns": [choices.Option(name, title, name in picked) for name, title in columns.items()],
        "picked": heads,
        "tabs": _tabs(request, asked.cost),
        "suites": choices.suite_options(found),
        "teachers": choices.teacher_options(found, asked.teacher),
        "sizes": choices.size_options(request.GET.get("parameters__lte", "")),
        "keeps": choices.keep_options(request.GET.get("retention__gte", "")),
        "verdicts": choices.verdict_options(asked.verdicts),
        "query": request.GET.urlencode(),
    }
    part = request.headers.get("HX-Request") == "true"
    name = "leaderboard/board.html" if part else "leaderboard/leaderboard.html"
    return with_style_attributes(request, render(request, name, context))


@require_safe
def chart(request: HttpRequest, form: str) -> HttpResponse:
    """The plot alone: ``json`` is the Vega-Lite specification, ``svg`` and ``png`` are pictures of it."""
    asked = LeaderboardForm(request.GET).asked()
    specification = scatter.vega_lite(_points(board(asked), request.build_absolute_uri), AXES[asked.cost])
    if form == "json":
        return JsonResponse(specification)
    specification |= {"width": 720, "background": "white"}
    if form == "svg":
        return HttpResponse(vega.to_svg(specification), content_type="image/svg+xml")
    if form == "png":
        return HttpResponse(vega.to_png(specification), content_type="image/png")
    raise Http404


def _points(found: Board, address: Callable[[str], str]) -> list[ScatterPoint]:
    """The ranked rows as points; `address` completes the links."""
    return [
        ScatterPoint(
            name=row.entry.student,
            href=address(f"/models/{row.entry.student}/"),
            teacher=row.entry.teacher,
            cost=getattr(row.entry.costs, found.cost),
            retention=row.entry.retention,
            on_front=row.on_front,
        )
        for row in found.rows
        if row.rank
    ]


def _shown(row: Row, picked: list[str]) -> ShownRow:
    cells = {cell.name: cell for cell in (*row.entry.tasks, *row.entry.capabilities)}
    mine, teachers = row.entry.costs.parameters, row.entry.teacher_parameters
    share = mine / teachers if mine and teachers else None
    return ShownRow(row, [cells.get(name) for name in picked], share)


def _capabilities(found: Board) -> list[str]:
    return list(dict.fromkeys(cell.name for row in found.rows for cell in row.entry.capabilities))


def _columns(found: Board) -> dict[str, str]:
    """Titles of what can be a column, by name: the capabilities, then the tasks."""
    capabilities = {name: name for name in _capabilities(found)}
    return capabilities | {cell.name: cell.title for row in found.rows for cell in row.entry.tasks}


def _tabs(request: HttpRequest, current: str) -> list[CostTab]:
    tabs = []
    for cost in COSTS:
        query = request.GET.copy()
        query["x"] = cost
        tabs.append(CostTab(AXES[cost].label, query.urlencode(), cost == current))
    return tabs


_CSV_HEAD = (
    *("rank_best", "rank_worst", "student", "teacher", "retention", "ci_low", "ci_high", "verdict"),
    *("tasks", "tasks_of", "parameters", "weights_bytes", "latency_seconds", "peak_memory_bytes"),
    *("on_front", "unranked", "license", "license_verdict"),
)


def _csv(found: Board) -> HttpResponse:
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="leaderboard.csv"'
    writer = csv.writer(response)
    writer.writerow(_CSV_HEAD)
    for row in found.rows:
        writer.writerow(_csv_row(row))
    return response


def _csv_row(row: Row) -> list[Any]:
    entry, kept, costs = row.entry, row.entry.retention, row.entry.costs
    numbers = [kept.value, kept.ci_low, kept.ci_high] if isinstance(kept, Estimate) else ["", "", ""]
    ranks = [row.rank.best, row.rank.worst] if row.rank else ["", ""]
    return [
        *ranks,
        _safe(entry.student),
        _safe(entry.teacher),
        *numbers,
        entry.verdict,
        entry.tasks_measured,
        entry.tasks_of,
        costs.parameters,
        costs.bytes,
        costs.latency,
        costs.memory,
        row.on_front,
        row.unranked,
        row.license,
        row.license_verdict,
    ]


def _safe(text: str) -> str:
    """Text that a spreadsheet will not take for a formula."""
    return f"'{text}" if text[:1] in "=+-@" else text
