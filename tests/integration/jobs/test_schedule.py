"""The schedule names tasks that exist, and a start with one that does not is refused."""

from __future__ import annotations

import pytest

from zoo.celery import app
from zoo.jobs import schedule


def test_every_entry_names_a_registered_task() -> None:
    app.loader.import_default_modules()
    schedule.check(app, schedule.SCHEDULE)


def test_an_entry_that_names_a_missing_task_is_refused() -> None:
    with pytest.raises(schedule.UnknownTasks, match=r"zoo\.nothing"):
        schedule.check(app, {"lost": {"task": "zoo.nothing", "schedule": 1.0}})
