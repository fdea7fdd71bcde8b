"""How values look: units, signs, ages, and quantities in all their forms."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from evaluation.scoring.values import Estimate, Undefined
from zoo.web import presenters

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("function", "value", "text"),
    [
        (presenters.percent, 0.9412, "94.1%"),
        (presenters.percent, -0.02, "−2.0%"),
        (presenters.percent, None, "–"),
        (presenters.points, 0.031, "+3.1"),
        (presenters.points, -0.031, "−3.1"),
        (presenters.decimal, 0.12345, "0.123"),
        (presenters.as_stated, Decimal("0.0280"), "0.028"),
        (presenters.as_stated, Decimal("5576000.0000"), "5,576,000"),
        (presenters.probability, 0.0002, "< 0.001"),
        (presenters.probability, 0.04, "0.040"),
        (presenters.compact, 66_362_880, "66.4M"),
        (presenters.compact, 999_999, "1M"),
        (presenters.compact, 812, "812"),
        (presenters.compact, 7_000_000_000, "7B"),
        (presenters.bytes_text, 98_213_000, "98.2 MB"),
        (presenters.bytes_text, 0, "0 B"),
        (presenters.duration, 3725, "1 h 2 min"),
        (presenters.duration, 2.34, "2.3 s"),
        (presenters.duration, None, "–"),
    ],
)
def test_a_value_is_written_with_its_unit(function, value, text) -> None:
    assert function(value) == text


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (timedelta(seconds=3), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(hours=5), "5 hours ago"),
        (timedelta(days=3), "3 days ago"),
        (timedelta(days=200), "7 months ago"),
        (timedelta(days=1000), "3 years ago"),
        (-timedelta(days=2), "in 2 days"),
    ],
)
def test_an_age_is_told_in_one_unit(ago: timedelta, text: str) -> None:
    assert presenters.age(NOW - ago, NOW) == text


def test_an_estimate_and_its_json_are_shown_alike() -> None:
    estimate = Estimate(0.9, 0.85, 0.95, 0.95, "percentile")
    as_json = {"value": 0.9, "ci_low": 0.85, "ci_high": 0.95}
    assert presenters.shown(estimate) == presenters.shown(as_json) == (0.9, 0.85, 0.95, "", "")


def test_an_undefined_quantity_keeps_its_reason() -> None:
    undefined = Undefined("teacher_at_chance", "The teacher guesses.")
    as_json = {"undefined": "teacher_at_chance", "message": "The teacher guesses."}
    assert presenters.shown(undefined) == presenters.shown(as_json)
    assert presenters.shown(undefined).reason == "teacher not above chance"
    assert presenters.shown(None).reason == "not measured"


def test_every_sign_has_a_word_and_an_icon_of_the_sprite() -> None:
    from pathlib import Path

    sprite = (Path(presenters.__file__).parent / "static/zoo/icons.svg").read_text()
    for code, sign in presenters.SIGNS.items():
        assert sign.label, code
        assert f'id="{sign.icon}"' in sprite, code


def test_an_unheard_of_state_is_shown_as_its_own_word() -> None:
    assert presenters.sign("on_hold").label == "on hold"
