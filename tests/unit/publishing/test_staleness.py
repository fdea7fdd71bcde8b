"""A release is marked as stale by what moved on, and by nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from evaluation.contract import FINETUNE_ENGINE_VERSION, HARNESS_ENGINE_VERSION, SCRIPTED_ENGINE_VERSION
from zoo.publishing.staleness import Current, current, marks

NOW = Current(harness="0.4.13", statistics=2, suites={"demo": "3"})


def document(
    harness: str | None = "0.4.13", statistics: int = 2, suite: str = "3", **engine: str
) -> dict[str, Any]:
    comparison = {
        "engine": {"engine": "causal", "harness_version": harness, **engine},
        "suite": {"name": "demo", "version": suite} if suite else None,
    }
    return {"statistics_version": statistics, "comparison": comparison}


def test_what_would_be_measured_the_same_way_today_has_no_mark() -> None:
    assert marks(document(), NOW) == []
    assert marks(document(suite="", harness=None), NOW) == [], "a list of tasks has no version to move on"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (document(harness="0.4.12"), "harness_moved_on"),
        (document(engine_version="0"), "engine_moved_on"),
        (document(engine="masked", engine_version="pll_word_l2r-0"), "engine_moved_on"),
        (document(engine="masked", engine_version="finetune-0", harness=None), "engine_moved_on"),
        (document(statistics=1), "statistics_moved_on"),
        (document(suite="2"), "suite_moved_on"),
    ],
)
def test_each_thing_that_moved_on_is_named(given: dict[str, Any], code: str) -> None:
    assert [mark.code for mark in marks(given, NOW)] == [code]


@pytest.mark.parametrize(
    ("engine", "version"),
    [
        ("causal", HARNESS_ENGINE_VERSION),
        ("masked", f"pll_word_l2r-{HARNESS_ENGINE_VERSION}"),
        ("masked", FINETUNE_ENGINE_VERSION),
        ("scripted", SCRIPTED_ENGINE_VERSION),
    ],
)
def test_what_each_engine_records_today_is_not_stale(engine: str, version: str) -> None:
    assert marks(document(engine=engine, engine_version=version), NOW) == []


def test_a_suite_that_is_gone_makes_nothing_stale() -> None:
    assert marks(document(), NOW._replace(suites={})) == []


def test_the_present_state_names_every_suite_that_is_shipped() -> None:
    assert current(statistics=1).suites["demo"].isdecimal()
