"""Dates that are known to the day, the month or only the year, as sources give them. Pure."""

from __future__ import annotations

import calendar
import re
from datetime import date

PATTERN = r"^\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?$"
_PARTIAL = re.compile(PATTERN)


def first_day(text: str) -> date:
    """The earliest day that the partial date can mean. Raises ValueError on anything but Y, Y-M, Y-M-D."""
    year, month, day = _parts(text)
    return date(year, month or 1, day or 1)


def last_day(text: str) -> date:
    """The latest day that the partial date can mean. Raises ValueError like ``first_day``."""
    year, month, day = _parts(text)
    month = month or 12
    return date(year, month, day or calendar.monthrange(year, month)[1])


def _parts(text: str) -> tuple[int, int | None, int | None]:
    if not _PARTIAL.match(text):
        raise ValueError(f"{text!r} is not a year, a year and month, or a day")
    numbers = [int(part) for part in text.split("-")]
    return numbers[0], numbers[1] if len(numbers) > 1 else None, numbers[2] if len(numbers) > 2 else None
