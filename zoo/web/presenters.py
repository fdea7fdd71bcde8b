"""How values look on a page: numbers, intervals, sizes, times, and the words and signs of states.

Pure functions from values to text. Nothing here reads the database or the clock, and nothing makes HTML.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple

MISSING = "–"
MINUS = "\u2212"
THIN = "\u202f"

Tone = Literal["good", "warn", "bad", "unknown", "info"]


class Sign(NamedTuple):
    """How a state is shown: a word, an icon of its own shape, and a tone. Never by color alone."""

    label: str
    icon: str
    tone: Tone


SIGNS: dict[str, Sign] = {
    "kept": Sign("kept", "good", "good"),
    "not_kept": Sign("not kept", "bad", "bad"),
    "undecided": Sign("undecided", "between", "unknown"),
    "allowed": Sign("allowed", "good", "good"),
    "conditions": Sign("allowed with conditions", "warn", "warn"),
    "prohibited": Sign("prohibited", "bad", "bad"),
    "unknown": Sign("unknown", "unknown", "unknown"),
    "pass": Sign("pass", "good", "good"),
    "warn": Sign("warning", "warn", "warn"),
    "fail": Sign("fail", "bad", "bad"),
    "queued": Sign("queued", "clock", "unknown"),
    "fetching": Sign("fetching", "fetch", "info"),
    "running": Sign("running", "running", "info"),
    "succeeded": Sign("succeeded", "good", "good"),
    "failed": Sign("failed", "bad", "bad"),
    "cancelled": Sign("cancelled", "stopped", "unknown"),
    "measured": Sign("measured here", "flask", "good"),
    "imported": Sign("imported", "fetch", "info"),
    "reported": Sign("reported", "info", "unknown"),
    "matches": Sign("matches", "good", "good"),
    "differs": Sign("differs", "between", "warn"),
    "cannot_be_run": Sign("cannot be run here", "unknown", "unknown"),
    "seen": Sign("seen in the source", "good", "good"),
    "recalled": Sign("from memory, unchecked", "unknown", "unknown"),
    "inferred": Sign("classified by the curators", "info", "info"),
    "disputed": Sign("disputed", "between", "warn"),
    "retracted": Sign("retracted", "cross", "unknown"),
    "supported": Sign("supported", "good", "good"),
    "partly": Sign("partly supported", "between", "warn"),
    "unsupported": Sign("no support found", "unknown", "unknown"),
    "contradicted": Sign("contradicted", "bad", "bad"),
    "open": Sign("open", "clock", "info"),
    "accepted": Sign("accepted", "good", "good"),
    "amended": Sign("accepted with changes", "good", "good"),
    "declined": Sign("declined", "bad", "unknown"),
    "both": Sign("both right", "good", "good"),
    "lost": Sign("lost", "bad", "bad"),
    "gained": Sign("gained", "plus", "info"),
    "neither": Sign("neither right", "minus", "unknown"),
    "better": Sign("better", "plus", "good"),
    "worse": Sign("worse", "bad", "bad"),
    "unclear": Sign("no difference shown", "between", "unknown"),
    "up": Sign("working", "good", "good"),
    "degraded": Sign("degraded", "warn", "warn"),
    "down": Sign("down", "bad", "bad"),
}
"""One table for every state that a page shows. A code that is not here is shown as its own word."""

UNDEFINED_WORDS: dict[str, str] = {
    "teacher_at_chance": "teacher not above chance",
    "too_few_samples": "too few samples",
    "prompts_differ": "prompts differ",
    "not_a_ratio_metric": "not a ratio metric",
    "tokenizers_differ": "tokenizers differ",
    "not_measured": "not measured",
}


def sign(code: str) -> Sign:
    """The sign of a state."""
    return SIGNS.get(code) or Sign(code.replace("_", " "), "info", "unknown")


def percent(value: float | None, digits: int = 1) -> str:
    """A fraction as percent: 0.9412 is "94.1%"."""
    return MISSING if value is None else f"{value * 100:.{digits}f}%".replace("-", MINUS)


def points(value: float | None, digits: int = 1) -> str:
    """A difference of two fractions in percentage points, always with its sign."""
    return MISSING if value is None else f"{value * 100:+.{digits}f}".replace("-", MINUS)


def signed(value: float | None, digits: int = 3) -> str:
    """A difference of two plain numbers, always with its sign."""
    return MISSING if value is None else f"{value:+.{digits}f}".replace("-", MINUS)


def decimal(value: float | None, digits: int = 3) -> str:
    """A plain number with a fixed count of digits."""
    return MISSING if value is None else f"{value:.{digits}f}".replace("-", MINUS)


def as_stated(value: Decimal) -> str:
    """An amount with all the digits that its source gives and no others: a price of 0.028 is not 0.03."""
    return f"{value.normalize():,f}"


def probability(value: float | None) -> str:
    """A p-value: three digits, or that it is smaller than they can say."""
    if value is None:
        return MISSING
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def compact(value: float | None) -> str:
    """A count with a letter for its thousands: 66,362,880 is "66.4M"."""
    return MISSING if value is None else _scaled(float(value), 1000, ("", "K", "M", "B", "T"), "")


def bytes_text(value: float | None) -> str:
    """A size in decimal units, as disks and downloads count: 98,213,000 is "98.2 MB"."""
    return MISSING if value is None else _scaled(float(value), 1000, ("B", "kB", "MB", "GB", "TB"), " ")


def _scaled(value: float, base: int, units: tuple[str, ...], gap: str) -> str:
    index = 0
    while abs(value) >= base * 0.9995 and index < len(units) - 1:
        value /= base
        index += 1
    text = f"{value:.0f}" if index == 0 or abs(value) >= 100 else f"{value:.3g}"
    return f"{text}{gap}{units[index]}".rstrip()


def duration(seconds: float | None) -> str:
    """A length of time in its two largest units: 3725 is "1 h 2 min"."""
    if seconds is None:
        return MISSING
    if seconds < 10:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    left = round(seconds)
    parts = []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])


def age(then: datetime, now: datetime) -> str:
    """How long ago, in one unit: "3 hours ago", "in 2 days"."""
    seconds = (now - then).total_seconds()
    size = abs(seconds)
    if size < 45:
        return "just now"
    for limit, unit_size, unit in (
        (2700, 60, "minute"),
        (79200, 3600, "hour"),
        (86400 * 45, 86400, "day"),
        (86400 * 700, 86400 * 30.44, "month"),
        (float("inf"), 86400 * 365.25, "year"),
    ):
        if size < limit:
            count = max(1, round(size / unit_size))
            text = f"{count} {unit}{'' if count == 1 else 's'}"
            return f"{text} ago" if seconds > 0 else f"in {text}"
    raise AssertionError("the last limit is infinite")


class Shown(NamedTuple):
    """A quantity ready to be shown: a value with its interval, or the reason why there is none."""

    value: float | None
    low: float | None
    high: float | None
    reason: str
    explanation: str


def shown(quantity: object) -> Shown:
    """Reads a quantity in any of its forms: an Estimate or Undefined of the scoring, or their JSON."""
    code = _read(quantity, "undefined") or _read(quantity, "code")
    if code or quantity is None:
        code = str(code or "not_measured")
        words = UNDEFINED_WORDS.get(code, code.replace("_", " "))
        return Shown(None, None, None, words, _text(_read(quantity, "message")))
    value, low, high = (_number(_read(quantity, name)) for name in ("value", "ci_low", "ci_high"))
    return Shown(value, low, high, "", "")


def _read(quantity: object, name: str) -> Any:
    return quantity.get(name) if isinstance(quantity, Mapping) else getattr(quantity, name, None)


def _text(value: Any) -> str:
    return str(value) if value else ""


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
