"""Query parameters as they stand in an address."""

from datetime import date

import pytest

from zoo.catalog.search.parameters import parse
from zoo.catalog.search.query import Range


def test_values_of_a_facet_may_be_repeated_or_separated_by_commas() -> None:
    parsed = parse({"license": ["MIT,Apache-2.0", "MIT"], "role": ["student"]})
    assert parsed.query.facets == {"license": ("MIT", "Apache-2.0"), "role": ("student",)}
    assert parsed.errors == {}


@pytest.mark.parametrize(
    ("text", "count"),
    [("7000000000", 7_000_000_000), ("7B", 7_000_000_000), ("66m", 66_000_000), ("1.5b", 1_500_000_000)],
)
def test_sizes_may_be_written_with_a_suffix(text: str, count: int) -> None:
    assert parse({"parameters__lte": [text]}).query.ranges == {"parameters": Range(None, count)}


def test_dates_span_what_they_can_mean() -> None:
    ranges = parse({"released__gte": ["2024"], "released__lte": ["2024"]}).query.ranges
    assert ranges == {"released": Range(date(2024, 1, 1).toordinal(), date(2024, 12, 31).toordinal())}


def test_retention_is_a_fraction() -> None:
    assert parse({"retention__gte": ["0.95"]}).query.ranges == {"retention": Range(950_000, None)}
    assert "retention__gte" in parse({"retention__gte": ["95"]}).errors


def test_measured_is_short_for_a_kind_of_numbers() -> None:
    assert parse({"measured": ["true"]}).query.facets == {"numbers": ("measured",)}
    assert parse({"measured": ["false"]}).query.facets == {}


def test_empty_values_do_not_count() -> None:
    parsed = parse({"q": [""], "license": [""], "parameters__gte": [""], "ordering": [""]})
    assert not parsed.query.is_filtered
    assert not parsed.errors


@pytest.mark.parametrize(
    "given",
    [
        {"foo": ["1"]},
        {"role": ["king"]},
        {"parameters__gte": ["many"]},
        {"parameters__gte": ["nan"]},
        {"parameters__gte": ["-1"]},
        {"parameters__gte": ["1e400"]},
        {"released__lte": ["yesterday"]},
        {"ordering": ["size"]},
        {"page_size": ["0"]},
        {"page_size": ["1000"]},
        {"page_size": ["9" * 5000]},
        {"measured": ["maybe"]},
        {"q": ["x" * 500]},
        {"license": [",".join(map(str, range(100)))]},
        {"parameters__gte": ["5"], "parameters__lte": ["4"]},
    ],
)
def test_what_is_wrong_is_named_and_the_rest_stays(given: dict[str, list[str]]) -> None:
    parsed = parse({"family": ["bert"], **given})
    assert set(parsed.errors) <= set(given)
    assert parsed.errors
    assert parsed.query.facets["family"] == ("bert",)
