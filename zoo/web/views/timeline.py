"""The history of distillation, its words, and where to start."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from zoo.catalog import selectors


def timeline(request: HttpRequest) -> HttpResponse:
    """``/timeline/``: the history, from 2006 on; what only a report vouches for is told as a claim."""
    return render(request, "catalog/timeline.html", {"events": selectors.timeline()})


def glossary(request: HttpRequest) -> HttpResponse:
    """``/glossary/``: the words; each has an anchor of its own."""
    return render(request, "catalog/glossary.html", {"terms": selectors.glossary()})


def starting_points(request: HttpRequest) -> HttpResponse:
    """``/starting-points/``: for each purpose the models that are open, clear in license, measured or reported."""
    return render(request, "catalog/starting_points.html", {"points": selectors.starting_points()})
