"""Questions about lineage, answered from links alone."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.lineage.graph import Link, closing_path, depths, paths

CHAIN = [Link("c", "b"), Link("b", "a")]
DIAMOND = [Link("d", "b"), Link("d", "c"), Link("b", "a"), Link("c", "a")]


@pytest.mark.parametrize(
    ("links", "child", "parent", "path"),
    [
        ([], "a", "b", None),
        ([], "a", "a", ["a"]),
        (CHAIN, "d", "c", None),
        (CHAIN, "c", "a", None),
        (CHAIN, "a", "c", ["c", "b", "a"]),
        (CHAIN, "b", "c", ["c", "b"]),
        (DIAMOND, "a", "d", ["d", "b", "a"]),
    ],
)
def test_a_link_that_would_close_a_circle_is_told_by_its_path(
    links: list[Link[str]], child: str, parent: str, path: list[str] | None
) -> None:
    assert closing_path(links, child=child, parent=parent) == path


def test_depths_are_the_shortest_way_up() -> None:
    assert depths([*DIAMOND, Link("d", "a")], "d") == {"d": 0, "b": 1, "c": 1, "a": 1}


def test_paths_are_all_ways_up_shortest_first() -> None:
    assert paths([*DIAMOND, Link("d", "a")], start="d", goal="a") == [
        ["d", "a"],
        ["d", "b", "a"],
        ["d", "c", "a"],
    ]
    assert paths(DIAMOND, start="d", goal="a", limit=1) == [["d", "b", "a"]]
    assert paths(DIAMOND, start="a", goal="d") == []


def test_a_repeated_link_counts_once() -> None:
    assert paths([Link(2, 1), Link(2, 1)], start=2, goal=1) == [[2, 1]]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=60))
def test_adding_only_what_closes_nothing_never_makes_a_circle(pairs: list[tuple[int, int]]) -> None:
    links: list[Link[int]] = []
    for child, parent in pairs:
        if closing_path(links, child=child, parent=parent) is None:
            links.append(Link(child, parent))
    for node in range(10):
        above = depths(links, node)
        assert all(node not in depths(links, other) for other in above if other != node)


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=40),
    st.integers(0, 9),
    st.integers(0, 9),
)
def test_a_path_that_is_told_really_leads_from_parent_to_child(
    pairs: list[tuple[int, int]], child: int, parent: int
) -> None:
    links = [Link(*pair) for pair in pairs]
    path = closing_path(links, child=child, parent=parent)
    if path is None:
        assert child not in depths(links, parent)
    elif child != parent:
        assert (path[0], path[-1]) == (parent, child)
        assert all(Link(below, above) in links for below, above in itertools.pairwise(path))
