"""Subscribers hear of what happens, once, in spite of trouble; each try is on record."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.factories.accounts import PASSWORD, make_user
from tests.factories.catalog import make_model
from tests.factories.runs import NOW
from tests.integration.publishing.test_importing import token_of
from tests.integration.publishing.test_releases import published
from zoo.accounts.models import Scope
from zoo.core.errors import ZooError
from zoo.publishing import sending, webhooks
from zoo.publishing.models import Delivery, Webhook

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]
URL = "https://hooks.example.org/zoo"
EVENTS = ["release.published", "model.added"]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[sending.Answer]:
    """What the receiver answers, in turn; the last one for ever."""
    given = [sending.Answer(204, "", 0.01)]

    def post(url: str, **message: Any) -> sending.Answer:
        return given.pop(0) if len(given) > 1 else given[0]

    monkeypatch.setattr(sending, "post", post)
    return given


def subscribed(**more: Any) -> Webhook:
    user = make_user(more.pop("username", "ada"))
    return webhooks.subscribe(url=URL, events=EVENTS, acting_user=user, now=NOW, **more).webhook


def test_a_release_is_told_once_and_nothing_from_before_the_subscription(
    tmp_path: Path, answers: list[sending.Answer]
) -> None:
    make_model("acme/before", now=NOW - timedelta(hours=1))
    webhook = subscribed()
    release = published(tmp_path)
    assert webhooks.collect(now=NOW) == 1
    assert webhooks.collect(now=NOW + timedelta(minutes=1)) == 0
    delivery = Delivery.objects.get()
    body = json.loads(delivery.body)
    assert body["type"] == "release.published"
    assert body["data"]["release"] == str(release.pk)
    assert body["data"]["digest"] == release.digest
    assert webhooks.deliver(delivery_id=delivery.pk, now=NOW)
    assert not webhooks.deliver(delivery_id=delivery.pk, now=NOW), "what was taken is not sent again"
    assert [attempt.status for attempt in delivery.attempts.all()] == [204]
    assert webhooks.deliveries_of(webhook).get().state == "delivered"


def test_trouble_is_tried_again_with_growing_pauses_and_then_given_up(answers: list[sending.Answer]) -> None:
    answers[:] = [sending.Answer(503, "", 0.1), sending.Answer(None, "ConnectError: refused", 0.1)]
    delivery = webhooks.ping(webhook=subscribed(), now=NOW)
    now, pauses = NOW, []
    while webhooks.due(now=now):
        assert not webhooks.deliver(delivery_id=delivery.pk, now=now)
        delivery.refresh_from_db()
        pauses.append((delivery.due_at - now).total_seconds())
        now = delivery.due_at
    assert pauses == [*webhooks.PAUSES_SECONDS, 0]
    assert delivery.state == "given_up"
    assert [attempt.status for attempt in delivery.attempts.all()] == [503, *[None] * 6]


def test_two_workers_do_not_send_the_same_delivery(answers: list[sending.Answer]) -> None:
    delivery = webhooks.ping(webhook=subscribed(), now=NOW)
    waiting = Delivery.objects.filter(pk=delivery.pk)
    waiting.update(due_at=NOW + timedelta(seconds=webhooks.LEASE_SECONDS))  # Another one has begun it.
    assert not webhooks.deliver(delivery_id=delivery.pk, now=NOW)
    assert webhooks.deliver(delivery_id=delivery.pk, now=NOW + timedelta(seconds=webhooks.LEASE_SECONDS))


def test_an_address_that_is_gone_ends_its_webhook(answers: list[sending.Answer]) -> None:
    answers[:] = [sending.Answer(410, "", 0.1)]
    webhook = subscribed()
    webhooks.deliver(delivery_id=webhooks.ping(webhook=webhook, now=NOW).pk, now=NOW)
    webhook.refresh_from_db()
    assert "410" in webhook.ended_reason
    make_model("acme/after")
    assert webhooks.collect(now=NOW) == 0


@pytest.mark.parametrize("url", ["http://example.org/", "https://127.0.0.1/", "https://localhost/x"])
def test_addresses_inside_are_refused_at_once(url: str, client: Client) -> None:
    headers = token_of(make_user())
    body = json.dumps({"url": url, "events": EVENTS})
    answer = client.post("/api/v1/webhooks/", body, content_type="application/json", headers=headers)
    assert answer.status_code == 400
    assert not Webhook.objects.exists()


def test_over_rest_a_webhook_is_made_tried_read_and_ended_by_its_owner_alone(
    client: Client, answers: list[sending.Answer]
) -> None:
    mine, others = token_of(make_user("ada")), token_of(make_user("bob"))
    body = json.dumps({"url": URL, "events": EVENTS})
    made = client.post("/api/v1/webhooks/", body, content_type="application/json", headers=mine)
    assert made.status_code == 201
    assert made.json()["secret"].startswith("whsec_")
    address = made["Location"]
    assert client.get(address).status_code == 401
    assert client.get(address, headers=others).status_code == 404
    assert client.get(address, headers=mine).json()["secret"] == made.json()["secret"]
    assert client.post(f"{address}ping/", headers=mine).status_code == 202
    (due,) = webhooks.due(now=NOW + timedelta(days=9999))
    webhooks.deliver(delivery_id=due, now=NOW + timedelta(days=9999))
    (logged,) = client.get(f"{address}deliveries/", headers=mine).json()["results"]
    assert logged["state"] == "delivered"
    assert logged["attempts"][0]["status"] == 204
    assert client.post(f"{address}deliveries/{due}/again/", headers=mine).json()["state"] == "waiting"
    assert client.delete(address, headers=mine).status_code == 204
    assert client.get("/api/v1/webhooks/", headers=mine).json()["results"] == []
    assert Delivery.objects.get().state == "given_up"


def test_the_pages_do_the_same(client: Client, answers: list[sending.Answer]) -> None:
    make_user("ada")
    assert client.get("/account/webhooks/").status_code == 302
    client.login(username="ada", password=PASSWORD)
    wrong = client.post("/account/webhooks/", {"url": "https://10.0.0.1/", "events": EVENTS})
    assert wrong.status_code == 400
    assert "public internet" in wrong.content.decode()
    page = client.post("/account/webhooks/", {"url": URL, "events": EVENTS}, follow=True)
    assert "whsec_" in page.content.decode()
    webhook = Webhook.objects.get()
    base = f"/account/webhooks/{webhook.pk}/"
    client.post(f"{base}ping/")
    webhooks.deliver(delivery_id=Delivery.objects.get().pk, now=NOW + timedelta(days=9999))
    assert "status 204" in client.get(base).content.decode()
    client.post(f"{base}end/")
    assert "ended by its owner" in client.get(base).content.decode()
    assert URL not in client.get("/account/webhooks/").content.decode()


def test_there_is_a_bound_and_readers_may_not_subscribe() -> None:
    reader = make_user("eve", Scope.READ)
    with pytest.raises(webhooks.MayNotSubscribe):
        webhooks.subscribe(url=URL, events=EVENTS, acting_user=reader, now=NOW)
    user = subscribed().owner
    for _ in range(webhooks.MOST - 1):
        webhooks.subscribe(url=URL, events=EVENTS, acting_user=user, now=NOW)
    with pytest.raises(webhooks.TooManyWebhooks):
        webhooks.subscribe(url=URL, events=EVENTS, acting_user=user, now=NOW)
    with pytest.raises(ZooError, match="no event"):
        webhooks.subscribe(url=URL, events=["nothing"], acting_user=user, now=NOW)


def test_old_deliveries_are_removed_and_waiting_ones_kept(answers: list[sending.Answer]) -> None:
    webhook = subscribed()
    webhooks.deliver(delivery_id=webhooks.ping(webhook=webhook, now=NOW).pk, now=NOW)
    waiting = webhooks.ping(webhook=webhook, now=NOW)
    webhooks.prune(now=NOW + timedelta(days=31))
    assert list(Delivery.objects.values_list("pk", flat=True)) == [waiting.pk]
