"""Releases: the list with the head of the chain, the permanent page of one, the badge, and the Atom feeds."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib.syndication.views import Feed
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.feedgenerator import Atom1Feed
from django.views.decorators.http import require_GET

from zoo.catalog import selectors as catalog
from zoo.catalog.models import Model
from zoo.licensing import selectors as licensing
from zoo.licensing.models import VerdictChange
from zoo.publishing import selectors
from zoo.publishing.document import differences
from zoo.publishing.exports.subject import sentence
from zoo.publishing.models import Release
from zoo.publishing.services import parse
from zoo.web import badges

NEWEST = 50


class Listed(NamedTuple):
    """A release in the list, with the comparison that it froze."""

    release: Release
    comparison: dict[str, Any]


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """``/releases/``: everything published, newest first, and how to check it."""
    page = Paginator(selectors.listed(), 50).get_page(request.GET.get("page"))
    head = selectors.head()
    context = {
        "page": page,
        "rows": [Listed(release, parse(release)["comparison"]) for release in page],
        "unlisted": head.sequence - page.paginator.count,
        "stale": selectors.stale_ids(page),
        "head": head,
        "public_key": selectors.public_key(),
    }
    return render(request, "releases/index.html", context)


@require_GET
def show(request: HttpRequest, release_id: UUID) -> HttpResponse:
    """``/releases/{id}/``: the frozen document, what stands behind it, and what it corrects."""
    release = selectors.release_by_id(release_id)
    document = parse(release)
    context = {
        "release": release,
        "document": document,
        "comparison": document["comparison"],
        "sentence": sentence(document),
        "stale": selectors.stale(release),
        "later": getattr(release, "replaced_by", None),
        "changed": differences(parse(release.replaces), document)[:40] if release.replaces else [],
    }
    return render(request, "releases/release.html", context)


@require_GET
def retention_badge(request: HttpRequest, org: str, name: str, form: str) -> HttpResponse:
    """``/badges/{org}/{name}/retention.svg``, and ``.json`` for shields: what the newest release says."""
    model = catalog.get_model(f"{org}/{name}")
    release = selectors.newest([model.slug]).get(model.slug)
    badge = badges.retention(parse(release)["comparison"] if release else None)
    if form == "json":
        body = {"schemaVersion": 1, "label": badge.label, "message": badge.message, "color": badge.color}
        response: HttpResponse = JsonResponse(body)
    else:
        response = HttpResponse(badges.svg(badge), content_type="image/svg+xml")
    response["Cache-Control"] = "public, max-age=300"
    return response


class Releases(Feed):  # type: ignore[type-arg]
    """``/feeds/releases.atom``."""

    feed_type = Atom1Feed
    title = "Distill Zoo: releases"
    subtitle = "Comparisons of students with their teachers, as they were published."
    link = "/releases/"

    def items(self) -> Iterable[Release]:
        return selectors.listed()[:NEWEST]

    def item_title(self, item: Release) -> str:
        return f"{item.student} against {item.teacher}"

    def item_description(self, item: Release) -> str:
        return sentence(parse(item))

    def item_link(self, item: Release) -> str:
        return f"/releases/{item.pk}/"

    def item_pubdate(self, item: Release) -> datetime:
        return item.created_at

    def item_updateddate(self, item: Release) -> datetime:
        return item.created_at


class Models(Feed):  # type: ignore[type-arg]
    """``/feeds/models.atom``."""

    feed_type = Atom1Feed
    title = "Distill Zoo: models"
    subtitle = "Entries of the catalog, newest first."
    link = "/models/"

    def items(self) -> Iterable[Model]:
        return catalog.newest_models(limit=NEWEST)

    def item_title(self, item: Model) -> str:
        return item.title

    def item_description(self, item: Model) -> str:
        return (
            f"{item.slug}: {item.get_kind_display()}, license as published: {item.license or 'none stated'}."
        )

    def item_link(self, item: Model) -> str:
        return f"/models/{item.slug}/"

    def item_pubdate(self, item: Model) -> datetime:
        return item.created_at

    def item_updateddate(self, item: Model) -> datetime:
        return item.created_at


class LicenseChanges(Feed):  # type: ignore[type-arg]
    """``/feeds/licenses.atom``: verdicts that became others; ``?model=org/name`` for one model."""

    feed_type = Atom1Feed
    title = "Distill Zoo: license verdicts that changed"
    subtitle = "An automated reading, not legal advice."
    link = "/licenses/changes/"

    def get_object(self, request: HttpRequest) -> Model | None:
        reference = request.GET.get("model", "")
        return catalog.get_model(reference) if reference else None

    def items(self, obj: Model | None) -> Iterable[VerdictChange]:
        return licensing.changes(model=obj)[:NEWEST]

    def item_title(self, item: VerdictChange) -> str:
        return f"{item.model.slug}: {item.use}"

    def item_description(self, item: VerdictChange) -> str:
        rules = f"{item.before_rule or 'no rule'} before, {item.after_rule or 'no rule'} now"
        return (
            f"{item.before} became {item.after}, because {item.get_cause_display()}. "
            f"The deciding rule: {rules}. Rules {item.rule_set.version}."
        )

    def item_link(self, item: VerdictChange) -> str:
        return f"/models/{item.model.slug}/#license"

    def item_guid(self, item: VerdictChange) -> str:
        return f"verdict-change-{item.pk}"

    item_guid_is_permalink = False

    def item_pubdate(self, item: VerdictChange) -> datetime:
        return item.at

    def item_updateddate(self, item: VerdictChange) -> datetime:
        return item.at
