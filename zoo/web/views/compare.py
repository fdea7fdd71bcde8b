"""Models side by side. Everything is in the address: the models, the baseline, the suite, only differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from zoo.catalog.selectors import model_names
from zoo.comparisons.side_by_side import (
    Cell,
    Column,
    SideBySide,
    TaskLine,
    TooManyModels,
    side_by_side,
    starting_points,
)
from zoo.web.presenters import MISSING, bytes_text, compact, duration
from zoo.web.suite_titles import titles_of

_COST_TEXTS: dict[str, tuple[str, Callable[[float | None], str]]] = {
    "parameters": ("Parameters", compact),
    "weights_bytes": ("Size of the weights", bytes_text),
    "peak_memory_bytes": ("Peak memory of the run", bytes_text),
    "run_seconds": ("Time of the run", duration),
}


class Line(NamedTuple):
    """A row of plain values, each beside its column; `same` where all columns that have one agree."""

    label: str
    cells: list[tuple[Column, str]]
    same: bool


class ScoreLine(NamedTuple):
    """A task with its title and the scores of all models, each beside its column."""

    title: str
    line: TaskLine
    cells: list[tuple[Column, Cell | None]]


class Chosen(NamedTuple):
    """A model in the head of the table, with the addresses of what can be done to it."""

    column: Column
    without: str
    as_baseline: str


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """The page. An unknown model keeps the rest; too many are an error that keeps the form."""
    names = [name for name in request.GET.getlist("m") if name.strip()]
    context: dict[str, object] = {"names": model_names(limit=300), "chosen": [], "pairs": starting_points()}
    try:
        table = side_by_side(names, baseline=request.GET.get("base", ""), suite=request.GET.get("suite", ""))
    except TooManyModels as error:
        return render(request, "compare/compare.html", context | {"error": error.message}, status=400)
    context |= _context(request, table, only_differences=request.GET.get("diff") == "1")
    return render(request, "compare/compare.html", context)


def _context(request: HttpRequest, table: SideBySide, *, only_differences: bool) -> dict[str, object]:
    lines = [
        line
        for line in table.lines
        if not only_differences or len({cell.word for cell in line.cells if cell} - {"baseline", "unclear"})
    ]
    groups = (
        ("The model", _catalog_lines(table.columns)),
        ("What it costs", _cost_lines(table.columns)),
        ("How it was measured", _setting_lines(table.columns)),
    )
    titles = titles_of(table.suite)
    return {
        "table": table,
        "chosen": [_chosen(request, column) for column in table.columns],
        "lines": [
            ScoreLine(
                titles.get(line.task, line.task), line, list(zip(table.columns, line.cells, strict=True))
            )
            for line in lines
        ],
        "hidden_lines": len(table.lines) - len(lines),
        "groups": [
            (title, [line for line in found if not (only_differences and line.same)])
            for title, found in groups
        ],
        "only_differences": only_differences,
        "license": _line("License", table.columns, [column.known.license for column in table.columns]),
        "agreements": [
            (column, list(zip(table.columns, cells, strict=True)))
            for column, cells in zip(table.columns, table.agreements, strict=True)
        ],
        "toggle": _address(request, diff=None if only_differences else "1"),
        "suites": [(suite, _address(request, suite=suite), suite == table.suite) for suite in table.suites],
    }


def _address(request: HttpRequest, **changes: str | None) -> str:
    query = request.GET.copy()
    for name, value in changes.items():
        query.pop(name, None)
        if value is not None:
            query[name] = value
    return f"?{query.urlencode()}"


def _chosen(request: HttpRequest, column: Column) -> Chosen:
    query = request.GET.copy()
    query.setlist("m", [name for name in query.getlist("m") if name.strip() != column.name])
    return Chosen(column, f"?{query.urlencode()}", _address(request, base=column.name))


def _line(label: str, columns: Sequence[Column], values: Sequence[str]) -> Line:
    shown = [value or MISSING for value in values]
    return Line(label, list(zip(columns, shown, strict=True)), len(set(shown) - {MISSING}) <= 1)


def _catalog_lines(columns: Sequence[Column]) -> list[Line]:
    return [
        _line("Parameters", columns, [compact(column.known.parameters) for column in columns]),
        _line("Context, tokens", columns, [compact(column.known.context_length) for column in columns]),
        _line("Released", columns, [column.known.released for column in columns]),
        _line("Availability", columns, [column.known.availability for column in columns]),
    ]


def _cost_lines(columns: Sequence[Column]) -> list[Line]:
    return [
        _line(label, columns, [text(dict(column.costs).get(key)) for column in columns])
        for key, (label, text) in _COST_TEXTS.items()
    ]


def _setting_lines(columns: Sequence[Column]) -> list[Line]:
    names = dict.fromkeys(name for column in columns for name, _ in column.settings)
    return [
        _line(name, columns, [dict(column.settings).get(name, "") for column in columns]) for name in names
    ]
