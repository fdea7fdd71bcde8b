"""Do the intervals hold their level? Simulated pairs of known retention, and the table of docs.

    python -m benchmarks.coverage --out docs/statistics-coverage.md

The product's own functions make every interval. Beside them stand the plain percentile and BCa bootstraps
for comparison. Takes some minutes on one core; the same seed gives the same table.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from evaluation.scoring.aggregate import Member, mean_of_ratios, set_retention
from evaluation.scoring.bootstrap import Resamples, bca_bounds, generator, percentile_bounds
from evaluation.scoring.fieller import Stratum, influences, normalized
from evaluation.scoring.paired import PairedSamples
from evaluation.scoring.retention import Options, retention
from evaluation.scoring.score_interval import Bounds
from evaluation.scoring.values import Estimate, Quantity

LEVEL = 0.95
RESAMPLES = 1_000
BIG = 4_000_000
"""Draws from which the truth of scenarios without a closed form is taken."""

Draw = Callable[[np.random.Generator], list[Member]]


class Target(NamedTuple):
    """What to estimate: a form of retention, the part of the table it stands in, and its true value."""

    name: str
    part: str
    truth: float


class Scenario(NamedTuple):
    """A way to draw pairs, and all that is estimated from the same pairs."""

    label: str
    n: str
    draw: Draw
    targets: tuple[Target, ...]


@dataclass
class Tally:
    """Hits and misses of one interval over the simulated pairs."""

    defined: int = 0
    above: int = 0
    below: int = 0
    widths: list[float] = field(default_factory=list)

    def add(self, low: float, high: float, truth: float) -> None:
        """Count one interval; the last digits of a bound do not decide."""
        self.defined += 1
        self.above += truth < low - 1e-9
        self.below += truth > high + 1e-9
        self.widths.append(high - low)

    @property
    def coverage(self) -> float:
        """Share of the intervals that hold the truth."""
        return 1.0 - (self.above + self.below) / self.defined if self.defined else float("nan")


def right_wrong(
    n: int, teacher: float, student: float, gained: float
) -> Callable[[np.random.Generator], PairedSamples]:
    """Pairs of right and wrong with given probabilities; `gained` is right in the student alone."""
    lost = teacher - student + gained
    cells = [teacher - lost, lost, gained, 1.0 - teacher - gained]

    def draw(rng: np.random.Generator) -> PairedSamples:
        counts = rng.multinomial(n, cells)
        return PairedSamples.of_arrays(np.repeat([1.0, 0, 1, 0], counts), np.repeat([1.0, 1, 0, 0], counts))

    return draw


def single_tasks() -> Iterator[Scenario]:
    """One right/wrong task."""
    shapes = [
        ("ordinary: 0.80 against 0.70", 0.8, 0.7, 0.05),
        ("equal: 0.90 both", 0.9, 0.9, 0.03),
        ("far apart: 0.80 against 0.50", 0.8, 0.5, 0.05),
        ("hard: 0.20 against 0.10", 0.2, 0.1, 0.03),
        ("near 100 %: 0.98 against 0.96", 0.98, 0.96, 0.005),
        ("near 100 %, nothing gained: 0.99 against 0.95", 0.99, 0.95, 0.0),
    ]
    for label, teacher, student, gained in shapes:
        for n in (20, 30, 50, 100, 200, 500, 1000):
            targets = (
                Target("ratio", "One right/wrong task: retention", student / teacher),
                Target("difference", "One right/wrong task: difference", student - teacher),
            )
            yield Scenario(label, str(n), single(right_wrong(n, teacher, student, gained), None), targets)


def single(make: Callable[[np.random.Generator], PairedSamples], chance: float | None) -> Draw:
    """A suite of one task."""
    return lambda rng: [Member("t", make(rng), 1.0, chance)]


def above_chance() -> Iterator[Scenario]:
    """One right/wrong task, chance taken off."""
    shapes = [
        ("two choices: 0.60 against 0.55", 0.6, 0.55, 0.08, 0.5),
        ("two choices: 0.70 against 0.65", 0.7, 0.65, 0.08, 0.5),
        ("two choices, student at chance: 0.90 against 0.52", 0.9, 0.52, 0.05, 0.5),
        ("two choices, near 100 %: 0.98 against 0.96", 0.98, 0.96, 0.005, 0.5),
        ("four choices: 0.40 against 0.35", 0.4, 0.35, 0.05, 0.25),
    ]
    for label, teacher, student, gained, chance in shapes:
        for n in (50, 100, 200, 500, 1000):
            truth = (student - chance) / (teacher - chance)
            target = Target("above_chance", "One right/wrong task: retention above chance", truth)
            yield Scenario(label, str(n), single(right_wrong(n, teacher, student, gained), chance), (target,))


def fractional() -> Iterator[Scenario]:
    """One task of pass@1 over 16 draws: items differ in difficulty, both models feel it."""
    shapes = [("mixed items", 0.6, 0.4), ("hard items", 0.3, 1.5), ("easy items", 4.0, 0.2)]
    for label, alpha, beta in shapes:
        ease = np.random.default_rng(1).beta(alpha, beta, BIG)
        part = "One task of fractions (pass@1 over 16 draws): "
        top, bottom = float((ease**1.3).mean()), float(ease.mean())
        targets = (
            Target("ratio", part + "retention", top / bottom),
            Target("difference", part + "difference", top - bottom),
        )
        for n in (20, 30, 50, 100, 200):

            def make(
                rng: np.random.Generator, n: int = n, a: float = alpha, b: float = beta
            ) -> PairedSamples:
                own = rng.beta(a, b, n)
                return PairedSamples.of_arrays(rng.binomial(16, own**1.3) / 16, rng.binomial(16, own) / 16)

            yield Scenario(label, str(n), single(make, None), targets)


def clustered() -> Iterator[Scenario]:
    """One right/wrong task whose samples come in clusters of ten of like difficulty."""
    ease = np.random.default_rng(1).beta(4, 2, BIG)
    truth = float((0.5 * (ease**1.2).mean() + 0.45 * ease.mean()) / ease.mean())
    target = Target("ratio", "One right/wrong task in clusters of 10: retention", truth)
    for groups in (10, 20, 30, 57, 100):

        def make(rng: np.random.Generator, groups: int = groups) -> PairedSamples:
            within = np.repeat(rng.beta(4, 2, groups), 10)
            teacher = rng.random(groups * 10) < within
            own = rng.random(groups * 10) < within**1.2
            copied = teacher & (rng.random(groups * 10) < 0.9)
            student = np.where(rng.random(groups * 10) < 0.5, own, copied)
            clusters = np.repeat(np.arange(groups), 10).tolist()
            return PairedSamples.of_arrays(student * 1.0, teacher * 1.0, clusters)

        yield Scenario("like difficulty", f"{groups} clusters", single(make, None), (target,))


def sets() -> Iterator[Scenario]:
    """Sets of right/wrong tasks of unlike difficulty and unequal weights."""
    shapes = [
        ("ordinary, 0.6 to 0.9", (0.6, 0.9), 0.05, 0.06, ((3, 50), (5, 50), (12, 100), (67, 50))),
        ("near 100 %", (0.96, 0.99), 0.02, 0.005, ((3, 50), (5, 50), (5, 100), (12, 100))),
        ("equal models", (0.6, 0.9), 0.0, 0.01, ((3, 50), (5, 100), (12, 100))),
    ]
    part = "Sets of right/wrong tasks, unequal weights: "
    for label, (lowest, highest), loss, gained, sizes in shapes:
        for tasks, n in sizes:
            teachers = np.linspace(lowest, highest, tasks)
            weights = 1.0 + np.arange(tasks) % 3
            share = weights / weights.sum()
            top, bottom = float(share @ (teachers - loss)), float(share @ teachers)
            targets = (
                Target("ratio", part + "retention", top / bottom),
                Target("above_chance", part + "retention above chance (0.5)", (top - 0.5) / (bottom - 0.5)),
                Target("mean", part + "mean of task ratios", float(share @ ((teachers - loss) / teachers))),
            )
            makers = [right_wrong(n, float(one), float(one) - loss, gained) for one in teachers]
            yield Scenario(label, f"{tasks} x {n}", several(makers, weights.tolist()), targets)


def several(makers: list[Callable[[np.random.Generator], PairedSamples]], weights: list[float]) -> Draw:
    """A set of two-choice tasks."""
    return lambda rng: [
        Member(f"t{index}", make(rng), weight, 0.5)
        for index, (make, weight) in enumerate(zip(makers, weights, strict=True))
    ]


def published(members: list[Member], drawn: Resamples, options: Options) -> dict[str, Quantity]:
    """What the product would publish."""
    if len(members) == 1:
        found = retention(members[0].samples, members[0].chance, options, drawn)
    else:
        found = set_retention(members, drawn, options)
    return {"ratio": found.ratio, "above_chance": found.above_chance, "difference": found.difference}


def plain_bootstraps(members: list[Member], target: str, drawn: Resamples) -> tuple[Bounds, Bounds]:
    """Percentile and BCa bootstraps as textbooks have them, for comparison."""
    chances = [(m.chance or 0.0) * (target == "above_chance") for m in members]
    strata = normalized([Stratum(m.samples, m.weight, c) for m, c in zip(members, chances, strict=True)])
    means, observed = np.zeros((2, RESAMPLES)), np.zeros(2)
    for member, one in zip(members, strata, strict=True):
        means += one.weight * (drawn.means(member.name, member.samples) - one.chance)
        observed += one.weight * (
            np.array([one.samples.student.mean(), one.samples.teacher.mean()]) - one.chance
        )
    pairs = influences(strata)
    if target == "difference":
        value, values = observed[0] - observed[1], means[0] - means[1]
        effects = np.concatenate([left - right for left, right in pairs])
    else:
        value, values = observed[0] / observed[1], means[0] / np.where(means[1] > 0, means[1], np.nan)
        values = values[np.isfinite(values)]
        effects = np.concatenate([(left - value * right) / observed[1] for left, right in pairs])
    return percentile_bounds(values, LEVEL), bca_bounds(values, float(value), effects, LEVEL)


class Column(NamedTuple):
    """The tallies of one target: our interval and two textbook ones, and which methods we used."""

    ours: Tally
    plain: Tally
    bca: Tally
    methods: dict[str, int]


def run(scenario: Scenario, pairs: int, seed: int) -> dict[str, str]:
    """Simulate one scenario; a row of the table for each part that it belongs to."""
    columns = {target: Column(Tally(), Tally(), Tally(), {}) for target in scenario.targets}
    for index in range(pairs):
        rng = generator(seed, scenario.label, scenario.n, scenario.targets[0].part, str(index))
        members = scenario.draw(rng)
        options, drawn = Options(LEVEL, RESAMPLES, index, members[0].name), Resamples(RESAMPLES, index)
        found = published(members, drawn, options)
        for target, column in columns.items():
            mean = target.name == "mean"
            one = mean_of_ratios(members, drawn, options) if mean else found[target.name]
            if isinstance(one, Estimate):
                count(column, one, target.truth)
                if not mean:
                    bounds = plain_bootstraps(members, target.name, drawn)
                    column.plain.add(*bounds[0], target.truth)
                    column.bca.add(*bounds[1], target.truth)
    return {target.part: _row(scenario, target, pairs, column) for target, column in columns.items()}


def count(column: Column, found: Estimate, truth: float) -> None:
    """Count one published interval."""
    column.methods[found.method] = column.methods.get(found.method, 0) + 1
    column.ours.add(found.ci_low, found.ci_high, truth)


def _row(scenario: Scenario, target: Target, pairs: int, column: Column) -> str:
    """One line of Markdown."""
    ours, plain, bca, methods = column

    def percent(value: float) -> str:
        return "–" if value != value else f"{100 * value:.1f}"

    if not ours.defined:
        return f"| {scenario.label} | {scenario.n} | {target.truth:.3f} | – | – | – | – | 100.0 | – | – | – |"
    method = " / ".join(sorted(methods, key=lambda name: -methods[name]))
    cover = ours.coverage
    # A tenth of a percent of slack keeps float noise at the edges of the band from deciding.
    mark = "yes" if 0.9399 <= cover <= 0.9601 else ("wide" if cover > 0.96 else "**short**")
    cells = [
        scenario.label,
        scenario.n,
        f"{target.truth:.3f}",
        percent(cover),
        mark,
        percent(ours.above / ours.defined),
        percent(ours.below / ours.defined),
        percent(1 - ours.defined / pairs),
        f"{np.median(ours.widths):.3f}",
        f"{percent(plain.coverage)} / {percent(bca.coverage)}",
        method,
    ]
    return "| " + " | ".join(cells) + " |"


HEAD = (
    "| case | n | true value | coverage % | 94–96 | truth under % | truth over % | undefined % | median width "
    "| plain / BCa bootstrap % | interval |\n|---|---|---|---|---|---|---|---|---|---|---|"
)


def scenarios() -> list[Scenario]:
    """All cases, in the order of the table."""
    return [*single_tasks(), *above_chance(), *fractional(), *clustered(), *sets()]


def report(pairs: int, seed: int) -> str:
    """The whole document."""
    parts: dict[str, list[str]] = {}
    for scenario in scenarios():
        start = time.perf_counter()
        for part, row in run(scenario, pairs, seed).items():
            parts.setdefault(part, []).append(row)
            print(f"{time.perf_counter() - start:6.1f} s  {row}", file=sys.stderr, flush=True)
    return document(parts, pairs, seed)


def document(parts: dict[str, list[str]], pairs: int, seed: int) -> str:
    """The document from the rows of its parts."""
    rows = [row for part in parts.values() for row in part]
    counts = {mark: sum(f"| {mark} |" in row for row in rows) for mark in ("yes", "wide", "**short**")}
    lines = [
        INTRODUCTION.format(pairs=pairs, seed=seed, resamples=RESAMPLES, rows=len(rows), **_named(counts))
    ]
    for part, table in parts.items():
        lines += [f"## {part}", "", HEAD, *table, ""]
    return "\n".join(lines)


def _named(counts: dict[str, int]) -> dict[str, int]:
    """Counts under names that a format string takes."""
    return {"yes": counts["yes"], "wide": counts["wide"], "short": counts["**short**"]}


INTRODUCTION = """\
# Do the intervals hold their level?

Made by `python -m benchmarks.coverage --out docs/statistics-coverage.md` (seed {seed}); not edited by hand.

Each row: {pairs} simulated student-teacher pairs whose true value is known, and how often the published 95 %
interval held it. With {pairs} pairs a coverage of exactly 95 % shows as 94.0 to 96.0 in about 19 of 20 rows, so
of many rows some fall outside by accident. Bootstraps here use {resamples} resamples, the product 10,000.

- **coverage %** is over the pairs for which the product gave an interval; **undefined %** are those for which
  it refused (teacher at chance, too few samples) and said why.
- **94–96**: `yes` inside, `wide` above 96 % (the interval is more careful than it says), `short` below 94 %.
- **truth under / over %**: how often the truth lay below or above the interval; 2.5 each is ideal. A wrong
  verdict `kept` comes from the first kind.
- **plain / BCa bootstrap %**: coverage of the two textbook bootstraps on the same pairs, for comparison. They are the
  reason why right/wrong tasks get the score interval: where few samples differ, a bootstrap can only repeat
  the few that did.

Of {rows} rows {yes} lie in 94–96 %, {wide} are wider and {short} shorter. Most of the wide ones are those in which
fewer than about six samples are expected to differ between the models: outcomes are then so coarse that no interval
without random jitter can be wrong in just 2.5 % on each side. The score interval errs to the wide side there, the
bootstraps to the short one. Fractions that crowd just under 1 ("easy items") are short at 20 and 30 items, and their
errors lie on one side: read a verdict `kept` on so few items with care.
"""


def main() -> None:
    """Parse, run, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=20_240)
    parser.add_argument("--out", type=Path, default=None)
    arguments = parser.parse_args()
    text = report(arguments.pairs, arguments.seed)
    if arguments.out is None:
        print(text)
    else:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
