"""The home page: what this is, one search, five doors for the five questions, the latest results, how things stand."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone

from zoo.catalog import selectors as catalog
from zoo.runs import selectors as runs


def show(request: HttpRequest) -> HttpResponse:
    """The home page."""
    context = {
        "names": catalog.model_names(limit=300),
        "counts": runs.counts(),
        "workers": runs.live_workers(now=timezone.now()).count(),
    }
    return render(request, "home/home.html", context)


def lineage_door(request: HttpRequest) -> HttpResponseRedirect:
    """From a typed id to the lineage of that entry; to the search when there is no such entry."""
    wanted = request.GET.get("model", "").strip()
    found = catalog.find_model(wanted)
    if found is not None:
        return redirect(f"/models/{found.slug}/lineage/")
    query = QueryDict(mutable=True)
    query["q"] = wanted
    return redirect(f"/models/?{query.urlencode()}")
