"""Queries, and the cursors of their pages."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.catalog.search.query import BadCursor, BadQuery, Cursor, Query, Range, decode_cursor, encode_cursor


@given(
    st.integers(min_value=-(2**62), max_value=2**62), st.integers(min_value=1, max_value=2**62), st.booleans()
)
def test_a_cursor_comes_back_as_it_was(value: int, model_id: int, backward: bool) -> None:
    cursor = Cursor("parameters", value, model_id, backward)
    assert decode_cursor(encode_cursor(cursor), "parameters") == cursor


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "%%%",
        "",
        base64.urlsafe_b64encode(b"[1,2]").decode(),
        base64.urlsafe_b64encode(b'["name",1,5,0]').decode(),
    ],
)
def test_a_damaged_cursor_is_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        decode_cursor(text or "!", "name")


def test_a_cursor_of_another_ordering_is_refused() -> None:
    with pytest.raises(BadCursor):
        decode_cursor(encode_cursor(Cursor("parameters", 5, 1, False)), "-parameters")


@pytest.mark.parametrize(
    "text", ['["parameters", true, 5, 0]', '["parameters", 1e400, 5, 0]', '["parameters", 1, -5, 0]']
)
def test_a_cursor_with_other_types_is_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        decode_cursor(base64.urlsafe_b64encode(text.encode()).decode(), "parameters")


@pytest.mark.parametrize(
    "given",
    [
        {"facets": {"color": ("red",)}},
        {"ranges": {"height": Range(1, 2)}},
        {"ordering": "random"},
        {"size": 0},
        {"size": 101},
        {"text": "x" * 401},
    ],
)
def test_what_no_search_can_mean_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(BadQuery):
        Query(**given)  # type: ignore[arg-type]


def test_dropping_a_facet_keeps_the_rest() -> None:
    query = Query("bert", {"family": ("bert",), "role": ("student",)}, {"parameters": Range(1, None)}, "name")
    assert query.without("role") == Query(
        "bert", {"family": ("bert",)}, {"parameters": Range(1, None)}, "name"
    )
