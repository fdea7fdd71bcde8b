"""/metrics in Prometheus' format: what the database says of runs and workers, and what this process counted.

Figures of runs and workers are the same from every web process (take their maximum); times of stages and of
requests are counted where they happened (take their sum). With PROMETHEUS_MULTIPROC_DIR set, all processes of one
server answer together.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import prometheus_client
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, Histogram, multiprocess
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from zoo.runs import measures
from zoo.runs.clock import database_now
from zoo.runs.measures import Depth, Snapshot

STAGE_SECONDS = Histogram(
    "zoo_run_stage_seconds",
    "How long attempts waited, fetched and measured.",
    ["stage"],
    buckets=(1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 12 * 3600, float("inf")),
)
for _stage in ("waiting", "fetching", "measuring"):
    STAGE_SECONDS.labels(_stage)


def note_stages(*, run_id: UUID, token: int) -> None:
    """Counts how long the stages of an attempt took that has just ended."""
    for stage, seconds in measures.stage_times(run_id=run_id, token=token):
        STAGE_SECONDS.labels(stage).observe(seconds)


class QueueCollector:
    """Reads the database whenever somebody asks, so that nothing goes stale."""

    def describe(self) -> list[Metric]:
        """Nothing: registering must not ask the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The figures; of a database that does not answer, only that."""
        up = GaugeMetricFamily("zoo_database_up", "Whether the database answered.")
        try:
            found = measures.snapshot(now=database_now())
        except DatabaseError:
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        yield from _families(found)


def _families(found: Snapshot) -> Iterator[Metric]:
    yield from _depths("zoo_runs", "runs", "state", found.states)
    yield from _depths("zoo_queue_runs", "waiting runs", "queue", found.queues)
    yield _gauge("zoo_outbox_unsent", "Messages that are due and not sent.", found.outbox.number)
    yield _gauge(
        "zoo_outbox_oldest_seconds", "How long the oldest of them waits.", found.outbox.oldest_seconds
    )
    yield _gauge(
        "zoo_items_per_second", "Requests answered per second by all runs in work.", found.items_per_second
    )
    silent = GaugeMetricFamily(
        "zoo_worker_heartbeat_age_seconds",
        "How long ago each worker was heard from.",
        labels=["worker", "device"],
    )
    for pulse in found.workers:
        silent.add_metric([pulse.worker, pulse.device], pulse.silent_seconds)
    yield silent
    yield _gauge("zoo_workers", "Workers heard from within the hour.", len(found.workers))
    yield _counter("zoo_lease_losses", "Leases that ended without a word from their holder.", found.lost)
    yield _counter("zoo_late_deliveries", "Deliveries refused because the lease was lost.", found.refused)
    yield _counter("zoo_results", "Results recorded.", found.results)
    alarms = GaugeMetricFamily("zoo_alarm", "1 while the alarm is raised.", labels=["code"])
    for code, raised in found.alarms.items():
        alarms.add_metric([code], float(raised))
    yield alarms


def _depths(name: str, what: str, label: str, depths: dict[str, Depth]) -> Iterator[Metric]:
    numbers = GaugeMetricFamily(name, f"How many {what} there are.", labels=[label])
    ages = GaugeMetricFamily(f"{name}_oldest_seconds", f"Age of the oldest of the {what}.", labels=[label])
    for key, depth in sorted(depths.items()):
        numbers.add_metric([key], depth.number)
        ages.add_metric([key], depth.oldest_seconds)
    yield numbers
    yield ages


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(name, about, value=value)


def _counter(name: str, about: str, value: float) -> Metric:
    return CounterMetricFamily(name, about, value=value)


def registry() -> CollectorRegistry:
    """What one answer is made of: the queue, and the counts of this process or of all on this server."""
    made = CollectorRegistry()
    made.register(QueueCollector())
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        # The package has no types for this one.
        collector: Any = multiprocess.MultiProcessCollector
        collector(made)
    else:
        made.register(_Counted())
    return made


class _Counted:
    """The counts of this process."""

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        yield from prometheus_client.REGISTRY.collect()


@never_cache
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """GET /metrics"""
    body = prometheus_client.generate_latest(registry())
    return HttpResponse(body, content_type=prometheus_client.CONTENT_TYPE_LATEST)


routes = [path("metrics", show, name="metrics")]
