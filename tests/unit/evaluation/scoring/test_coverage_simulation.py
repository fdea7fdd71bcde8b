"""The simulation behind docs/statistics-coverage.md: it repeats, and the table in docs is one of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import coverage
from benchmarks.coverage_exact import outcomes_of
from evaluation.scoring.paired import PairedSamples
from evaluation.scoring.retention import Options, ratio_of
from evaluation.scoring.values import Estimate

DOCUMENT = Path(__file__).parents[4] / "docs" / "statistics-coverage.md"


def cases() -> list[coverage.Scenario]:
    """One small case of each kind."""
    return [
        next(iter(coverage.single_tasks())),
        next(iter(coverage.above_chance())),
        next(iter(coverage.fractional())),
        next(iter(coverage.clustered())),
        next(iter(coverage.sets())),
    ]


@pytest.mark.parametrize("index", range(5))
def test_a_case_gives_the_same_rows_for_the_same_seed(index: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage, "BIG", 10_000)
    monkeypatch.setattr(coverage, "MOST_ADDED_UP", 20)
    rows = coverage.run(cases()[index], 15, 1)
    assert rows == coverage.run(cases()[index], 15, 1)
    assert rows
    for row in rows.values():
        assert row.count("|") == coverage.HEAD.splitlines()[0].count("|")


def test_an_ordinary_case_is_covered() -> None:
    scenario = next(one for one in coverage.single_tasks() if one.n == "200")
    found = coverage.simulate(scenario, 200, 5, textbook=False)[scenario.targets[0]]
    assert 0.90 <= found.ours.coverage <= 0.99


def test_the_table_in_docs_has_a_row_for_each_case() -> None:
    text = DOCUMENT.read_text()
    rows = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| case")]
    expected = [
        (scenario.label, scenario.n)
        for kind in (coverage.single_tasks, coverage.above_chance, coverage.sets)
        for scenario in kind()
        for _ in scenario.targets
    ]
    found = [tuple(cell.strip() for cell in row.split("|")[1:3]) for row in rows]
    assert sorted(set(expected) - set(found)) == []
    assert "2000 simulated" in text


def test_the_exact_coverage_is_that_of_the_published_intervals() -> None:
    scenario = next(iter(coverage.single_tasks()))
    assert scenario.outcomes is not None
    (target, *_) = scenario.targets
    held = whole = 0.0
    for counts, probability in outcomes_of(scenario.outcomes):
        if probability < 1e-4:
            continue
        cells = [int(count) for count in counts]
        samples = PairedSamples.of_arrays(np.repeat([1.0, 0, 1, 0], cells), np.repeat([1.0, 1, 0, 0], cells))
        found = ratio_of(samples, 0.0, Options())
        assert isinstance(found, Estimate)
        whole += probability
        held += probability * (found.ci_low - 1e-9 <= target.truth <= found.ci_high + 1e-9)
    covered = coverage.exactly(scenario, target)
    assert covered is not None
    assert whole > 0.98
    assert covered.coverage == pytest.approx(held / whole, abs=1 - whole)
    assert sum(covered) == pytest.approx(1.0)
