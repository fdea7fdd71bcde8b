"""The home page: what this is, one search, five doors for the five questions, the latest results, how things stand."""

from __future__ import annotations

from typing import NamedTuple

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone

from zoo.catalog import selectors as catalog
from zoo.comparisons import selectors as comparisons
from zoo.comparisons.known import UNKNOWN, Known, from_catalog
from zoo.comparisons.leaderboard import Entry, entry_of
from zoo.runs import selectors as runs
from zoo.web.charts import DotRow


class Latest(NamedTuple):
    """A comparison for the home page."""

    entry: Entry
    href: str
    rows: list[DotRow]


def show(request: HttpRequest) -> HttpResponse:
    """The home page."""
    context = {
        "names": catalog.model_names(limit=300),
        "entries": catalog.number_of_models(),
        "counts": runs.counts(),
        "latest": _latest(),
        "workers": runs.live_workers(now=timezone.now()).count(),
    }
    return render(request, "home/home.html", context)


def _latest(limit: int = 6) -> list[Latest]:
    """The newest comparisons; those with a teacher that lineage knows come before others."""
    rows = comparisons.recent().values_list("pk", "pairing__pair_run__state")[:limit]
    entries = [entry_of(pk, state or "") for pk, state in rows]
    known = from_catalog(entry.student for entry in entries)
    entries.sort(key=lambda entry: _distance(entry, known.get(entry.student, UNKNOWN)))
    return [_shown(entry) for entry in entries]


def _distance(entry: Entry, known: Known) -> int:
    """0 for a teacher that lineage knows, 1 where it knows none, 2 for a model that is no teacher."""
    if not known.teachers:
        return 1
    return 0 if known.learned_from(entry.teacher) else 2


def _shown(entry: Entry) -> Latest:
    href = f"/comparisons/{entry.comparison_id}/"
    parts = [DotRow(cell.name, cell.retention) for cell in entry.capabilities]
    return Latest(entry, href, [DotRow("Overall", entry.retention, strong=True), *parts])


def lineage_door(request: HttpRequest) -> HttpResponseRedirect:
    """From a typed id to the lineage of that entry; to the search when there is no such entry."""
    wanted = request.GET.get("model", "").strip()
    found = catalog.find_model(wanted)
    if found is not None:
        return redirect(f"/models/{found.slug}/lineage/")
    query = QueryDict(mutable=True)
    query["q"] = wanted
    return redirect(f"/models/?{query.urlencode()}")
