"""The parts of a comparison's page, ready to be shown: speeds, the heat map of layers, drawn answers, signs."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.http import HttpRequest

from evaluation.comparing.document import SHARES
from zoo.core.errors import Invalid
from zoo.web.presenters import decimal

Document = dict[str, Any]
MOST_EXPENSIVE = 1e6


class SpeedRow(NamedTuple):
    """One line on speed: what both reach, as text, and how many times the teacher's speed that is."""

    title: str
    unit: str
    student: str
    teacher: str
    speed_up: object


class Cell(NamedTuple):
    """Similarity of two layers; ``tenths`` is its shade, from 0 to 10."""

    value: float | None
    tenths: int
    closest: bool


class Layers(NamedTuple):
    """The heat map: a row for each layer of the student, a column for each of the teacher."""

    columns: range
    rows: tuple[tuple[Cell, ...], ...]


_OF_A_SIDE = (
    "parameters",
    "weights_bytes",
    "peak_memory_bytes",
    "run_seconds",
    "flops_per_token",
    "joules_per_token",
)
_OF_A_PAIR = (*SHARES.values(), "parameters_ratio", "weights_bytes_ratio", "price_per_hour", "same_machine")


def costs(efficiency: Document) -> Document:
    """What both cost, with None for whatever was not measured, so that a page can name every line."""
    found: Document = dict.fromkeys(_OF_A_PAIR) | efficiency
    for side in ("student", "teacher"):
        found[side] = dict.fromkeys(_OF_A_SIDE) | (efficiency.get(side) or {})
    mine, theirs = (found[side]["peak_memory_bytes"] for side in ("student", "teacher"))
    if found["memory_share"] is None and mine and theirs:
        found["memory_share"] = mine / theirs
    return found


def speeds(efficiency: Document) -> list[SpeedRow]:
    """Reading, writing, and one answer at a time: throughput, then latency at the median and the 95th percentile."""
    rows = []
    for name, title in (("prefill", "Reading"), ("decode", "Writing")):
        timed = efficiency.get(name)
        if timed:
            rates = [f"{timed[f'{side}_units_per_second']:,.0f}" for side in ("student", "teacher")]
            rows.append(SpeedRow(title, "tokens per second", rates[0], rates[1], timed["speed_up"]))
    timed = efficiency.get("latency")
    if timed:
        student, teacher = (_percentiles(timed[side]) for side in ("student", "teacher"))
        rows.append(
            SpeedRow(
                "One at a time, median", "milliseconds", _ms(student[0]), _ms(teacher[0]), timed["speed_up"]
            )
        )
        rows.append(SpeedRow("One at a time, 95%", "milliseconds", _ms(student[1]), _ms(teacher[1]), None))
    return rows


def _percentiles(side: Any) -> list[float]:
    """Documents of before percentiles had names hold them by position, the median first."""
    return side if isinstance(side, list) else [side["p50"], side["p95"]]


def _ms(seconds: float) -> str:
    return decimal(seconds * 1000, 1)


def layers(document: Document) -> Layers | None:
    """The heat map, where features were compared."""
    table = (document.get("similarity") or {}).get("cka_debiased")
    if not table:
        return None
    closest = document["similarity"]["closest"]
    rows = tuple(
        tuple(Cell(value, _tenths(value), number == best) for number, value in enumerate(row))
        for row, best in zip(table, closest, strict=True)
    )
    return Layers(range(len(table[0])), rows)


def _tenths(value: float | None) -> int:
    return 0 if value is None else round(10 * min(1.0, max(0.0, value)))


def drawn(rows: list[Document]) -> list[Document]:
    """Two lines for each task whose answers were drawn several times."""
    return [
        found | {"title": row["title"], "side": side}
        for row in rows
        for side, found in (row.get("reasoning") or {}).items()
        if found
    ]


def signs(document: Document, titles: dict[str, str]) -> list[Document]:
    """What should be looked at before the numbers are believed, with the task's name."""
    return [sign | {"title": titles.get(sign["task"], sign["task"])} for sign in document["signs"]]


def price_of(request: HttpRequest) -> float | None:
    """The price of a device hour in the query. Raises Invalid for what is no price."""
    text = request.GET.get("price", "").strip().replace(",", ".")
    if not text:
        return None
    try:
        price = float(text)
    except ValueError:
        price = -1.0
    if not 0.0 <= price <= MOST_EXPENSIVE:
        raise Invalid(f"'{text[:40]}' is no price of an hour", field="price")
    return price
