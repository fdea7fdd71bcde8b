"""Comparisons in the admin: to look at, not to touch."""

from django.contrib import admin

from zoo.comparisons.models import Comparison
from zoo.core.look_only import LookOnly


@admin.register(Comparison)
class ComparisonAdmin(LookOnly):
    list_display = ("student", "teacher", "suite", "retention", "verdict", "created_at")
    list_filter = ("suite", "verdict", "rankable")
    search_fields = ("student", "teacher")
