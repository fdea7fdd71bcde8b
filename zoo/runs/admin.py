"""The queue in the admin: to look at, not to touch. Moves are made by the services alone."""

from django.contrib import admin

from zoo.core.look_only import LookOnly
from zoo.runs.models import Result, Run, RunEvent, Worker, WorkerCredential


@admin.register(Run)
class RunAdmin(LookOnly):
    list_display = ("id", "model_name", "suite", "state", "attempts", "worker", "created_at")
    list_filter = ("state", "kind", "engine")
    search_fields = ("id", "model_name", "identity")


@admin.register(RunEvent)
class RunEventAdmin(LookOnly):
    list_display = ("at", "run", "kind", "from_state", "to_state", "token", "worker")
    list_filter = ("kind",)


@admin.register(Result)
class ResultAdmin(LookOnly):
    list_display = ("sequence", "run", "digest", "created_at")


@admin.register(Worker)
class WorkerAdmin(LookOnly):
    list_display = ("id", "device", "device_name", "isolation", "seen_at", "stopped_at", "trouble")
    list_filter = ("device",)


@admin.register(WorkerCredential)
class WorkerCredentialAdmin(LookOnly):
    list_display = ("name", "created_by", "created_at", "revoked_at")
    exclude = ("digest",)
