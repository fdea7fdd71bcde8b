"""The status page: what waits, who works, what an operator should look at."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from zoo.runs import reaper, selectors
from zoo.runs.clock import database_now
from zoo.runs.lifecycle import State


@never_cache
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """Queue, workers, alarms, and the head of the chain of results."""
    now = database_now()
    workers = list(selectors.live_workers(now=now))
    alarms = reaper.alarms(now=now)
    context = {
        "state": "degraded" if alarms or not workers else "up",
        "counts": selectors.counts(),
        "workers": workers,
        "alarms": alarms,
        "chain": selectors.chain(),
        "waiting": selectors.waiting(limit=20),
        "finished": selectors.recent_runs(state=State.SUCCEEDED)[:5],
        "now": now,
    }
    return render(request, "status/status.html", context)
