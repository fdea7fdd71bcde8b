"""``{% load comparisons %}{% ledger model scores %}``: what others report of a model beside what was measured here."""

from __future__ import annotations

from typing import Any

from django import template

from zoo.catalog.models import Model, ReportedScore
from zoo.comparisons.ledger import ledger_of, reported_retentions

register = template.Library()


@register.inclusion_tag("comparisons/_ledger.html")
def ledger(model: Model, scores: list[ReportedScore]) -> dict[str, Any]:
    """The model's reported scores with their standing, and what a student keeps by reported scores alone."""
    return {"ledger": ledger_of(model, scores), "retentions": reported_retentions(model, scores)}
