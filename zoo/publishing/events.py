"""What subscribers are told of: releases, new entries, license verdicts that changed. Found by number, never missed.

Nothing here waits for a network: the events are read from the tables after their transactions, so a subscriber hears of
nothing that was rolled back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings

from zoo.catalog.models import Model
from zoo.licensing.models import VerdictChange
from zoo.publishing.exports.subject import sentence
from zoo.publishing.models import Release
from zoo.publishing.services import parse

OVERLAP = 200
"""Numbers looked at again: a transaction may end after one with a higher number."""
AT_ONCE = 100


class Event(NamedTuple):
    """One thing that happened. ``subject`` is unique for its kind; ``data`` is what subscribers get."""

    number: int
    subject: str
    at: datetime
    data: dict[str, Any]


class Kind(NamedTuple):
    """A kind of event: what it means, the newest number, and the events above a number since a time."""

    meaning: str
    newest: Callable[[], int]
    after: Callable[[int, datetime], Iterator[Event]]


def _releases(number: int, since: datetime) -> Iterator[Event]:
    rows = Release.objects.filter(sequence__gt=number - OVERLAP, created_at__gte=since)
    for release in rows.order_by("sequence")[: AT_ONCE + OVERLAP]:
        yield Event(
            release.sequence,
            f"release:{release.pk}",
            release.created_at,
            {
                "release": str(release.pk),
                "sequence": release.sequence,
                "student": release.student,
                "teacher": release.teacher,
                "digest": release.digest,
                "replaces": str(release.replaces_id) if release.replaces_id else None,
                "summary": sentence(parse(release)),
                "url": f"{settings.ZOO_PUBLIC_URL}/api/v1/releases/{release.pk}/",
                "page_url": f"{settings.ZOO_PUBLIC_URL}/releases/{release.pk}/",
            },
        )


def _models(number: int, since: datetime) -> Iterator[Event]:
    rows = Model.objects.filter(pk__gt=number - OVERLAP, created_at__gte=since).select_related("organization")
    for model in rows.order_by("pk")[: AT_ONCE + OVERLAP]:
        yield Event(
            model.pk,
            f"model:{model.slug}",
            model.created_at,
            {
                "model": model.slug,
                "title": model.title,
                "kind": model.kind,
                "license": model.license,
                "url": f"{settings.ZOO_PUBLIC_URL}/api/v1/models/{model.slug}/",
                "page_url": f"{settings.ZOO_PUBLIC_URL}/models/{model.slug}/",
            },
        )


def _verdicts(number: int, since: datetime) -> Iterator[Event]:
    rows = VerdictChange.objects.filter(pk__gt=number - OVERLAP, at__gte=since)
    for change in rows.select_related("model__organization").order_by("pk")[: AT_ONCE + OVERLAP]:
        yield Event(
            change.pk,
            f"verdict:{change.pk}",
            change.at,
            {
                "model": change.model.slug,
                "use": change.use,
                "before": change.before,
                "after": change.after,
                "cause": change.get_cause_display(),
                "page_url": f"{settings.ZOO_PUBLIC_URL}/models/{change.model.slug}/#license",
            },
        )


def _last(rows: Any, field: str) -> int:
    return rows.order_by(f"-{field}").values_list(field, flat=True).first() or 0


KINDS: dict[str, Kind] = {
    "release.published": Kind(
        "a comparison was published", lambda: _last(Release.objects, "sequence"), _releases
    ),
    "model.added": Kind("the catalog has a new entry", lambda: _last(Model.objects, "pk"), _models),
    "license.verdict_changed": Kind(
        "a license verdict became another one", lambda: _last(VerdictChange.objects, "pk"), _verdicts
    ),
}
PING = "ping"
"""What is sent when somebody tries a webhook out."""
RECENT = timedelta(days=2)
"""An event older than this, when it is first seen, is not told any more."""
