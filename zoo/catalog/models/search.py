"""The search index: one narrow row an entry, the facet values, and the vocabulary.

These tables repeat what other tables say, in a form that can be searched quickly; they can be rebuilt.
``zoo.catalog.search`` alone writes and reads them. Full-text tables that the ORM does not know hang on them
by triggers (SQLite) or a generated column (Postgres); see the migrations.
"""

from __future__ import annotations

from django.db import models

from zoo.catalog.models.entries import Model

UNKNOWN = 2**62
"""What stands in a sort column where the figure is not known: it comes last in either direction."""


class SearchDocument(models.Model):
    """An entry as search sees it. Other apps contribute facets and figures through catalog services.

    Every ordering is ascending on one sort column and then on the key, so that a page is found from the
    last row of the one before. The columns for a descending order hold the negative.
    """

    model = models.OneToOneField(
        Model, primary_key=True, on_delete=models.CASCADE, related_name="search_document"
    )
    words = models.TextField()
    """The normalized words, each with a blank before and after."""
    facets = models.TextField()
    """The tokens of its facet values, each with a blank before and after."""
    contributed = models.JSONField(default=dict)
    """Facet values that other apps know, by facet: method, teacher, role, verdict."""
    name_key = models.CharField(max_length=194)
    prominence = models.BigIntegerField(default=0)
    """Minus a weight: measured entries first, then curated ones, then students, then by what came of them."""
    size_up = models.BigIntegerField(default=UNKNOWN)
    size_down = models.BigIntegerField(default=UNKNOWN)
    oldest = models.BigIntegerField(default=UNKNOWN)
    newest = models.BigIntegerField(default=UNKNOWN)
    most_kept = models.BigIntegerField(default=UNKNOWN)
    """Overall retention as measured here, times -1,000,000."""

    class Meta:
        indexes = [
            models.Index(fields=["name_key", "model"], name="search_by_name"),
            models.Index(fields=["prominence", "model"], name="search_most_prominent"),
            models.Index(fields=["size_up", "model"], name="search_smallest"),
            models.Index(fields=["size_down", "model"], name="search_largest"),
            models.Index(fields=["oldest", "model"], name="search_oldest"),
            models.Index(fields=["newest", "model"], name="search_newest"),
            models.Index(fields=["most_kept", "model"], name="search_most_kept"),
        ]

    def __str__(self) -> str:
        return self.name_key


class FacetValue(models.Model):
    """A value of a facet and how many entries have it. Its id makes the token in the index."""

    facet = models.CharField(max_length=16)
    key = models.CharField(max_length=200)
    """The value in lower case."""
    value = models.CharField(max_length=200)
    count = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["facet", "-count", "key"]
        indexes = [models.Index(fields=["facet", "-count", "key"], name="facet_by_count")]
        constraints = [models.UniqueConstraint(fields=["facet", "key"], name="facet_value_is_unique")]

    def __str__(self) -> str:
        return f"{self.facet}={self.value}"


class Term(models.Model):
    """A word of the index and in how many entries it stands; misspelled words are mended from it."""

    term = models.CharField(max_length=64, unique=True)
    count = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["term"]

    def __str__(self) -> str:
        return self.term
