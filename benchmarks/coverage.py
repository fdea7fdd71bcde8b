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

from benchmarks.coverage_document import HEAD as HEAD  # The tests count its columns.
from benchmarks.coverage_document import Made, document
from benchmarks.coverage_exact import Covered, Outcomes, exact
from evaluation.scoring.aggregate import Member, mean_of_ratios, set_retention
from evaluation.scoring.bootstrap import Resamples, bca_bounds, generator, percentile_bounds
from evaluation.scoring.fieller import Stratum, influences, normalized
from evaluation.scoring.paired import PairedSamples
from evaluation.scoring.retention import Options, retention
from evaluation.scoring.score_interval import Bounds
from evaluation.scoring.values import Estimate, Quantity

LEVEL = 0.95
RESAMPLES = 1_000
MOST_ADDED_UP = 200
"""Samples of a right/wrong task up to which its coverage is added up over every outcome there can be."""
AGAIN = 4_000
"""Other pairs on which cases that fall outside and cannot be added up are looked at again."""
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
    outcomes: Outcomes | None = None
    """Of one right/wrong task, whose coverage is then added up besides being simulated."""


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


def outcomes(n: int, teacher: float, student: float, gained: float) -> Outcomes:
    """Probabilities of both, lost, gained and neither; `gained` is right in the student alone."""
    lost = teacher - student + gained
    return Outcomes(n, (teacher - lost, lost, gained, 1.0 - teacher - gained))


def right_wrong(found: Outcomes) -> Callable[[np.random.Generator], PairedSamples]:
    """Pairs of right and wrong with given probabilities."""
    n, cells = found.n, found.cells

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
            pair = outcomes(n, teacher, student, gained)
            yield Scenario(label, str(n), single(right_wrong(pair), None), targets, pair)


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
            pair = outcomes(n, teacher, student, gained)
            made = single(right_wrong(pair), chance)
            yield Scenario(label, str(n), made, (target,), pair._replace(chance=chance))


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
            makers = [right_wrong(outcomes(n, float(one), float(one) - loss, gained)) for one in teachers]
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
    simulated = simulate(scenario, pairs, seed)
    return {target.part: _row(scenario, target, pairs, column) for target, column in simulated.items()}


def simulate(scenario: Scenario, pairs: int, seed: int, *, textbook: bool = True) -> dict[Target, Column]:
    """How often the intervals of each target held its truth; ``textbook``: and those of the two bootstraps."""
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
                if textbook and not mean:
                    bounds = plain_bootstraps(members, target.name, drawn)
                    column.plain.add(*bounds[0], target.truth)
                    column.bca.add(*bounds[1], target.truth)
    return columns


def count(column: Column, found: Estimate, truth: float) -> None:
    """Count one published interval."""
    column.methods[found.method] = column.methods.get(found.method, 0) + 1
    column.ours.add(found.ci_low, found.ci_high, truth)


def _row(scenario: Scenario, target: Target, pairs: int, column: Column) -> str:
    """One line of Markdown."""
    ours, plain, bca, methods = column

    def percent(value: float) -> str:
        return "–" if value != value else f"{100 * value:.1f}"

    added_up = exactly(scenario, target)
    method = " / ".join(sorted(methods, key=lambda name: -methods[name]))
    cells = [
        scenario.label,
        scenario.n,
        f"{target.truth:.3f}",
        percent(ours.coverage),
        "–" if added_up is None else f"{100 * added_up.coverage:.2f}",
        mark(ours.coverage if added_up is None else added_up.coverage),
        percent(ours.above / ours.defined),
        percent(ours.below / ours.defined),
        percent(1 - ours.defined / pairs),
        f"{np.median(ours.widths):.3f}",
        f"{percent(plain.coverage)} / {percent(bca.coverage)}",
        method,
    ]
    return "| " + " | ".join(cells) + " |"


def exactly(scenario: Scenario, target: Target) -> Covered | None:
    """The coverage without simulation, of a right/wrong task that is small enough to be added up."""
    found = scenario.outcomes
    if found is None or found.n > MOST_ADDED_UP:
        return None
    return exact(found, target.truth, LEVEL, difference=target.name == "difference")


def mark(cover: float) -> str:
    """Where a coverage lies. A hundredth of a percent of slack keeps float noise at the edges from deciding."""
    if 0.9399 <= cover <= 0.9601:
        return "yes"
    return "wide" if cover > 0.96 else "**short**"


def scenarios() -> list[Scenario]:
    """All cases, in the order of the table."""
    return [*single_tasks(), *above_chance(), *fractional(), *clustered(), *sets()]


def report(pairs: int, seed: int) -> str:
    """The whole document."""
    parts: dict[str, list[str]] = {}
    again: list[str] = []
    for scenario in scenarios():
        start = time.perf_counter()
        columns = simulate(scenario, pairs, seed)
        for target, column in columns.items():
            row = _row(scenario, target, pairs, column)
            parts.setdefault(target.part, []).append(row)
            print(f"{time.perf_counter() - start:6.1f} s  {row}", file=sys.stderr, flush=True)
        outside = [
            target for target, column in columns.items() if _unexplained(scenario, target, column.ours)
        ]
        if outside:
            other = simulate(scenario, AGAIN, seed + 1, textbook=False)
            again += [
                looked_again(target.part, scenario, columns[target].ours, other[target].ours)
                for target in outside
            ]
    return document(parts, again, Made(pairs, seed, RESAMPLES, MOST_ADDED_UP, AGAIN))


def _unexplained(scenario: Scenario, target: Target, ours: Tally) -> bool:
    """Whether a case lies outside the band by simulation alone."""
    return mark(ours.coverage) != "yes" and exactly(scenario, target) is None


def looked_again(part: str, scenario: Scenario, first: Tally, other: Tally) -> str:
    """One line of the second table."""
    shown = [f"{100 * tally.coverage:.1f}" for tally in (first, other)]
    return f"| {part} | {scenario.label} | {scenario.n} | {shown[0]} | {shown[1]} | {mark(other.coverage)} |"


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
