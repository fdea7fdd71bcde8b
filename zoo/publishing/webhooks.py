"""Webhooks: subscribing, collecting what has to be told, delivering it with growing pauses, and the log of it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Prefetch, QuerySet

from zoo.accounts.models import Scope, User
from zoo.core.errors import Conflict, Forbidden, Invalid, NotFound
from zoo.core.ids import uuid7
from zoo.core.models import record
from zoo.publishing import events, sending
from zoo.publishing.models import Attempt, Delivery, Webhook

PAUSES_SECONDS = (30, 120, 600, 3600, 4 * 3600, 24 * 3600)
"""How long a delivery rests after its first, second, ... try that failed. After the last one it is given up."""
LEASE_SECONDS = 120
"""For so long nobody else tries a delivery that somebody has begun."""
MOST = 10
KEPT = timedelta(days=30)
GONE = 410


class WebhookNotFound(NotFound):
    """There is no such webhook, or it is somebody else's."""

    code = "webhook_not_found"


class DeliveryNotFound(NotFound):
    """There is no such delivery."""

    code = "delivery_not_found"


class TooManyWebhooks(Conflict):
    """A person may have ten."""

    code = "too_many_webhooks"


class MayNotSubscribe(Forbidden):
    """Subscribing needs the role submit."""

    code = "may_not_subscribe"


class Made(NamedTuple):
    """A new webhook with its secret, which its owner needs to check signatures."""

    webhook: Webhook
    secret: str


def subscribe(*, url: str, events: Sequence[str], acting_user: User, now: datetime) -> Made:
    """Adds a webhook. It hears of what happens from now on. Raises Invalid, MayNotSubscribe, TooManyWebhooks."""
    if not acting_user.may(Scope.SUBMIT):
        raise MayNotSubscribe("your role does not allow webhooks")
    wrong = sending.check_address(url, allow_private=settings.ZOO_WEBHOOKS_PRIVATE)
    if wrong is not None or len(url) > 500:
        raise Invalid(wrong or "the address is too long", field="url")
    _check_events(events)
    with transaction.atomic():
        User.objects.select_for_update().get(pk=acting_user.pk)
        if live(acting_user).count() >= MOST:
            raise TooManyWebhooks(f"you have {MOST} webhooks already", remedy="End one first.")
        webhook = Webhook.objects.create(
            owner=acting_user,
            url=url,
            events=sorted(set(events)),
            salt=secrets.token_urlsafe(32),
            created_at=now,
            seen=_present(events),
        )
        record(
            action="webhook.added",
            subject=f"webhook:{webhook.pk}",
            acting_user=acting_user,
            now=now,
            detail={"url": url, "events": sorted(set(events))},
        )
    return Made(webhook, secret_of(webhook))


def _check_events(given: Sequence[str]) -> None:
    unknown = sorted(set(given) - set(events.KINDS))
    if unknown or not given:
        known = ", ".join(events.KINDS)
        raise Invalid(
            f"there is no event {unknown[0][:60]}" if unknown else "name at least one event",
            remedy=f"Known: {known}.",
            field="events",
        )


def _present(given: Sequence[str]) -> dict[str, int]:
    return {name: events.KINDS[name].newest() for name in set(given)}


def secret_of(webhook: Webhook) -> str:
    """The secret that the webhook's messages are signed with."""
    return sending.secret_of(settings.SECRET_KEY, webhook.salt)


def live(owner: User) -> QuerySet[Webhook]:
    """The webhooks of a person that have not ended, newest first."""
    return Webhook.objects.filter(owner=owner, ended_at=None).order_by("-created_at", "-id")


def webhook_of(owner: User, webhook_id: UUID) -> Webhook:
    """One webhook of a person, also an ended one. Raises WebhookNotFound."""
    found = Webhook.objects.filter(owner=owner, pk=webhook_id).first()
    if found is None:
        raise WebhookNotFound("there is no such webhook of yours")
    return found


def deliveries_of(webhook: Webhook) -> QuerySet[Delivery]:
    """The log: deliveries with their attempts, newest first."""
    attempts = Prefetch("attempts", Attempt.objects.order_by("id"))
    return webhook.deliveries.prefetch_related(attempts).order_by("-created_at", "-id")


def end(*, webhook: Webhook, reason: str, acting_user: User | None, now: datetime) -> None:
    """Ends a webhook; what it still waits for is given up. The log stays for a while."""
    with transaction.atomic():
        if not Webhook.objects.filter(pk=webhook.pk, ended_at=None).update(ended_at=now, ended_reason=reason):
            return
        webhook.deliveries.filter(state=Delivery.State.WAITING).update(state=Delivery.State.GIVEN_UP)
        record(
            action="webhook.ended",
            subject=f"webhook:{webhook.pk}",
            acting_user=acting_user,
            now=now,
            detail={"reason": reason},
        )


def ping(*, webhook: Webhook, now: datetime) -> Delivery:
    """Queues a message that says nothing but hello, to try a webhook out."""
    return Delivery.objects.create(
        webhook=webhook,
        event=events.PING,
        subject=f"ping:{uuid7()}",
        body=_body(events.PING, now, {"webhook": str(webhook.pk)}),
        created_at=now,
        due_at=now,
    )


def deliver_again(*, webhook: Webhook, delivery_id: UUID, now: datetime) -> Delivery:
    """Queues a delivery once more, with all its tries. Raises DeliveryNotFound."""
    changed = webhook.deliveries.filter(pk=delivery_id).update(
        state=Delivery.State.WAITING, tries=0, due_at=now
    )
    if not changed:
        raise DeliveryNotFound("there is no such delivery of this webhook")
    return deliveries_of(webhook).get(pk=delivery_id)


def collect(*, now: datetime) -> int:
    """Queues what happened since each webhook was last looked at; gives how many messages that made."""
    made = 0
    for webhook in Webhook.objects.filter(ended_at=None).order_by("created_at", "id"):
        made += _collect(webhook, now)
    return made


@transaction.atomic
def _collect(webhook: Webhook, now: datetime) -> int:
    since = max(webhook.created_at, now - events.RECENT)
    rows, seen = [], dict(webhook.seen)
    for name in webhook.events:
        kind = events.KINDS.get(name)
        if kind is None:
            continue
        for event in kind.after(seen.get(name, 0), since):
            seen[name] = max(seen.get(name, 0), event.number)
            rows.append(
                Delivery(
                    webhook=webhook,
                    event=name,
                    subject=event.subject[:120],
                    body=_body(name, event.at, event.data),
                    created_at=now,
                    due_at=now,
                )
            )
    told = set(
        webhook.deliveries.filter(subject__in=[row.subject for row in rows]).values_list("event", "subject")
    )
    new = [row for row in rows if (row.event, row.subject) not in told]
    if new:
        Delivery.objects.bulk_create(new, ignore_conflicts=True)
    if seen != webhook.seen:
        Webhook.objects.filter(pk=webhook.pk).update(seen=seen)
    return len(new)


def _body(name: str, at: datetime, data: dict[str, Any]) -> str:
    stamp = at.isoformat(timespec="seconds").replace("+00:00", "Z")
    return json.dumps({"type": name, "timestamp": stamp, "data": data}, ensure_ascii=False)


def due(*, now: datetime, limit: int = 50) -> list[UUID]:
    """The deliveries whose time has come, oldest first."""
    rows = Delivery.objects.filter(state=Delivery.State.WAITING, due_at__lte=now, webhook__ended_at=None)
    return list(rows.order_by("due_at", "id").values_list("pk", flat=True)[:limit])


def deliver(*, delivery_id: UUID, now: datetime) -> bool:
    """Tries one delivery, if its time has come and nobody else does. Gives whether it was taken.

    Sending is outside of any transaction. A crash in between leaves the delivery to be sent again: the receiver knows
    it by ``webhook-id``.
    """
    waiting = Delivery.objects.filter(pk=delivery_id, state=Delivery.State.WAITING, due_at__lte=now)
    if not waiting.update(due_at=now + timedelta(seconds=LEASE_SECONDS)):
        return False
    delivery = Delivery.objects.select_related("webhook").get(pk=delivery_id)
    answer = sending.post(
        delivery.webhook.url,
        identifier=str(delivery.pk),
        body=delivery.body,
        secret=secret_of(delivery.webhook),
        now=int(now.timestamp()),
        allow_private=settings.ZOO_WEBHOOKS_PRIVATE,
    )
    return _note(delivery, answer, now)


def _note(delivery: Delivery, answer: sending.Answer, now: datetime) -> bool:
    taken = answer.status is not None and 200 <= answer.status < 300
    tries = delivery.tries + 1
    with transaction.atomic():
        Attempt.objects.create(
            delivery=delivery, at=now, status=answer.status, trouble=answer.trouble, seconds=answer.seconds
        )
        state, due_at = Delivery.State.DELIVERED, now
        if not taken:
            over = tries > len(PAUSES_SECONDS) or answer.status == GONE
            state = Delivery.State.GIVEN_UP if over else Delivery.State.WAITING
            due_at = now if over else now + timedelta(seconds=PAUSES_SECONDS[tries - 1])
        Delivery.objects.filter(pk=delivery.pk).update(state=state, tries=tries, due_at=due_at)
    if answer.status == GONE:
        end(webhook=delivery.webhook, reason="its address answered 410 Gone", acting_user=None, now=now)
    return taken


def prune(*, now: datetime) -> int:
    """Removes deliveries that ended long ago; gives how many."""
    old = Delivery.objects.exclude(state=Delivery.State.WAITING).filter(created_at__lt=now - KEPT)
    return old.delete()[0]
