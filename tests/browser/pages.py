"""The pages that browser tests and screenshots look at, by name."""

from __future__ import annotations

from typing import NamedTuple

PLAIN_LIMIT, CHART_LIMIT = 150_000, 500_000
"""Compressed bytes of page, sheets and scripts. Swagger UI comes as one file of 430 KB, charts as three."""


class Place(NamedTuple):
    """A page: its name, its address, its limit of weight, what shows that it is ready, who looks, its status.

    ``press`` is a button to press once it is there; what comes of it is looked at.
    """

    name: str
    path: str
    limit: int = PLAIN_LIMIT
    ready: str = ""
    user: str = ""
    status: int = 200
    press: str = ""


_SUBMIT = "/submit/?student=scripted/student-p70&teacher=scripted/teacher-p90&limit=20"
PLACES: tuple[Place, ...] = (
    Place("home", "/"),
    Place("models", "/models/"),
    Place("no-match", "/models/?q=no-such-thing-anywhere"),
    Place("model", "/models/distilbert/distilbert-base-uncased/"),
    Place("measured-model", "/models/scripted/student-p70/"),
    Place("lineage", "/models/deepseek-ai/DeepSeek-R1-Distill-Llama-70B/lineage/"),
    Place("leaderboard", "/leaderboard/", CHART_LIMIT, ready=".vega-host .mark-symbol path[role=link]"),
    Place("compare-start", "/compare/"),
    Place("compare", "/compare/?m=scripted/student-p70&m=scripted/small-p80&m=scripted/teacher-p90"),
    Place("comparisons", "/comparisons/"),
    Place("comparison", "/comparisons/{comparison}/"),
    Place("samples", "/comparisons/{comparison}/samples/?outcome=lost"),
    Place("submit", "/submit/?student=scripted/student-p70"),
    Place("runs", "/runs/"),
    Place("run", "/runs/{run}/"),
    Place("waiting-run", "/runs/{waiting_run}/"),
    Place("running-run", "/runs/{held_run}/", user="grace"),
    Place("licenses", "/licenses/"),
    Place("license", "/licenses/Apache-2.0/"),
    Place("license-check", "/licenses/check/?model=meta-llama/Llama-3.1-8B&action=host&commercial=yes"),
    Place("license-changes", "/licenses/changes/"),
    Place("timeline", "/timeline/"),
    Place("disputes", "/disputes/"),
    Place("starting-points", "/starting-points/"),
    Place("unattached-scores", "/scores/unattached/"),
    Place("releases", "/releases/"),
    Place("status", "/status/"),
    Place("glossary", "/glossary/"),
    Place("sign-in", "/login/"),
    Place("docs", "/docs/"),
    Place("document", "/docs/decisions/2026-11-24-database-is-the-queue/"),
    Place("problems", "/problems/"),
    Place("problem", "/problems/quota_exceeded/"),
    Place("api", "/api/v1/docs/", CHART_LIMIT, ready="#swagger-ui .opblock"),
    Place("account", "/account/", user="ada"),
    Place("propose", "/models/propose/", user="ada"),
    Place("proposals", "/proposals/", user="ada"),
    Place("correction", "/models/scripted/student-p70/propose/", user="ada"),
    Place("proposal", "/proposals/{proposal}/", user="ada"),
    Place("uploads", "/uploads/", user="ada"),
    Place("webhooks", "/account/webhooks/", user="ada"),
    Place("webhook", "/account/webhooks/{webhook}/", user="ada"),
    Place("people", "/account/people/", user="grace"),
    Place("enter", "{entry}"),
    Place("release", "/releases/{release}/"),
    Place("failed-run", "/runs/{failed_run}/", user="grace"),
    Place("dumps", "/dumps/"),
    Place("bad-request", "/comparisons/{comparison}/samples/?outcome=none-such", status=400),
    Place("used-link", "/welcome/used-already/", status=403),
    Place("first-start", "/first-start/"),
    Place("styleguide", "/styleguide/"),
    *(Place(f"error-{status}", f"/fault/{status}/", status=status) for status in (409, 429, 500, 503)),
    Place("drawn", "/comparisons/{drawn}/"),
    Place("drawn-samples", "/comparisons/{drawn}/samples/"),
    Place("macro", "/comparisons/{glue}/"),
    Place("preflight-warn", _SUBMIT + "&suite=&tasks=scripted_choice.n-60", user="ada", press="Check first"),
    Place("preflight-fail", "/submit/?student=nobody/nothing", user="ada", press="Check first"),
    Place("password", "/account/password/", user="ada"),
)
NOTHING_THERE = Place("not-found", "/no-such-page/", status=404)
