"""Reported against measured, and retention from reports alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evaluation.scoring.ledger import MeasuredScore, ReportedScore, classify, reported_retention
from evaluation.scoring.values import BadInput

REPORTED = ReportedScore(0.770, "paper", "glue", "macro", (("split", "dev"),), n=1000, decimals=3)
MEASURED = MeasuredScore(0.765, 0.01, "glue", "macro", (("split", "dev"), ("seed", "1")))


def test_a_score_within_noise_and_rounding_matches() -> None:
    found = classify(REPORTED, MEASURED)
    assert found.status == "matches"
    assert found.difference == pytest.approx(-0.005)
    assert found.tolerance == pytest.approx(
        1.959964 * (0.01**2 + 0.77 * 0.23 / 1000) ** 0.5 + 0.0005, rel=1e-4
    )


def test_a_score_beyond_them_differs() -> None:
    assert classify(REPORTED, replace(MEASURED, value=0.70)).status == "differs"


def test_rounding_alone_is_allowed_for_an_exact_report() -> None:
    exact = replace(REPORTED, n=None)
    same = MeasuredScore(0.7704, None, "glue", "macro")
    assert classify(exact, same).status == "matches"
    assert classify(replace(exact, decimals=None), same).status == "differs"
    assert classify(replace(exact, stderr=0.01, decimals=None), same).status == "matches"


def test_other_tasks_metrics_and_settings_are_not_comparable() -> None:
    found = classify(REPORTED, MeasuredScore(0.77, 0.01, "blimp", "acc", (("split", "test"),)))
    assert found.status == "not_comparable"
    assert found.reasons == (
        "reported on glue, measured on blimp",
        "reported in macro, measured in acc",
        "split: dev against test",
    )


def test_what_cannot_be_run_says_why() -> None:
    found = classify(REPORTED, None, cannot_run="671B parameters do not fit one worker")
    assert (found.status, found.reasons) == ("cannot_run", ("671B parameters do not fit one worker",))
    assert classify(REPORTED, None).status == "not_comparable"


def test_a_reported_retention_is_of_another_type_and_names_its_caveats() -> None:
    teacher = replace(REPORTED, value=0.795)
    found = reported_retention(REPORTED, teacher, is_ratio=True, chance=0.5)
    assert found is not None
    assert found.kind == "reported"
    assert found.value == pytest.approx(0.770 / 0.795)
    assert found.above_chance == pytest.approx(0.270 / 0.295)
    assert found.same_source
    assert found.caveats == ()
    other = reported_retention(
        REPORTED, replace(teacher, source="card", settings=(("split", "test"),)), is_ratio=True
    )
    assert other is not None
    assert other.above_chance is None
    assert other.caveats == (
        "student and teacher are reported in different documents",
        "split: dev against test",
    )


def test_there_is_no_ratio_of_other_scales_or_of_a_teacher_at_zero() -> None:
    assert reported_retention(REPORTED, REPORTED, is_ratio=False) is None
    assert reported_retention(REPORTED, replace(REPORTED, value=0.0), is_ratio=True) is None
    at_chance = reported_retention(REPORTED, replace(REPORTED, value=0.5), is_ratio=True, chance=0.5)
    assert at_chance is not None
    assert at_chance.above_chance is None


def test_two_tasks_make_no_retention() -> None:
    with pytest.raises(BadInput, match="one task"):
        reported_retention(REPORTED, replace(REPORTED, task="blimp"), is_ratio=True)
