"""What is done again and again, and how often. Checked at start: an entry that names no task would never be noticed."""

from __future__ import annotations

from celery import Celery
from celery.schedules import ParseException, crontab
from django.core.exceptions import ImproperlyConfigured

RELAY_SECONDS = 1.0
SWEEP_SECONDS = 15.0
VERDICTS_SECONDS = 60.0
WEBHOOKS_SECONDS = 10.0
TIDY_SECONDS = 3600.0
CHECKPOINT_SECONDS = 30.0


def at(text: str) -> crontab:
    """The times that five fields of a crontab name, in UTC. Raises ImproperlyConfigured."""
    try:
        return crontab.from_string(text)
    except (ValueError, ParseException) as error:
        raise ImproperlyConfigured(
            f"ZOO_NIGHTLY must be the five fields of a crontab, such as '17 3 * * *', and not '{text}'"
        ) from error


def entries(*, nightly: str) -> dict[str, dict[str, object]]:
    """Every recurring task. ``nightly`` is when the dump is made. Raises ImproperlyConfigured."""
    return {
        "relay": {"task": "zoo.relay", "schedule": RELAY_SECONDS, "options": {"expires": 10}},
        "sweep": {"task": "zoo.sweep", "schedule": SWEEP_SECONDS, "options": {"expires": 30}},
        "webhooks": {"task": "zoo.webhooks", "schedule": WEBHOOKS_SECONDS, "options": {"expires": 20}},
        "verdicts": {"task": "zoo.verdicts", "schedule": VERDICTS_SECONDS, "options": {"expires": 60}},
        "checkpoint": {"task": "zoo.checkpoint", "schedule": CHECKPOINT_SECONDS, "options": {"expires": 30}},
        "nightly": {
            "task": "zoo.nightly",
            "schedule": at(nightly),
            "options": {"expires": 6 * 3600},
        },
        "tidy": {"task": "zoo.tidy", "schedule": TIDY_SECONDS, "options": {"expires": 3600}},
    }


class UnknownTasks(RuntimeError):
    """The schedule names tasks that do not exist; nothing must start like that."""


def check(app: Celery, schedule: dict[str, dict[str, object]]) -> None:
    """Raises UnknownTasks unless every entry names a registered task."""
    unknown = sorted(str(entry["task"]) for entry in schedule.values() if entry["task"] not in app.tasks)
    if unknown:
        raise UnknownTasks(f"the schedule names tasks that do not exist: {', '.join(unknown)}")
