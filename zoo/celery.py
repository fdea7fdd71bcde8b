"""The zoo's Celery app: housekeeping and doorbells. The evaluation workers run another app."""

from __future__ import annotations

import os

from celery import Celery
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "zoo.settings.local")

app = Celery("zoo", set_as_current=True)
app.config_from_object(lambda: settings.CELERY)
app.autodiscover_tasks(["zoo.jobs"])
