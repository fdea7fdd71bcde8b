"""The zoo's Celery tasks: each makes one domain call. They may come twice, late or never; none keeps a result.

The evaluation task belongs to another app on other machines; it is named here by its name alone.
"""

from __future__ import annotations

from collections import Counter
from uuid import UUID

import structlog
from celery import shared_task
from django.conf import settings
from django.db import connection
from kombu.exceptions import OperationalError

from evaluation.exchange import EVALUATE_TASK
from zoo.celery import app
from zoo.comparisons import services as comparisons
from zoo.core import backup
from zoo.licensing import services as licensing
from zoo.publishing import nightly as nights
from zoo.publishing import services as publishing
from zoo.publishing import webhooks
from zoo.runs import outbox, reaper
from zoo.runs.clock import database_now
from zoo.runs.models import Outbox
from zoo.submissions import services as submissions
from zoo.uploads import archives
from zoo.uploads import services as uploads

logger = structlog.get_logger(__name__)

BELLS = 10
"""Hints that are sent to one queue at a time, however many runs wait."""


@shared_task(name="zoo.relay", ignore_result=True)
def relay(**newer: object) -> int:
    """Sends what is due to the broker; gives how many messages left."""
    outbox.drop_moot_hints(now=database_now())
    letters = outbox.due(now=database_now())
    sent: list[int] = []
    bells: Counter[str] = Counter()
    for letter in letters:
        bells[letter.queue] += letter.kind == Outbox.Kind.HINT
        if letter.kind == Outbox.Kind.HINT and bells[letter.queue] > BELLS:
            # A worker that hears one bell works until nothing is left; a thousand bells wake nobody twice.
            sent.append(letter.id)
            continue
        try:
            _send(letter)
        except (OperationalError, OSError) as error:
            logger.warning("broker_refuses", error=str(error))
            outbox.postpone(ids=[one.id for one in letters if one.id not in sent], now=database_now())
            break
        sent.append(letter.id)
        logger.info(
            f"{letter.kind}_sent",
            run_id=str(letter.run_id),
            request_id=letter.request_id,
            queue=letter.queue if letter.kind == Outbox.Kind.HINT else None,
        )
    outbox.mark_sent(ids=sent, now=database_now())
    return len(sent)


def _send(letter: outbox.Letter) -> None:
    """One message, without Celery's own retries: the outbox is the retry."""
    if letter.kind == Outbox.Kind.HINT:
        app.send_task(
            EVALUATE_TASK, kwargs={"run": str(letter.run_id)}, queue=letter.queue, retry=False, expires=3600
        )
    else:
        told = {"run": str(letter.run_id), "request_id": letter.request_id}
        settle.apply_async(kwargs=told, retry=False)


@shared_task(name="zoo.settle", ignore_result=True)
def settle(run: str | None = None, request_id: str = "", **newer: object) -> None:
    """A run has ended: what its submissions do next, and the pairs that can now be compared."""
    with structlog.contextvars.bound_contextvars(run_id=run, request_id=request_id):
        logger.info("settling")
        if run is not None:
            submissions.follow_up(run_id=UUID(run), now=database_now())
        comparisons.settle_ready(now=database_now())
        publishing.publish_ready(now=database_now())


@shared_task(name="zoo.sweep", ignore_result=True)
def sweep(**newer: object) -> None:
    """Takes back runs whose lease has ended, and does what a lost message did not."""
    reaper.reap(now=database_now())
    submissions.follow_up_all(now=database_now())
    comparisons.settle_ready(now=database_now())
    publishing.publish_ready(now=database_now())
    for alarm in reaper.alarms(now=database_now()):
        logger.warning("alarm", code=alarm.code, detail=alarm.message)


@shared_task(name="zoo.webhooks", ignore_result=True)
def tell_webhooks(**newer: object) -> int:
    """Queues what subscribers have to be told, and sends a task for each delivery whose time has come."""
    webhooks.collect(now=database_now())
    waiting = webhooks.due(now=database_now())
    for delivery in waiting:
        deliver.apply_async(kwargs={"delivery": str(delivery)}, retry=False, expires=60)
    return len(waiting)


@shared_task(name="zoo.deliver", ignore_result=True)
def deliver(delivery: str, **newer: object) -> None:
    """One try of one delivery. The table says when the next one is due; a lost task costs a few seconds."""
    webhooks.deliver(delivery_id=UUID(delivery), now=database_now())


@shared_task(name="zoo.verdicts", ignore_result=True)
def verdicts(**newer: object) -> None:
    """Judges the licenses of models that were added or changed, and of all when the rules changed."""
    licensing.refresh_stale(now=database_now())


@shared_task(name="zoo.tidy", ignore_result=True)
def tidy(**newer: object) -> None:
    """Removes old messages and uploads, and keeps a copy of a SQLite database."""
    reaper.prune_outbox(now=database_now())
    webhooks.prune(now=database_now())
    uploads.sweep(now=database_now())
    archives.sweep_workshops(now=database_now())
    if connection.vendor == "sqlite":
        backup.back_up(folder=settings.ZOO_HOME / "backups", now=database_now())


@shared_task(name="zoo.nightly", ignore_result=True)
def nightly(**newer: object) -> str:
    """Writes the open data, and a copy of the whole site, where the site serves them at /dumps/."""
    return str(nights.write(settings.ZOO_DUMPS, now=database_now(), with_site=settings.ZOO_NIGHTLY_SITE))


@shared_task(name="zoo.checkpoint", ignore_result=True)
def checkpoint(**newer: object) -> None:
    """Empties SQLite's log; no other process does, where housekeeping runs."""
    backup.checkpoint()
