"""The pages that browser tests and screenshots look at, by name. Charts weigh more, so those pages may too."""

from __future__ import annotations

from typing import NamedTuple


class Place(NamedTuple):
    """A page: its name, its address, and whether it carries the chart library."""

    name: str
    path: str
    charts: bool = False


PLACES: tuple[Place, ...] = (
    Place("home", "/"),
    Place("models", "/models/"),
    Place("no-match", "/models/?q=no-such-thing-anywhere"),
    Place("model", "/models/distilbert/distilbert-base-uncased/"),
    Place("measured-model", "/models/scripted/student-p70/"),
    Place("lineage", "/models/deepseek-ai/DeepSeek-R1-Distill-Llama-70B/lineage/"),
    Place("leaderboard", "/leaderboard/", charts=True),
    Place("compare-start", "/compare/"),
    Place("compare", "/compare/?m=scripted/student-p70&m=scripted/small-p80&m=scripted/teacher-p90"),
    Place("comparisons", "/comparisons/"),
    Place("comparison", "/comparisons/{comparison}/"),
    Place("samples", "/comparisons/{comparison}/samples/?outcome=lost"),
    Place("submit", "/submit/?student=scripted/student-p70"),
    Place("runs", "/runs/"),
    Place("run", "/runs/{run}/"),
    Place("waiting-run", "/runs/{waiting_run}/"),
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
)
NOTHING_THERE = Place("not-found", "/no-such-page/")
