"""The simulation behind docs/statistics-coverage.md: it repeats, and the table in docs is one of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import coverage

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
    rows = coverage.run(cases()[index], 15, 1)
    assert rows == coverage.run(cases()[index], 15, 1)
    assert rows
    for row in rows.values():
        assert row.count("|") == coverage.HEAD.splitlines()[0].count("|")


def test_an_ordinary_case_is_covered() -> None:
    scenario = next(one for one in coverage.single_tasks() if one.n == "200")
    row = coverage.run(scenario, 200, 5)[scenario.targets[0].part]
    covered = float(row.split("|")[4])
    assert 90.0 <= covered <= 99.0


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
