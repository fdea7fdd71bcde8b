"""A plan of ``power`` in words, without figures that cannot be meant. Quick to import: no scipy."""

from __future__ import annotations

MOST_TIMES = 100
"""More than this many times the samples at hand is no plan that anybody could follow."""


def can_be_meant(samples: int | None, n: int) -> bool:
    """Whether a plan made from ``n`` samples can be told as a number.

    The verdict is undecided at ``n``, so a plan for no more than that shows the approximation failing.
    """
    return samples is not None and n < samples <= MOST_TIMES * n


def in_words(samples: int | None, n: int) -> str:
    """What a plan made from ``n`` samples comes to."""
    if samples is not None and samples <= n:
        return f"more than {n:,}; too few to plan from"
    return f"about {samples:,}" if can_be_meant(samples, n) else f"over {MOST_TIMES * n:,}: not feasible"
