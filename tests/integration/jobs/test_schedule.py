"""The schedule names tasks that exist, and a start with one that does not is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured

from zoo.celery import app
from zoo.jobs import schedule


def test_every_entry_names_a_registered_task() -> None:
    app.loader.import_default_modules()
    schedule.check(app, app.conf.beat_schedule)


def test_an_entry_that_names_a_missing_task_is_refused() -> None:
    with pytest.raises(schedule.UnknownTasks, match=r"zoo\.nothing"):
        schedule.check(app, {"lost": {"task": "zoo.nothing", "schedule": 1.0}})


def test_the_nightly_dump_comes_at_the_time_that_was_set() -> None:
    night = schedule.at("17 3 * * *")
    night.nowfun = lambda: datetime(2026, 11, 24, 3, 16, 30, tzinfo=UTC)
    assert night.remaining_estimate(datetime(2026, 11, 23, 3, 17, tzinfo=UTC)) == timedelta(seconds=30)


@pytest.mark.parametrize("text", ["03:17", "99 3 * * *", "17 3 * *", "x 3 * * *"])
def test_a_time_that_is_none_is_refused_in_words(text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="five fields"):
        schedule.at(text)
