"""Suites that draw answers or have a macro: from the report through the queue of record to the comparison."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client

from tests.factories.suites import (
    DRAWS,
    ITEMS,
    make_drawn_comparison,
    make_glue_comparison,
    record_drawn_run,
)
from zoo.comparisons.samples import samples

pytestmark = pytest.mark.django_db


def test_answers_that_were_drawn_several_times_are_taken_compared_and_shown(tmp_path: Path) -> None:
    comparison = make_drawn_comparison(tmp_path)
    page = Client().get(f"/comparisons/{comparison.pk}/").content.decode()
    assert "Drawn answers" in page
    assert f"{ITEMS} × {DRAWS}" in page
    found = samples(comparison, task=None, outcome=None, after=2, limit=4)
    assert found.total == ITEMS * DRAWS
    assert [(sample.doc_id, sample.draw) for sample in found.samples] == [(0, 2), (0, 3), (1, 0), (1, 1)]
    explorer = Client().get(f"/comparisons/{comparison.pk}/samples/").content.decode()
    assert "Document 0, answer 4" in explorer


def test_a_report_with_a_draw_too_few_is_refused(tmp_path: Path) -> None:
    run = record_drawn_run(tmp_path / "run", lost=1)
    assert run.state == "failed"
    assert run.reason is not None
    assert f"says {ITEMS * DRAWS} samples and has {ITEMS * DRAWS - 1}" in run.reason["message"]


def test_a_suite_with_a_macro_shows_it_beside_the_means_by_metric(tmp_path: Path) -> None:
    comparison = make_glue_comparison(tmp_path)
    page = Client().get(f"/comparisons/{comparison.pk}/").content.decode()
    assert "As the claim is formed" in page
    assert "spearman" in page
