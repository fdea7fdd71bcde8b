"""The home page: what this is, one search, five doors for the five questions, the latest results, how things stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils import timezone

from zoo.catalog import search
from zoo.catalog import selectors as catalog
from zoo.catalog.models import Model
from zoo.comparisons import selectors as comparisons
from zoo.comparisons.known import UNKNOWN, Known, from_catalog
from zoo.comparisons.leaderboard import Entry, entries_of
from zoo.runs import selectors as runs
from zoo.web.charts import DotRow

_HITS = 5


class Latest(NamedTuple):
    """A comparison for the home page."""

    entry: Entry
    href: str
    rows: list[DotRow]


def show(request: HttpRequest) -> HttpResponse:
    """The home page."""
    context = {
        "names": catalog.model_names(limit=300),
        "teachers": comparisons.measured_teachers(limit=100),
        "entries": catalog.number_of_models(),
        "counts": runs.counts(),
        "latest": _latest(),
        "workers": runs.live_workers(now=timezone.now()).count(),
    }
    return render(request, "home/home.html", context)


def _latest(limit: int = 6) -> list[Latest]:
    """The newest comparisons, whole suites before trials; of these, teachers that lineage knows come first."""
    newest = comparisons.recent().order_by("-rankable", "-created_at", "-pk")
    rows = newest.values_list("pk", "pairing__pair_run__state")[:limit]
    entries = entries_of((pk, state or "") for pk, state in rows)
    known = from_catalog(entry.student for entry in entries)
    entries.sort(key=lambda entry: (not entry.rankable, entry.limited, _far(entry, known)))
    return [_shown(entry) for entry in entries]


def _far(entry: Entry, catalog_of: Mapping[str, Known]) -> int:
    """0 for a teacher that lineage knows, 1 where it knows none, 2 for a model that is no teacher."""
    known = catalog_of.get(entry.student, UNKNOWN)
    if not known.teachers:
        return 1
    return 0 if known.learned_from(entry.teacher) else 2


def _shown(entry: Entry) -> Latest:
    href = f"/comparisons/{entry.comparison_id}/"
    parts = [DotRow(cell.name, cell.retention) for cell in entry.capabilities]
    return Latest(entry, href, [DotRow("Overall", entry.retention, strong=True), *parts])


def lineage_door(request: HttpRequest) -> HttpResponseRedirect:
    """From a typed name to the lineage of that entry; to the search when no entry is called so."""
    wanted = request.GET.get("model", "").strip()
    found = _meant(wanted)
    return redirect(f"/models/{found.slug}/lineage/") if found else _to_search(wanted)


def license_door(request: HttpRequest) -> HttpResponseRedirect:
    """From a typed name to the license check of that entry; to the search when no entry is called so."""
    wanted = request.GET.get("model", "").strip()
    found = _meant(wanted)
    if not wanted or found or wanted.startswith("license:"):
        return redirect(f"/licenses/check/?{urlencode({'model': found.slug if found else wanted})}")
    return _to_search(wanted)


def _meant(wanted: str) -> Model | None:
    """The entry with this id or alias; else the one so called, written in any way, or the only one found."""
    found = catalog.find_model(wanted)
    if found is not None or not _folded(wanted):
        return found
    hits = catalog.summaries(search.page(search.Query(text=wanted, size=_HITS)).ids)
    called_so = [hit.model for hit in hits if _folded(wanted) in _names(hit.model)]
    return next(iter(called_so), hits[0].model if len(hits) == 1 else None)


def _names(model: Model) -> set[str]:
    return {_folded(model.name), _folded(model.title), _folded(model.slug)}


def _folded(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalnum())


def _to_search(wanted: str) -> HttpResponseRedirect:
    return redirect(f"/models/?{urlencode({'q': wanted})}")
