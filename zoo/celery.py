"""The zoo's Celery app: housekeeping and doorbells. The evaluation workers run another app."""

from __future__ import annotations

import logging
import os
import sys

from celery import Celery
from celery.signals import beat_init, setup_logging, worker_init
from django.conf import settings

from zoo.jobs import schedule

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "zoo.settings.local")
# Dumps and bulk work take longer than a page may.
os.environ.setdefault("ZOO_STATEMENT_SECONDS", "300")

app = Celery("zoo", set_as_current=True)
app.conf.update(settings.CELERY)
app.conf.beat_schedule = schedule.entries(nightly=settings.ZOO_NIGHTLY)
app.autodiscover_tasks(["zoo.jobs"])


@setup_logging.connect
def _log_as_django_does(**details: object) -> None:
    """Connected, so that Celery sets up no logging of its own: lines and levels are those of settings.LOGGING."""


@worker_init.connect
@beat_init.connect
def _check_schedule(**details: object) -> None:
    """Refuses to start with a schedule that names missing tasks. Celery swallows errors here, but not an exit."""
    app.loader.import_default_modules()
    try:
        schedule.check(app, app.conf.beat_schedule)
    except schedule.UnknownTasks:
        logging.getLogger(__name__).exception("the schedule is not in order")
        sys.exit(78)
