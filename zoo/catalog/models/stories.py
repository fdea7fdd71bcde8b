"""The history of distillation, its words, and where to start."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from zoo.catalog.models.attested import Status
from zoo.catalog.models.entries import Model


class TimelineEntry(models.Model):
    """One event of the history, with its source; told as a claim where only a report says so."""

    slug = models.SlugField(max_length=80, unique=True)
    when = models.CharField(max_length=10)
    when_on = models.DateField()
    title = models.CharField(max_length=200)
    text = models.TextField()
    status = models.CharField(max_length=12, choices=Status.choices)
    source = models.CharField(max_length=400)
    source_url = models.CharField(max_length=500, default="", blank=True)
    seen = models.BooleanField()
    entries = models.ManyToManyField(Model, related_name="timeline", blank=True)

    class Meta:
        ordering = ["when_on", "slug"]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=Status.values), name="timeline_status_is_known")
        ]

    def __str__(self) -> str:
        return f"{self.when}: {self.title}"


class GlossaryTerm(models.Model):
    """A word of the field, explained."""

    slug = models.SlugField(max_length=80, unique=True)
    term = models.CharField(max_length=120)
    text = models.TextField()
    source = models.CharField(max_length=400, default="", blank=True)
    source_url = models.CharField(max_length=500, default="", blank=True)
    see_also = models.ManyToManyField("self", blank=True)

    class Meta:
        ordering = ["term"]

    def __str__(self) -> str:
        return self.term


class StartingPoint(models.Model):
    """A purpose for which somebody looks for a student; the page fills it from the data."""

    slug = models.SlugField(max_length=80, unique=True)
    title = models.CharField(max_length=120)
    text = models.TextField()
    query = models.JSONField()
    """Query parameters of the model list; the first rows are the answer."""
    order = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["order", "slug"]

    def __str__(self) -> str:
        return self.title
