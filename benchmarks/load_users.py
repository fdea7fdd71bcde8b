"""The visitors of the load measurement, for locust: readers of pages and of REST, watchers, a submitter; the peer's.

``benchmarks.load`` starts locust with this file and tells it by ZOO_LOAD_PLAN which addresses to ask for. Each visitor
comes from an address of its own, as behind a proxy, so that the throttle counts it alone.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import time
from collections import deque
from pathlib import Path
from typing import Any

from locust import HttpUser, between, constant_pacing, task

PLAN: dict[str, list[str]] = json.loads(Path(os.environ["ZOO_LOAD_PLAN"]).read_text())
TOKEN = os.environ["ZOO_LOAD_TOKEN"]
THINK = between(float(os.environ["ZOO_LOAD_THINK"]) * 0.5, float(os.environ["ZOO_LOAD_THINK"]) * 1.5)
PAGES = {
    "home": 1,
    "list page": 3,
    "list page, two filters": 3,
    "list page, text": 2,
    "model page": 6,
    "lineage page, depth 12": 1,
    "leaderboard": 1,
}
REST = {
    "REST list": 2,
    "REST list, two filters": 3,
    "REST exact search": 3,
    "REST prefix search": 2,
    "REST typo search": 1,
    "REST facets, two filters": 1,
    "REST model": 3,
    "REST lineage, depth 12": 1,
}
PEER = {"peer list": 2, "peer list, two filters": 3, "peer search": 3, "peer model": 3}
numbers = itertools.count(1)
watched: deque[str] = deque(maxlen=20)
"""Events of the runs asked for last."""


class Visitor(HttpUser):
    """Asks for one address after the other, with a pause to think."""

    abstract = True
    wait_time = THINK
    kinds: dict[str, int] = {}

    def on_start(self) -> None:
        number = next(numbers)
        self.dice = random.Random(number)
        self.client.headers["X-Forwarded-For"] = f"10.{number >> 16}.{(number >> 8) & 255}.{number & 255}"
        self.client.headers["Accept-Encoding"] = "gzip"
        # A connection for each request: one that is kept while its visitor thinks may just be closed.
        self.client.headers["Connection"] = "close"

    def ask(self) -> None:
        """One request of one of the kinds."""
        kind = self.dice.choices(list(self.kinds), list(self.kinds.values()))[0]
        self.client.get(self.dice.choice(PLAN[kind]), name=kind)


class Reader(Visitor):
    """Reads pages."""

    weight = 5
    kinds = PAGES
    tasks = [Visitor.ask]


class Program(Visitor):
    """Asks the REST API."""

    weight = 3
    kinds = REST
    tasks = [Visitor.ask]


class PeerProgram(Visitor):
    """Asks the plain server for the same."""

    kinds = PEER
    tasks = [Visitor.ask]


class Watcher(Visitor):
    """Follows the events of a run to its end."""

    weight = 2

    @task
    def watch(self) -> None:
        """A stream from its beginning to its end."""
        if not watched:
            time.sleep(1)
            return
        address = self.dice.choice(list(watched))
        self.client.headers["Accept"] = "text/event-stream"
        with self.client.get(address, name="SSE events", stream=True, catch_response=True) as answer:
            ended = any(line == b"event: done" for line in answer.iter_lines())
            if not ended:
                answer.failure(f"the stream ended early ({answer.status_code})")


class Submitter(Visitor):
    """Has something measured now and then, so that there is something to watch."""

    fixed_count = 1
    wait_time = constant_pacing(8)

    @task
    def submit(self) -> None:
        """A submission, and its events for those who watch."""
        student = f"scripted/load{time.time_ns()}-p70"
        body: dict[str, Any] = {"student": student, "tasks": ["scripted_slow.n-60.seconds-5"]}
        headers = {"Authorization": f"Token {TOKEN}"}
        answer = self.client.post("/api/v1/submissions/", json=body, headers=headers, name="REST submit")
        if answer.ok:
            found = self.client.get(
                answer.headers["Location"], headers=headers, name="REST submission"
            ).json()
            if found["events_url"]:
                watched.append(found["events_url"])
