"""The document of what the intervals cover: the tables that ``benchmarks.coverage`` makes, and how to read them."""

from __future__ import annotations

from typing import NamedTuple

HEAD = (
    "| case | n | true value | coverage % | exact % | 94–96 | truth under % | truth over % | undefined % "
    "| median width | plain / BCa bootstrap % | interval |\n|---|---|---|---|---|---|---|---|---|---|---|---|"
)


class Made(NamedTuple):
    """Numbers of pairs, of resamples, of samples up to which cases are added up, and of pairs looked at again."""

    pairs: int
    seed: int
    resamples: int
    most: int
    again: int


def document(parts: dict[str, list[str]], again: list[str], made: Made) -> str:
    """The document from the rows of its parts, and of the cases that were looked at again."""
    rows = [row for part in parts.values() for row in part]
    counts = {found: sum(f"| {found} |" in row for row in rows) for found in ("yes", "wide", "**short**")}
    still = sum("| **short** |" in row for row in again)
    named = {"rows": len(rows), "looked": len(again), "still": still}
    lines = [INTRODUCTION.format(**named, **made._asdict(), **_named(counts))]
    for part, table in parts.items():
        lines += [f"## {part}", "", HEAD, *table, ""]
    asked = {"pairs": made.pairs, "again": made.again}
    order = list(parts)
    again = sorted(again, key=lambda row: order.index(row.split("|")[1].strip()))
    lines += [SECOND_LOOK.format(**asked), "", SECOND_HEAD.format(**asked), *again, ""]
    return "\n".join(lines)


def _named(counts: dict[str, int]) -> dict[str, int]:
    """Counts under names that a format string takes."""
    return {"yes": counts["yes"], "wide": counts["wide"], "short": counts["**short**"]}


INTRODUCTION = """\
# Do the intervals hold their level?

Made by `python -m benchmarks.coverage --out docs/statistics-coverage.md` (seed {seed}); not edited by hand.

Each row: {pairs} simulated student-teacher pairs whose true value is known, and how often the published 95 %
interval held it. With {pairs} pairs a coverage of exactly 95 % shows as 94.0 to 96.0 in about 19 of 20 rows (twice the
Monte-Carlo error is 1 point), so of many rows some fall outside by accident. Bootstraps here use {resamples} resamples,
the product 10,000.

- **coverage %** is over the pairs for which the product gave an interval; **undefined %** are those for which
  it refused (teacher at chance, too few samples) and said why.
- **exact %**: for right/wrong tasks of up to {most} samples the same coverage without simulation, as the sum of the
  probabilities of all outcomes whose interval holds the truth. No Monte-Carlo error.
- **94–96**: `yes` inside, `wide` above 96 % (the interval is more careful than it says), `short` below 94 %; by the
  exact coverage where there is one.
- **truth under / over %**: how often the truth lay below or above the interval; 2.5 each is ideal. A wrong
  verdict `kept` comes from the first kind.
- **plain / BCa bootstrap %**: coverage of the two textbook bootstraps on the same pairs, for comparison. They are the
  reason why right/wrong tasks get the score interval: where few samples differ, a bootstrap can only repeat
  the few that did.

Of {rows} rows {yes} lie in 94–96 %, {wide} are wider and {short} shorter. What lies outside, and why:

- **Wide right/wrong rows** are those in which fewer than about six samples are expected to differ between the models.
  Outcomes are then so coarse that an interval without random jitter cannot be wrong in just 2.5 % on each side: at 20
  samples near 100 % more than half of all pairs show no difference at all, and whatever interval is given then either
  holds the truth in all of them or in none. The score interval errs to the wide side, the bootstraps to the short one
  (down to 40 %). Pooled sets of few differing samples are wide for the same reason.
- **Short right/wrong rows** by the exact coverage lie less than a point under 94, at single sizes between larger
  and smaller ones that are not: one more or one fewer lost sample is there likely enough to decide about a whole side.
- **Fractions that crowd just under 1** ("easy items") were short at 20 and 30 items under Student's t with n - 1
  degrees of freedom (93.0 to 93.9 %). Degrees of freedom are now taken from the tails as well (Satterthwaite's, with
  the fourth moment). A studentized bootstrap, Hall's transformation and skewness-corrected quantiles covered less in
  the same simulation (85 to 90 % at 20 items), because a small sample has not seen the rare hard items that make
  the skew. Errors still lie on one side: read a verdict `kept` on so few items with care.
- **The other rows** outside were looked at again with other pairs; of {looked} then {still} are short as well. See the
  last table.
"""

SECOND_LOOK = """\
## Rows outside, looked at again

Cases that fell outside and cannot be added up, on {again:,} other pairs (twice the Monte-Carlo error is 0.7 points).
What comes back was an accident of the first pairs."""

SECOND_HEAD = (
    "| table | case | n | of {pairs} pairs % | of {again} other pairs % | 94–96 |\n|---|---|---|---|---|---|"
)
