"""The one Celery task of the evaluation workers: claim runs and do them until there are none.

A message is only a doorbell: it carries nothing that is trusted, may come twice or never, and is acknowledged
when it is read. The zoo's queue decides what is done. One run at a time per worker, by a lock on a file.
"""

from __future__ import annotations

import fcntl
import logging
import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from celery import shared_task

from evaluation import logs
from evaluation.exchange import EVALUATE_TASK, WorkerFacts
from evaluation.supervision import machine
from evaluation.supervision import settings as worker_settings
from evaluation.supervision.attempt import Attempt, sweep
from evaluation.supervision.keeper import Keeper
from evaluation.supervision.settings import WorkerSettings
from evaluation.zoo_client import NotAdmitted, Refused, Unreachable, ZooClient

logger = logging.getLogger(__name__)

DRAINING = multiprocessing.Event()
"""Set when this worker is told to stop. Made before the pool forks, so that its processes see it too."""


class Worker:
    """This start of the worker: made once, in the main process, and inherited by the pool's processes."""

    _facts: WorkerFacts | None = None

    @classmethod
    def facts(cls, settings: WorkerSettings) -> WorkerFacts:
        """What this start of the worker is and has now."""
        if cls._facts is None:
            cls._facts = machine.look(settings)
        return machine.refreshed(cls._facts, settings)


@shared_task(name=EVALUATE_TASK, ignore_result=True, acks_late=False)
def evaluate(**hint: object) -> int:
    """Does what there is to do; gives the number of attempts made. Arguments are hints and are ignored."""
    return serve(worker_settings.read(), draining=DRAINING.is_set)


def serve(settings: WorkerSettings, *, draining: Callable[[], bool]) -> int:
    """Claims and does runs until none fits, this worker is stopped, or the zoo does not answer.

    Does nothing while another thread or process of this worker is at work: that one claims what comes next.
    """
    with _slot(settings) as mine:
        if not mine:
            return 0
        sweep(settings, now=time.time())
        client = ZooClient(settings.zoo_url, settings.worker_token)
        try:
            return _serve(settings, client, draining)
        finally:
            client.close()


def _serve(settings: WorkerSettings, client: ZooClient, draining: Callable[[], bool]) -> int:
    attempts = 0
    while not draining():
        facts = Worker.facts(settings)
        asked_at = time.monotonic()
        try:
            claim = client.claim(facts)
        except (Unreachable, NotAdmitted, Refused) as error:
            logger.warning("no run could be claimed: %s", error)
            return attempts
        if claim is None:
            return attempts
        attempts += 1
        with logs.working_on(run_id=claim.run, request_id=claim.request_id):
            logger.info("claimed run %s, attempt %d", claim.run, claim.attempt)
            keeper = Keeper(claim, ZooClient(settings.zoo_url, settings.worker_token), claimed_at=asked_at)
            Attempt(claim, settings, client, keeper, facts.device, draining).run()
    return attempts


def goodbye(settings: WorkerSettings) -> None:
    """Tells the zoo that this worker stops, if the zoo can be reached."""
    client = ZooClient(settings.zoo_url, settings.worker_token)
    try:
        client.goodbye(Worker.facts(settings))
    except (Unreachable, NotAdmitted, Refused) as error:
        logger.info("the zoo was not told that this worker stops: %s", error)
    finally:
        client.close()


@contextmanager
def _slot(settings: WorkerSettings) -> Iterator[bool]:
    """Whether this worker was idle; it is not while the block runs. The lock dies with the process."""
    folder = settings.home / "worker"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{settings.name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        try:
            yield True
        finally:
            # Said, not left to closing: a pool process that was forked meanwhile has inherited the open file, and
            # with it would keep the lock for as long as it lives.
            fcntl.flock(file, fcntl.LOCK_UN)
