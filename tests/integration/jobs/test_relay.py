"""The relay: what is due leaves once, a broker that is away costs nothing but time, and bells are few."""

from __future__ import annotations

from pathlib import Path

import pytest
from kombu import Connection
from pytest_django import Settings

from evaluation.exchange import EVALUATE_TASK
from tests.factories.runs import finish, make_run, make_user
from zoo.celery import app
from zoo.cli.broker import free_port
from zoo.jobs import tasks
from zoo.runs import queue
from zoo.runs.clock import database_now
from zoo.runs.models import Outbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Connection:
    """A broker in memory, empty."""
    connection = Connection("memory://")
    monkeypatch.setattr(app.conf, "broker_url", "memory://")
    for name in ("evaluate.any", "zoo"):
        messages(connection, name)
    return connection


def messages(broker: Connection, name: str) -> list[dict[str, object]]:
    box = broker.SimpleQueue(name)
    found = []
    while box.qsize():
        message = box.get_nowait()
        found.append(message.headers)
        message.ack()
    box.close()
    return found


def new_run(number: int = 0) -> object:
    return make_run(f"scripted/m{number}", now=database_now())


def test_a_hint_leaves_once(broker: Connection) -> None:
    new_run()
    assert tasks.relay() == 1
    assert tasks.relay() == 0
    (hint,) = messages(broker, "evaluate.any")
    assert hint["task"] == EVALUATE_TASK


def test_of_many_hints_a_few_leave_and_none_stays(broker: Connection) -> None:
    for number in range(30):
        new_run(number)
    tasks.relay()
    assert len(messages(broker, "evaluate.any")) == tasks.BELLS
    assert not Outbox.objects.filter(sent_at=None).exists()


def test_the_end_of_a_run_is_told_however_many_hints_there_are(broker: Connection, tmp_path: Path) -> None:
    for number in range(15):
        new_run(number)
    finish(make_run("scripted/done", now=database_now()), tmp_path)
    tasks.relay()
    assert [message["task"] for message in messages(broker, "zoo")] == ["zoo.settle"]


def test_a_hint_for_a_run_that_no_longer_waits_is_not_sent(broker: Connection) -> None:
    run = make_run(now=database_now())
    queue.cancel(run_id=run.pk, acting_user=make_user(), now=database_now())
    tasks.relay()
    assert messages(broker, "evaluate.any") == []


def test_a_broker_that_is_away_postpones_and_loses_nothing(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    run = make_run(now=database_now())
    away = f"redis://127.0.0.1:{free_port()}/0"
    with app.connection_for_write(url=away) as connection:
        monkeypatch.setattr(app, "connection_for_write", lambda *args, **kwargs: connection)
        monkeypatch.setattr(app.amqp, "_producer_pool", None)
        monkeypatch.setattr(app, "_pool", None)
        assert tasks.relay() == 0
    letter = run.outbox.get()
    assert letter.sent_at is None
    assert letter.tries == 1
    assert letter.due_at > run.created_at
