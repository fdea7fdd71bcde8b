"""The worked numbers of docs/methods.md are those that the code gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evaluation.scoring.compare import ComparisonBody, Settings, TaskInput, compare
from evaluation.scoring.values import Estimate, Quantity
from tests.unit.evaluation.scoring.samples import model

DOCUMENT = Path(__file__).parents[4] / "docs" / "methods.md"


@pytest.fixture(scope="module")
def body() -> ComparisonBody:
    shapes = [
        ("agreement", (380, 45, 25, 50), "language", 0.5),
        ("islands", (201, 74, 60, 165), "language", 0.5),
        ("cloze", (150, 75, 25, 250), "reading", 0.25),
    ]
    tasks = [
        TaskInput(
            name,
            "acc",
            model(np.repeat([1.0, 0, 1, 0], cells)),
            model(np.repeat([1.0, 1, 0, 0], cells)),
            capability,
            chance=chance,
        )
        for name, cells, capability, chance in shapes
    ]
    return compare(tasks, Settings(seed=1234))


def shown(quantity: Quantity) -> str:
    assert isinstance(quantity, Estimate)
    return f"{quantity.value:.3f} [{quantity.ci_low:.3f}, {quantity.ci_high:.3f}]"


def test_every_row_of_the_published_table_is_in_the_document(body: ComparisonBody) -> None:
    lines = DOCUMENT.read_text().splitlines()
    rows = [
        f"| {row.task} | {shown(row.retention)} | {shown(row.retention_above_chance)} | {shown(row.difference)} "
        f"| {row.p_adjusted:.4f} | {row.verdict} |"
        for row in body.tasks
    ]
    rows += [
        f"| **{row.name}** | {shown(row.retention)} | {shown(row.retention_above_chance)} | | | {row.verdict} |"
        for row in body.capabilities
    ]
    overall = body.overall
    rows += [
        f"| **overall** | {shown(overall.retention)} | {shown(overall.retention_above_chance)} "
        f"| {shown(overall.difference)} | | {overall.verdict} |",
        f"| mean of task ratios | {shown(overall.mean_of_tasks)} | | | | |",
    ]
    assert [row for row in rows if row not in lines] == []


def test_the_shared_errors_of_the_text_are_right(body: ComparisonBody) -> None:
    flips = body.tasks[0].flips
    assert flips is not None
    assert (flips.shared_errors.observed, flips.shared_errors.expected) == (50, 14.25)
    assert flips.kappa == pytest.approx(0.505, abs=0.0005)
