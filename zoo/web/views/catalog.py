"""The pages of the catalog: the list with facets, the page of a model, disputes, unattached scores."""

from __future__ import annotations

from typing import NamedTuple

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from zoo.catalog import search, selectors
from zoo.catalog.models import Dispute, Model, ReportedScore
from zoo.catalog.models.attested import COUNTED
from zoo.catalog.search import parameters
from zoo.lineage import selectors as lineage
from zoo.lineage.models import Edge, EdgeKind
from zoo.publishing import importing
from zoo.runs.selectors import live_workers
from zoo.web import catalog_rows, lineage_graph
from zoo.web.measured import intervals_of, measured_here

_MINI_DEPTH = 1
ANY_WORKER_HAS = 2**30
"""Bytes; no worker needs to be asked whether so little fits."""


def model_list(request: HttpRequest) -> HttpResponse:
    """``/models/``: what matches, page by page, with facets. A wrong parameter keeps the others in force."""
    parsed = parameters.parse(dict(request.GET.lists()))
    query, errors = parsed.query, dict(parsed.errors)
    try:
        found = search.page(query)
    except search.BadCursor as error:
        errors["cursor"] = f"{error.message}: this is the first page."
        query = search.Query(query.text, query.facets, query.ranges, query.ordering, query.size)
        found = search.page(query)
    rows = selectors.summaries(found.ids)
    context = {
        "query": query,
        "intervals": intervals_of(row.model.slug for row in rows),
        "errors": errors,
        "given": request.GET,
        "rows": rows,
        "found": found,
        "facets": catalog_rows.facet_groups(search.facets(query), query),
        "chips": catalog_rows.chips(request.GET, query),
        "orderings": catalog_rows.ORDERING_LABELS.items(),
        "page": {
            "next": found.next and _at(request, found.next),
            "previous": found.previous and _at(request, found.previous),
        },
        "query_string": catalog_rows.address(request.GET),
        "loosest": _looser(request, query) if not found.ids else None,
    }
    status = 400 if errors else 200
    return render(request, "catalog/list.html", context, status=status)


def model_page(request: HttpRequest, org: str, name: str) -> HttpResponse:
    """``/models/{org}/{name}/``: everything about one entry."""
    profile = selectors.profile(f"{org}/{name}")
    model = profile.model
    if model.slug != f"{org}/{name}":
        return redirect("web:model", *model.slug.split("/"), permanent=True)
    around = lineage.neighborhood(model, depth=_MINI_DEPTH)
    alleged = lineage.allegations(around)
    scores = list(selectors.reported_scores_of(model)) if profile.has_reported_scores else []
    children = [edge for edge in around.edges if edge.parent_id == model.pk]
    context = {
        "profile": profile,
        "model": model,
        "measured": measured_here(model.slug),
        "too_large": _too_large(model),
        "facts": catalog_rows.fact_rows(profile.facts),
        "evidence": [(row, catalog_rows.standing(row)) for row in profile.evidence],
        "parents": [edge for edge in around.edges if edge.child_id == model.pk],
        "children": children,
        "has_students": _teaches(children, profile, around),
        "around": around,
        "alleged": alleged,
        "graph": lineage_graph.draw(around, alleged, selectors.verdicts_of(around.models))
        if len(around.models) > 1
        else None,
        "scores": scores,
        "score_groups": _score_groups(scores),
        "score_count": len(scores),
        "imported": list(importing.imported_of(model)),
        "revisions": list(selectors.revisions_of(model)[:20]) if profile.has_revisions else [],
        "changes": list(selectors.changes_of(model)[:20]),
    }
    return render(request, "catalog/model.html", context)


class TooLarge(NamedTuple):
    """What a model needs at least, and the most that a worker has, in bytes."""

    needed: int
    largest: int


def _too_large(model: Model) -> TooLarge | None:
    """Set where the weights alone, at two bytes each, fill more than any worker at hand has."""
    needed = 2 * (model.parameters or 0)
    if needed < ANY_WORKER_HAS:
        return None
    memories = [worker.memory_bytes for worker in live_workers(now=timezone.now()) if worker.memory_bytes]
    return TooLarge(needed, max(memories)) if memories and needed > max(memories) else None


def model_by_alias(request: HttpRequest, alias: str) -> HttpResponseRedirect | HttpResponsePermanentRedirect:
    """``/models/{alias}/``: short names lead to the entry."""
    model = selectors.get_model(alias)
    return redirect(reverse("web:model", args=model.slug.split("/")))


def disputes(request: HttpRequest) -> HttpResponse:
    """``/disputes/``: who alleges what about whom."""
    rows = Dispute.objects.prefetch_related("parts__model__organization").order_by("-since_on", "slug")
    return render(request, "catalog/disputes.html", {"disputes": rows})


def unattached_scores(request: HttpRequest) -> HttpResponse:
    """``/scores/unattached/``: published scores of things that are no entry, with the reason."""
    rows = Paginator(selectors.unattached_scores(), 100)
    page = rows.get_page(request.GET.get("page"))
    return render(request, "catalog/unattached.html", {"rows": page, "count": rows.count})


def _at(request: HttpRequest, cursor: str) -> str:
    given = request.GET.copy()
    given["cursor"] = cursor
    return given.urlencode()


def _looser(request: HttpRequest, query: search.Query) -> str | None:
    """The address of the nearest query that is a little looser, for a page without a result."""
    if query.ranges:
        dropped = {f"{name}__{end}": "" for name in query.ranges for end in ("gte", "lte")}
        return catalog_rows.address(request.GET, **dropped)
    if query.facets:
        return catalog_rows.address(request.GET, **{list(query.facets)[-1]: ""})
    return None


def _teaches(children: list[Edge], profile: selectors.Profile, around: lineage.Neighborhood) -> bool:
    """Whether students of the entry are on record; where not all its children were read, by its role."""
    counted = any(edge.kind == EdgeKind.DISTILLED_FROM and edge.status in COUNTED for edge in children)
    return counted or (around.truncated and "teacher" in profile.roles)


def _score_groups(rows: list[ReportedScore]) -> list[tuple[str, str, list[ReportedScore]]]:
    """The scores by source: only within one table may they be compared."""
    groups: dict[tuple[str, str], list[ReportedScore]] = {}
    for row in rows:
        groups.setdefault((row.source, row.source_url), []).append(row)
    return [(source, url, group) for (source, url), group in groups.items()]


def title_of(model: Model) -> str:
    """What a page about the model is called."""
    return f"{model.title} ({model.slug})"
