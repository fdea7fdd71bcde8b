"""Plans of how many samples would settle a verdict: what is said, and what cannot be meant."""

from __future__ import annotations

import pytest

from evaluation.scoring.planned import in_words


@pytest.mark.parametrize(
    ("samples", "n", "said"),
    [
        (4120, 500, "about 4,120"),
        (6, 20, "more than 20; too few to plan from"),
        (20, 20, "more than 20; too few to plan from"),
        (1_463_163, 500, "over 50,000: not feasible"),
        (None, 500, "over 50,000: not feasible"),
    ],
)
def test_no_number_is_said_that_cannot_be_meant(samples: int | None, n: int, said: str) -> None:
    assert in_words(samples, n) == said
