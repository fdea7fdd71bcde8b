"""The evaluation worker: a Celery app with one task and a poller. ``python -m evaluation.worker`` starts it.

Told by its environment alone (ZOO_URL, ZOO_WORKER_TOKEN, REDIS_URL, ZOO_HOME, ...). It listens to the queues that
fit what this machine has, and looks for work by itself now and then, so that a dead Redis makes it slower and
never stops it. One worker per device; for several GPUs start several, each with its CUDA_VISIBLE_DEVICES.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from typing import Any

from celery import Celery, bootsteps
from celery.signals import setup_logging, worker_shutting_down
from kombu import Queue

from evaluation import logs, tasks
from evaluation.exchange import WorkerFacts, queues_of
from evaluation.supervision import settings as worker_settings
from evaluation.supervision.settings import Misconfigured, WorkerSettings

logger = logging.getLogger(__name__)
NO_BROKER = "memory://"


class Poller(bootsteps.StartStopStep):
    """Looks for work without being told, in a thread of the main process."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="poller", daemon=True)

    def start(self, parent: Any) -> None:
        self._thread.start()

    def stop(self, parent: Any) -> None:
        """Lets the run at hand be given back, then ends."""
        tasks.DRAINING.set()
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=60)
        tasks.goodbye(worker_settings.read())

    terminate = stop

    def _run(self) -> None:
        settings = worker_settings.read()
        while not self._stop.is_set():
            try:
                tasks.serve(settings, draining=lambda: tasks.DRAINING.is_set() or self._stop.is_set())
            except Exception:
                # Whatever it was, the next round is another chance; a worker that stops looking helps nobody.
                logger.exception("looking for work failed")
            self._stop.wait(settings.poll_seconds)


def make_app(settings: WorkerSettings, queues: list[str]) -> Celery:
    """The Celery app of one worker. Its settings are those of a doorbell: early acks, nothing kept, JSON only."""
    app = Celery("evaluation", broker=settings.redis_url or NO_BROKER, set_as_current=True)
    app.conf.update(
        task_queues=[Queue(name) for name in queues],
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        task_acks_late=False,
        task_reject_on_worker_lost=False,
        worker_prefetch_multiplier=1,
        worker_concurrency=1,
        worker_pool="prefork",
        worker_max_tasks_per_child=50,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        # A broken link to the broker must not kill a run that lasts hours; Celery 6 turns this on.
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_transport_options={
            "socket_timeout": 5,
            "socket_connect_timeout": 2,
            "health_check_interval": 25,
            "visibility_timeout": 3600,
        },
    )
    app.steps["worker"].add(Poller)
    return app


@setup_logging.connect
def _log_our_way(**details: object) -> None:
    """Connected, so that Celery sets up no logging of its own: its lines look like ours."""
    logs.configure()


@worker_shutting_down.connect
def _drain(**details: object) -> None:
    tasks.DRAINING.set()


def app_of_this_machine() -> tuple[Celery, WorkerFacts]:
    """The app for what this machine has, and what that is. Raises Misconfigured."""
    settings = worker_settings.read()
    facts = tasks.Worker.facts(settings)
    return make_app(settings, queues_of(facts.device, facts.memory_bytes)), facts


def __getattr__(name: str) -> Celery:
    """``celery -A evaluation.worker worker`` asks this module for ``app``; nobody else should pay for making it."""
    if name == "app":
        return app_of_this_machine()[0]
    raise AttributeError(name)


def main() -> None:
    """Starts the worker and stays until it is stopped. Exits with 64 when the environment is not right."""
    try:
        app, facts = app_of_this_machine()
    except Misconfigured as error:
        print(error, file=sys.stderr)  # noqa: T201
        sys.exit(64)
    level = os.environ.get("ZOO_LOG_LEVEL", "INFO")
    app.worker_main(
        ["worker", "-l", level, "-n", f"{facts.id}@%h", "--without-gossip", "--without-mingle", "-O", "fair"]
    )


if __name__ == "__main__":
    main()
