"""What holds for every page: accessible, self-contained, light, steady, and as narrow as a phone."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

import pytest

from tests.browser.pages import NOTHING_THERE, PLACES, Place
from tests.browser.visits import SOON_MS, Visit

Visits = Callable[[Place], Visit]
every_page = pytest.mark.parametrize("place", [*PLACES, NOTHING_THERE], ids=lambda place: place.name)


@every_page
def test_it_answers(visited: Visits, place: Place) -> None:
    assert visited(place).status == place.status


@every_page
def test_axe_finds_no_violation_in_the_light_scheme(visited: Visits, place: Place) -> None:
    assert visited(place).light == []


@every_page
def test_axe_finds_no_low_contrast_in_the_dark_scheme(visited: Visits, place: Place) -> None:
    assert visited(place).dark == []


@every_page
def test_no_request_leaves_the_origin(visited: Visits, place: Place) -> None:
    assert visited(place).foreign == []


@every_page
def test_the_console_stays_silent(visited: Visits, place: Place) -> None:
    ignored = "\0" if place.status == 200 else f"status of {place.status}"
    assert [error for error in visited(place).errors if ignored not in error] == []


@every_page
def test_it_fits_into_320_pixels(visited: Visits, place: Place) -> None:
    assert visited(place).width_at_320 <= 320


@every_page
def test_it_has_one_heading_of_the_first_level(visited: Visits, place: Place) -> None:
    assert visited(place).headings == 1


@every_page
def test_it_is_light(visited: Visits, place: Place) -> None:
    assert visited(place).weight < place.limit


@every_page
def test_nothing_shifts(visited: Visits, place: Place) -> None:
    # Up to 0.1 counts as good (web.dev/cls); a busy machine may paint a long page in two steps.
    assert visited(place).shift < 0.1


def test_pages_paint_within_a_second(visited: Visits) -> None:
    # The median: a page that had to wait for other work on the machine decides nothing.
    assert median(visited(place).paint_ms for place in PLACES) < SOON_MS
