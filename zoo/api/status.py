"""REST for how things stand: workers, queue, alarms, and the head of the chain of results."""

from __future__ import annotations

from typing import Any

from django.urls import path
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from zoo.runs import reaper, selectors
from zoo.runs.clock import database_now
from zoo.runs.models import Worker


class WorkerSerializer(serializers.Serializer[Any]):
    """A worker that was seen lately."""

    device = serializers.CharField()
    device_name = serializers.CharField()
    memory_bytes = serializers.IntegerField()
    engines = serializers.ListField(child=serializers.CharField())
    isolation = serializers.CharField()
    versions = serializers.DictField(child=serializers.CharField())
    started_at = serializers.DateTimeField()
    seen_at = serializers.DateTimeField()
    busy = serializers.BooleanField()
    trouble = serializers.CharField(help_text="why it takes no work; empty when it does")


class StatusSerializer(serializers.Serializer[Any]):
    """How things stand."""

    queued = serializers.IntegerField()
    running = serializers.IntegerField()
    succeeded = serializers.IntegerField()
    failed = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    workers = serializers.IntegerField()
    results = serializers.IntegerField()
    chain_head = serializers.CharField(help_text="hash of the newest result")
    alarms = serializers.ListField(child=serializers.DictField())
    at = serializers.DateTimeField()


def worker_document(worker: Worker, held: int) -> dict[str, Any]:
    """A worker as the API shows it: no name of its machine."""
    return {
        "device": worker.device,
        "device_name": worker.device_name,
        "memory_bytes": worker.memory_bytes,
        "engines": worker.engines,
        "isolation": worker.isolation,
        "versions": worker.versions,
        "started_at": worker.started_at,
        "seen_at": worker.seen_at,
        "busy": held > 0,
        "trouble": worker.trouble,
    }


class WorkerList(APIView):
    """GET workers/"""

    paged = False

    @extend_schema(operation_id="workers_list", responses=WorkerSerializer(many=True), tags=["status"])
    def get(self, request: Request) -> Response:
        """The workers that were seen within five minutes."""
        found = [
            worker_document(worker, getattr(worker, "held", 0))
            for worker in selectors.live_workers(now=timezone.now())
        ]
        return Response({"next": None, "previous": None, "results": WorkerSerializer(found, many=True).data})


class Status(APIView):
    """GET status/"""

    @extend_schema(operation_id="status_retrieve", responses=StatusSerializer, tags=["status"])
    def get(self, request: Request) -> Response:
        """Runs by state, workers, alarms, and the head of the chain of results."""
        now = database_now()
        chain = selectors.chain()
        return Response(
            {
                **selectors.counts()._asdict(),
                "workers": selectors.live_workers(now=now).count(),
                "results": chain.sequence,
                "chain_head": chain.head,
                "alarms": [alarm._asdict() for alarm in reaper.alarms(now=now)],
                "at": now.isoformat().replace("+00:00", "Z"),
            }
        )


routes = [
    path("workers/", WorkerList.as_view(), name="workers"),
    path("status/", Status.as_view(), name="status"),
]
