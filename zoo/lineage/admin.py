"""Lineage in the admin: to look at, not to touch."""

from django.contrib import admin

from zoo.core.look_only import LookOnly
from zoo.lineage.models import Edge


@admin.register(Edge)
class EdgeAdmin(LookOnly):
    list_display = ("child", "kind", "parent", "status", "seen", "is_current", "recorded_at")
    list_select_related = ("child__organization", "parent__organization")
    list_filter = ("kind", "status", "is_current")
    search_fields = ("child__key", "parent__key")
    show_full_result_count = False
