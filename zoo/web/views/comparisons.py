"""Comparison pages: what the student kept, with the samples behind it."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from evaluation.comparing.document import with_price
from evaluation.scoring.planned import in_words
from evaluation.suites import loader
from zoo.catalog.selectors import find_models
from zoo.comparisons import samples as paired
from zoo.comparisons import selectors
from zoo.comparisons.contamination import contamination_of
from zoo.comparisons.gain import gain_of
from zoo.comparisons.ledger import ledger_of, reported_retentions
from zoo.comparisons.models import Comparison
from zoo.comparisons.narrowing import Narrowing
from zoo.comparisons.samples import OUTCOMES, Outcome, PairedSample
from zoo.core.errors import Invalid
from zoo.web import comparison_parts as parts
from zoo.web.charts import DotRow
from zoo.web.comparison_sentences import sentences
from zoo.web.presenters import points, shown, signed

SAMPLES_PER_PAGE = 20
LONGEST_SEARCH = 200
FILTERS = ("outcome", "q", "margin_of", "margin__gte", "margin__lte")
"""What narrows the samples of a task, in the address of the page and of its downloads alike."""
DOWNLOADS = (
    ("parquet", "Parquet"),
    ("jsonl", "JSON Lines"),
    ("lm-eval-student", "lm-eval, student"),
    ("lm-eval-teacher", "lm-eval, teacher"),
)
OUTCOME_WORDS = {
    "both": "both right",
    "lost": "lost: only the teacher is right",
    "gained": "gained: only the student is right",
    "neither": "both wrong",
}


@require_safe
def listed(request: HttpRequest) -> HttpResponse:
    """Comparisons, newest first."""
    rows = selectors.recent(
        student=request.GET.get("student") or None, teacher=request.GET.get("teacher") or None
    )
    return render(request, "comparisons/list.html", {"rows": rows[:100]})


@require_safe
def show(request: HttpRequest, comparison_id: UUID) -> HttpResponse:
    """Retention per task, by capability and overall, with intervals, tests, verdicts, and a drawing."""
    comparison = selectors.comparison_by_id(comparison_id)
    price = parts.price_of(request)
    document = with_price(selectors.document_of(comparison), price)
    titles = _titles(document)
    rows = [
        row | {"title": titles.get(row["task"], row["task"]), "settle": _to_settle(row)}
        for row in document["tasks"]
    ]
    context = {
        "sentences": sentences(document, rows),
        "comparison": comparison,
        "document": document,
        "overall": document["overall"],
        "rows": rows,
        "groups": [
            group | {"title": titles.get(group["name"], group["name"])} for group in document["groups"]
        ],
        "plot": _plot(document, rows),
        "smaller": _smaller(document),
        "efficiency": parts.costs(document["efficiency"]),
        "gain": _gain(comparison, titles),
        "speeds": parts.speeds(document["efficiency"]),
        "layers": parts.layers(document),
        "drawn": parts.drawn(rows),
        "has_flips": any(row.get("flips") for row in rows),
        "signs": parts.signs(document, titles),
        "price": price,
        "flags": contamination_of(comparison),
        **_ledger(comparison, document),
    }
    return render(request, "comparisons/comparison.html", context)


def _to_settle(row: dict[str, Any]) -> str:
    """How many samples would settle an undecided verdict, in words; empty where there is one."""
    power = row.get("power")
    return in_words(power["samples"], power["n"]) if power else ""


def _ledger(comparison: Comparison, document: dict[str, Any]) -> dict[str, Any]:
    """What others report of the two, on the tasks of the comparison, and the student's reported retention."""
    tasks = {row["task"] for row in document["tasks"]}
    known = find_models([comparison.student, comparison.teacher])
    student = known.get(comparison.student)
    rows = [row for model in known.values() for row in ledger_of(model) if row.task in tasks]
    kept = reported_retentions(student) if student is not None else ()
    return {"ledger": rows, "retentions": [row for row in kept if row.teacher.slug == comparison.teacher]}


def _gain(comparison: Comparison, titles: dict[str, str]) -> dict[str, Any]:
    """The gain from distillation with the names of tasks as the suite gives them, the whole at the end."""
    gain = gain_of(comparison)
    if "undefined" in gain:
        return gain
    rows = [row | {"title": titles.get(row["task"], row["task"])} for row in gain["tasks"]]
    return gain | {"rows": [*rows, gain["overall"] | {"title": "Overall"}]}


def _titles(document: dict[str, Any]) -> dict[str, str]:
    """Names of tasks as the suite gives them."""
    suite = document["suite"]
    if suite is None:
        return {}
    try:
        return {task.name: task.title for task in loader.load(suite["name"], suite["version"]).tasks}
    except loader.UnknownSuite:
        return {}


def _plot(document: dict[str, Any], rows: list[dict[str, Any]]) -> list[DotRow]:
    """The whole and every task; one without a ratio with the difference that it has instead."""
    return [
        DotRow("Overall", document["overall"]["retention"], strong=True),
        *(DotRow(row["title"], row["retention"], detail=_instead(row)) for row in rows),
    ]


def _instead(row: dict[str, Any]) -> str:
    """The difference with its interval, for a task whose retention is undefined."""
    found = shown(row["difference"])
    if "value" in row["retention"] or found.value is None:
        return ""
    write = signed if row["chance"] is None else points
    bounds = "" if found.low is None or found.high is None else f" [{write(found.low)}, {write(found.high)}]"
    return f"{write(found.value)}{' points' if row['chance'] is not None else ''}{bounds}"


def _smaller(document: dict[str, Any]) -> float | None:
    """The student's share of the teacher's parameters."""
    ratio = document["efficiency"].get("parameters_ratio")
    return float(ratio) if ratio else None


@require_safe
def samples(request: HttpRequest, comparison_id: UUID) -> HttpResponse:
    """The paired samples of one task, a page at a time, by outcome."""
    comparison = selectors.comparison_by_id(comparison_id)
    document = selectors.document_of(comparison)
    outcome = request.GET.get("outcome", "")
    if outcome and outcome not in OUTCOMES:
        raise Invalid(f"there is no outcome '{outcome[:40]}'", field="outcome")
    after = _position(request.GET.get("after", ""))
    if not request.GET.get("task") and "outcome" not in request.GET:
        outcome = _most_parted(document["tasks"]).outcome
    task = request.GET.get("task") or _most_parted(document["tasks"], outcome).task
    page = paired.samples(
        comparison,
        task=task,
        outcome=outcome or None,
        after=after,
        limit=SAMPLES_PER_PAGE,
        narrow=_narrowing(request),
    )
    titles = _titles(document)
    context = {
        "comparison": comparison,
        "id": str(comparison.pk),
        "task": task,
        "tasks": [
            (row["task"], titles.get(row["task"], row["task"]), _parted(row)) for row in document["tasks"]
        ],
        "outcome": outcome,
        "outcomes": _outcomes(document["tasks"], task),
        "asked": {name: request.GET.get(name, "") for name in FILTERS},
        "filters": _filters(request, task, outcome),
        "sides": ("student", "teacher"),
        "samples": [(sample, _choices(sample), _margins(sample)) for sample in page.samples],
        "redacted": any(sample.redacted for sample in page.samples),
        "downloads": DOWNLOADS,
        "drawn": any(row["task"] == task and row.get("reasoning") for row in document["tasks"]),
        "total": page.total,
        "first": after + 1 if page.samples else 0,
        "page": _pages(request, task, outcome, after, page.total),
    }
    return render(request, "comparisons/samples.html", context)


class Start(NamedTuple):
    """Where the samples are worth reading first."""

    task: str
    outcome: Outcome | Literal[""]


def _most_parted(rows: list[dict[str, Any]], outcome: Outcome | Literal[""] = "") -> Start:
    """The task with the most samples of an outcome; without one, that on which the two part most, and how."""
    names: tuple[Outcome, ...] = (outcome,) if outcome else ("lost", "gained")

    def count(row: dict[str, Any], name: str) -> int:
        return int((row.get("samples") or {}).get(name, 0))

    row = max(rows, key=lambda row: sum(count(row, name) for name in names))
    # Where answers were drawn, documents are counted and not draws.
    told = _parted(row) and not row.get("reasoning")
    return Start(row["task"], max(names, key=lambda name: count(row, name)) if told else "")


def _parted(row: dict[str, Any]) -> int | None:
    """Samples on which one of the two is right and the other wrong; None where answers are neither."""
    found = row.get("samples")
    return found["lost"] + found["gained"] if found else None


def _outcomes(rows: list[dict[str, Any]], task: str) -> list[tuple[str, str, int | None]]:
    """Outcomes in words, with how many samples of the task have each. Where answers were drawn, none is counted."""
    row: dict[str, Any] = next((row for row in rows if row["task"] == task), {})
    counts = {} if row.get("reasoning") else row.get("samples") or {}
    return [(code, words, counts.get(code)) for code, words in OUTCOME_WORDS.items()]


class Choice(NamedTuple):
    """One choice of a document, and how both models took it. Log-likelihoods are natural logarithms."""

    text: str
    right: bool
    student: float | None
    teacher: float | None
    student_chose: bool
    teacher_chose: bool


def _choices(sample: PairedSample) -> list[Choice]:
    mine, theirs = sample.student, sample.teacher
    return [
        Choice(
            text,
            number == sample.gold,
            _at(mine["loglikelihoods"], number),
            _at(theirs["loglikelihoods"], number),
            number == mine["prediction"],
            number == theirs["prediction"],
        )
        for number, text in enumerate(sample.choices)
    ]


def _margins(sample: PairedSample) -> dict[str, float] | None:
    """How far the right choice's log-likelihood is above the best of the others, for both models."""
    gold = sample.gold
    if gold is None or len(sample.choices) < 2:
        return None
    found = {}
    for side, answer in (("student", sample.student), ("teacher", sample.teacher)):
        values = answer["loglikelihoods"]
        if len(values) != len(sample.choices):
            return None
        found[side] = values[gold] - max(value for number, value in enumerate(values) if number != gold)
    return found


def _at(values: list[float], number: int) -> float | None:
    return values[number] if number < len(values) else None


def _narrowing(request: HttpRequest) -> Narrowing:
    """The filters by text and by margin that the address names."""
    side = request.GET.get("margin_of") or "student"
    if side not in ("student", "teacher"):
        raise Invalid(f"there is no margin of '{side[:40]}'", field="margin_of")
    return Narrowing(
        request.GET.get("q", "")[:LONGEST_SEARCH].strip(),
        side,  # type: ignore[arg-type]
        _number(request, "margin__gte", -math.inf),
        _number(request, "margin__lte", math.inf),
    )


def _number(request: HttpRequest, name: str, otherwise: float) -> float:
    text = request.GET.get(name, "").strip()
    if not text:
        return otherwise
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise Invalid(f"'{text[:40]}' is not a number", field=name)
    return value


def _filters(request: HttpRequest, task: str, outcome: str) -> str:
    """The task and its filters as a query, for links that keep them."""
    given = {name: request.GET.get(name, "") for name in FILTERS} | {"outcome": outcome}
    return urlencode({"task": task} | {name: value for name, value in given.items() if value})


def _position(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def _pages(request: HttpRequest, task: str, outcome: str, after: int, total: int) -> dict[str, str]:
    query = request.GET.copy()
    query["task"], query["outcome"] = task, outcome
    found = {}
    for name, position in (("previous", after - SAMPLES_PER_PAGE), ("next", after + SAMPLES_PER_PAGE)):
        there = 0 <= position < total if name == "next" else after > 0
        query["after"] = str(max(0, position))
        found[name] = query.urlencode() if there else ""
    return found
