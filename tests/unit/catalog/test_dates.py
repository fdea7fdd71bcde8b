"""Dates that are known to the day, the month or the year."""

from datetime import date

import pytest

from zoo.catalog import dates


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2019", date(2019, 1, 1), date(2019, 12, 31)),
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        ("2025-01-20", date(2025, 1, 20), date(2025, 1, 20)),
    ],
)
def test_a_partial_date_spans_all_that_it_can_mean(text: str, first: date, last: date) -> None:
    assert (dates.first_day(text), dates.last_day(text)) == (first, last)


@pytest.mark.parametrize(
    "text", ["", "19", "2024-13", "2024-1", "2024-01-32", "2023-02-29", "soon", "2024-01-20 "]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        dates.first_day(text)
