"""``{% load licensing %}{% license_panel model has_students %}``: the license check on the page of a model."""

from __future__ import annotations

from typing import Any

from django import template

from zoo.catalog.models import Model
from zoo.licensing import report, selectors
from zoo.licensing.library import rule_book
from zoo.web.views.licensing import check_address, report_context

register = template.Library()


@register.inclusion_tag("licensing/_panel.html")
def license_panel(model: Model, has_students: bool = False) -> dict[str, Any]:
    """Verdicts per intended use with links to the full answers, and the ordinary answer in short."""
    found = selectors.panel(model)
    return {
        "model": model,
        "panel": found,
        "has_students": has_students,
        "rows": [(row, check_address(model.slug, row.use.name)) for row in found.rows],
        "report": report_context(found.checked),
        "disclaimer": report.disclaimer(rule_book()),
        "rules_version": rule_book().version,
    }


register.filter("duty_words", report.duty_words)
