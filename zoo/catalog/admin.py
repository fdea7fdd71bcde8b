"""The catalog in the admin: to look at, not to touch. Changes go through services, which keep the history."""

from django.contrib import admin

from zoo.catalog.models import Dispute, Model, Proposal, ReportedScore, Revision
from zoo.core.look_only import LookOnly


@admin.register(Model)
class ModelAdmin(LookOnly):
    list_display = ("key", "kind", "family", "license", "parameters", "released", "curated")
    list_filter = ("kind", "availability", "curated")
    search_fields = ("key",)
    show_full_result_count = False


@admin.register(Revision)
class RevisionAdmin(LookOnly):
    list_display = ("label", "model", "origin", "parameters", "license_declared", "created_at")
    list_select_related = ("model__organization",)
    list_filter = ("origin",)
    search_fields = ("model__key", "commit", "digest", "tensors_digest")
    show_full_result_count = False


@admin.register(Proposal)
class ProposalAdmin(LookOnly):
    list_display = ("id", "kind", "state", "proposed_by", "proposed_at", "decided_by")
    list_filter = ("state", "kind")


@admin.register(Dispute)
class DisputeAdmin(LookOnly):
    list_display = ("title", "claimant", "about", "since", "standing")
    list_filter = ("standing",)


@admin.register(ReportedScore)
class ReportedScoreAdmin(LookOnly):
    list_display = ("printed_name", "benchmark", "value", "unit", "via", "source")
    list_filter = ("group", "via")
    search_fields = ("printed_name", "benchmark")
