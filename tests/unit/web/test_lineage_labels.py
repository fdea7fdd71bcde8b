"""Labels of a drawing cover neither boxes nor each other, and stand on their lines."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.web.lineage_labels import LETTER_HEIGHT, LETTER_WIDTH, Box, Spot, curve, place

GAP, WIDTH, HEIGHT, ROW = 160.0, 216.0, 46.0, 64.0


def column(x: float, count: int) -> list[Box]:
    return [Box(x, row * ROW, x + WIDTH, row * ROW + HEIGHT) for row in range(count)]


def covered(spot: Spot, words: str) -> Box:
    wide, high = len(words) * LETTER_WIDTH / 2, LETTER_HEIGHT / 2
    return Box(spot.x - wide, spot.y - high, spot.x + wide, spot.y + high)


def overlap(one: Box, other: Box) -> bool:
    beside = one.right <= other.left or other.right <= one.left
    return not beside and one.top < other.bottom and other.top < one.bottom


@settings(max_examples=40, deadline=None)
@given(
    parents=st.integers(1, 9),
    children=st.integers(1, 9),
    words=st.sampled_from(["logit", "fine-tuned", "instruction tuning, p…"]),
)
def test_every_parent_with_every_child_leaves_no_label_on_another_or_on_a_box(
    parents: int, children: int, words: str
) -> None:
    left, right = column(0, parents), column(WIDTH + GAP, children)
    lines = [
        curve([(Spot(WIDTH, one.top + HEIGHT / 2), Spot(WIDTH + GAP, other.top + HEIGHT / 2))])
        for one in left
        for other in right
    ]
    found = [covered(spot, words) for spot in place(lines, [words] * len(lines), [*left, *right]) if spot]
    assert found
    assert not any(overlap(one, other) for one, other in combinations(found, 2))
    assert not any(overlap(one, box) for one in found for box in (*left, *right))


def test_a_label_stands_on_its_line_near_the_tip() -> None:
    line = curve([(Spot(0, 0), Spot(160, 100))])
    (spot,) = place([line], ["logit"], [])
    assert spot is not None
    assert abs(float(np.interp(spot.x, line.xs, line.ys)) - spot.y) < 1
    assert spot.x > 120


def test_a_line_that_runs_backward_gets_no_label() -> None:
    assert place([curve([(Spot(160, 0), Spot(0, 10))])], ["logit"], []) == [None]
