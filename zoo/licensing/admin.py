"""License checks in the admin: to look at, not to touch."""

from django.contrib import admin

from zoo.core.look_only import LookOnly
from zoo.licensing.models import RuleSet, Standing, VerdictChange


@admin.register(RuleSet)
class RuleSetAdmin(LookOnly):
    list_display = ("version", "first_used_at", "texts", "rules")


@admin.register(Standing)
class StandingAdmin(LookOnly):
    list_display = ("model", "rule_set", "computed_at", "changed_at")
    search_fields = ("model__key",)


@admin.register(VerdictChange)
class VerdictChangeAdmin(LookOnly):
    list_display = ("model", "use", "before", "after", "cause", "at")
    list_filter = ("use", "cause")
    search_fields = ("model__key",)
