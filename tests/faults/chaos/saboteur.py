"""The faults, each a function that does one to the fleet. Which comes next is decided by a seed."""

from __future__ import annotations

import json
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

import redis

from tests.faults.chaos import disk
from tests.faults.chaos.fleet import LEASE_SECONDS, WORKERS, Fleet

Fault = Callable[[Fleet, random.Random], None]


def kill_worker_whole(fleet: Fleet, chance: random.Random) -> None:
    """kill -9 of a worker and all below it, at once."""
    fleet.send(fleet.whole(chance.choice(WORKERS)), signal.SIGKILL)


def kill_worker_main(fleet: Fleet, chance: random.Random) -> None:
    """kill -9 of a worker's main process alone; what it started must die by itself."""
    fleet.send(fleet.whole(chance.choice(WORKERS))[:1], signal.SIGKILL)


def kill_worker_pool(fleet: Fleet, chance: random.Random) -> None:
    """kill -9 of a worker's pool process: the supervisor of a run."""
    fleet.send(fleet.whole(chance.choice(WORKERS))[1:2], signal.SIGKILL)


def kill_runner(fleet: Fleet, chance: random.Random) -> None:
    """kill -9 of the process that scores a model."""
    fleet.send(fleet.runners(chance.choice(WORKERS)), signal.SIGKILL)


def stop_worker(fleet: Fleet, chance: random.Random) -> None:
    """SIGTERM to a worker, as at a deployment."""
    fleet.send(fleet.whole(chance.choice(WORKERS))[:1], signal.SIGTERM)


def freeze_worker(fleet: Fleet, chance: random.Random) -> None:
    """A worker stands still for longer than its lease, then goes on as if nothing had been."""
    _freeze(fleet, chance.choice(WORKERS), LEASE_SECONDS * chance.uniform(1.1, 1.6))


def kill_web(fleet: Fleet, chance: random.Random) -> None:
    """kill -9 of the web."""
    fleet.send(fleet.whole("web"), signal.SIGKILL)


def freeze_web(fleet: Fleet, chance: random.Random) -> None:
    """The web stands still: heartbeats and reports get no answer."""
    _freeze(fleet, "web", chance.uniform(1, LEASE_SECONDS * 1.2))


def kill_jobs(fleet: Fleet, chance: random.Random) -> None:
    """kill -9 of relay, reaper and beat."""
    fleet.send(fleet.whole("jobs"), signal.SIGKILL)


def kill_broker(fleet: Fleet, chance: random.Random) -> None:
    """kill -9 of a broker that keeps nothing: every message in it is gone."""
    fleet.send(fleet.whole("valkey"), signal.SIGKILL)


def freeze_broker(fleet: Fleet, chance: random.Random) -> None:
    """The broker stands still with its connections open."""
    _freeze(fleet, "valkey", chance.uniform(1, 4))


def flush_broker(fleet: Fleet, chance: random.Random) -> None:
    """FLUSHALL: queues, bindings and all."""
    _broker(fleet).flushall()


def garbage_in_queues(fleet: Fleet, chance: random.Random) -> None:
    """What is no message, and messages of another version, in every queue."""
    broker = _broker(fleet)
    junk = [
        b"\x00\xff",
        b"{}",
        b'{"body": 1}',
        json.dumps({"body": "e30=", "headers": {}, "properties": {}}).encode(),
    ]
    for queue in ("evaluate.any", "evaluate.cpu", "zoo"):
        broker.lpush(queue, chance.choice(junk))


def hints_without_number(fleet: Fleet, chance: random.Random) -> None:
    """A hundred hints for runs that may or may not exist."""
    from celery import Celery

    from evaluation.exchange import EVALUATE_TASK

    app = Celery(broker=fleet.environment["REDIS_URL"], set_as_current=False)
    with app.connection_for_write() as connection:
        for _ in range(100):
            app.send_task(
                EVALUATE_TASK, kwargs={"run": "x"}, queue="evaluate.any", connection=connection, retry=False
            )
    app.close()


def lose_broker_links(fleet: Fleet, chance: random.Random) -> None:
    """Half-open: every link to the broker stays open and carries nothing any more; nobody is told."""
    fleet.proxy.lose_links()


def lock_database(fleet: Fleet, chance: random.Random) -> None:
    """Somebody else holds the database's write lock for seconds (SQLite); on Postgres every session is cut."""
    _meanwhile(fleet.database.hold, chance.uniform(1, 6))


def lose_database(fleet: Fleet, chance: random.Random) -> None:
    """The database is gone for longer than a lease: stopped (Postgres), or held by another (SQLite)."""
    _meanwhile(fleet.database.go_away, LEASE_SECONDS * chance.uniform(1.2, 2))


def fill_disk(fleet: Fleet, chance: random.Random) -> None:
    """The disk with the zoo's files, the workers' files and an SQLite database is full for seconds."""
    _meanwhile(partial(disk.fill, fleet.home.parent), chance.uniform(1, LEASE_SECONDS))


def jump_clock(fleet: Fleet, chance: random.Random) -> None:
    """The clock of the database's machine jumps, up to an hour either way, and jumps back after seconds."""
    fleet.set_clock(chance.choice((-1, 1)) * chance.choice((LEASE_SECONDS * 2, 3600)))
    time.sleep(chance.uniform(1, 4))
    fleet.set_clock(0)


def _meanwhile(act: Callable[[float], None], seconds: float) -> None:
    threading.Thread(target=act, args=(seconds,), daemon=True).start()


def _freeze(fleet: Fleet, name: str, seconds: float) -> None:
    frozen = fleet.whole(name)
    fleet.send(frozen, signal.SIGSTOP)

    def thaw() -> None:
        time.sleep(seconds)
        fleet.send(frozen, signal.SIGCONT)

    threading.Thread(target=thaw, daemon=True).start()


def _broker(fleet: Fleet) -> redis.Redis:
    return redis.Redis(port=fleet.broker_port, socket_timeout=2, socket_connect_timeout=2)


FAULTS: tuple[Fault, ...] = (
    kill_worker_whole,
    kill_worker_main,
    kill_worker_pool,
    kill_runner,
    kill_runner,
    stop_worker,
    freeze_worker,
    kill_web,
    freeze_web,
    kill_jobs,
    kill_broker,
    freeze_broker,
    flush_broker,
    garbage_in_queues,
    hints_without_number,
    lose_broker_links,
    lock_database,
    lose_database,
    jump_clock,
)


class Saboteur:
    """Injects faults one after the other, at moments and places that a seed decides; counts them."""

    def __init__(
        self,
        fleet: Fleet,
        chance: random.Random,
        *,
        pause: tuple[float, float],
        faults: Sequence[Fault] = FAULTS,
    ) -> None:
        self.done: Counter[str] = Counter()
        self._faults = tuple(faults)
        self._fleet, self._chance, self._pause = fleet, chance, pause
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(timeout=60)

    @property
    def total(self) -> int:
        """Faults that took place."""
        return sum(count for name, count in self.done.items() if not name.endswith("(missed)"))

    def _run(self) -> None:
        while not self._stop.wait(self._chance.uniform(*self._pause)):
            fault = self._chance.choice(self._faults)
            try:
                fault(self._fleet, self._chance)
                self.done[fault.__name__] += 1
            except Exception as error:
                # A fault that meets another one (a broker that is down cannot be flushed) is no fault.
                self.done[f"{fault.__name__} (missed)"] += 1
                print(f"{fault.__name__}: {error!r}"[:120], flush=True)
