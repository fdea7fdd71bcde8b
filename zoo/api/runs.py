"""REST for runs: what is measured, where it stands, its events as a stream, and stopping or trying it again."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import path, reverse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evaluation.contract import RunReport
from zoo.accounts.models import Scope, User
from zoo.api.conditional import Conditional
from zoo.api.fields import Choice
from zoo.api.pages import PageParameters, Pages
from zoo.runs import selectors
from zoo.runs.clock import database_now
from zoo.runs.lifecycle import State
from zoo.runs.models import Run, RunEvent
from zoo.runs.places import places
from zoo.submissions import services

POLL_SECONDS = 0.25
COMMENT_SECONDS = 15.0
STREAM_SECONDS = 600.0
"""A stream ends after this; the client connects again by itself and loses nothing."""


class ReasonSerializer(serializers.Serializer[Any]):
    """Why something did not succeed, or waits again."""

    code = serializers.CharField()
    fault = serializers.ChoiceField(choices=["submitter", "platform"])
    message = serializers.CharField()
    remedy = serializers.CharField()


class RunSerializer(serializers.Serializer[Any]):
    """One run."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=Run.Kind.choices)
    model = serializers.CharField()
    revision = serializers.CharField()
    suite = serializers.CharField(help_text="name@version; empty for a list of tasks")
    engine = serializers.CharField()
    state = serializers.ChoiceField(choices=[state.value for state in State])
    reason = ReasonSerializer(allow_null=True)
    progress = serializers.DictField(allow_null=True)
    attempts = serializers.IntegerField()
    cancel_requested = serializers.BooleanField()
    queue_position = serializers.IntegerField(allow_null=True)
    eta_seconds = serializers.IntegerField(allow_null=True)
    worker = serializers.DictField(
        allow_null=True, help_text="device of who holds or held it, and the isolation that it offers"
    )
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    spec = serializers.DictField(required=False, help_text="of one run; a list leaves it out")
    identity = serializers.CharField()
    result = serializers.DictField(
        required=False,
        allow_null=True,
        help_text="the report and its place in the chain of results; a list leaves it out",
    )
    events_url = serializers.URLField()
    page_url = serializers.URLField()


class RunParameters(PageParameters):
    """Filters of the list of runs."""

    state = Choice(choices=[state.value for state in State], required=False)
    model = serializers.CharField(required=False, max_length=200)


class EventParameters(PageParameters):
    """Where a stream goes on."""

    cursor = None  # type: ignore[assignment]
    page_size = None  # type: ignore[assignment]
    after = serializers.IntegerField(required=False, min_value=0, help_text="id of the last event seen")


def run_document(
    run: Run, request: Request, *, now: datetime, whole: bool, place: selectors.Place | None = None
) -> dict[str, Any]:
    """A run as the API shows it; ``whole`` adds spec and result, ``place`` is given where it is known already."""
    place = place or selectors.place(run, now=now)
    return {
        "id": str(run.pk),
        "kind": run.kind,
        "model": run.model_name,
        "revision": run.model_revision,
        "suite": run.suite,
        "engine": run.engine,
        "state": run.state,
        "reason": run.reason,
        "progress": run.progress,
        "attempts": run.attempts,
        "cancel_requested": run.cancel_requested,
        "queue_position": place.position,
        "eta_seconds": place.eta_seconds,
        "worker": _worker(run),
        "created_at": _time(run.created_at),
        "started_at": _time(run.started_at),
        "finished_at": _time(run.finished_at),
        "identity": run.identity,
        "events_url": request.build_absolute_uri(reverse("api:run-events", args=[run.pk])),
        "page_url": request.build_absolute_uri(f"/runs/{run.pk}/"),
    } | ({"spec": run.spec, "result": _result(run)} if whole else {})


def _worker(run: Run) -> dict[str, Any] | None:
    worker = run.worker
    if worker is None:
        return None
    return {"device": worker.device, "device_name": worker.device_name, "isolation": worker.isolation}


def _result(run: Run) -> dict[str, Any] | None:
    if run.state != State.SUCCEEDED:
        return None
    result = run.result
    report = result.report.model_dump(mode="json")
    if isinstance(result.report, RunReport):
        report["samples"] = None
    return {
        "report": report,
        "sequence": result.sequence,
        "digest": result.digest,
        "hash": result.hash,
        "previous_hash": result.previous_hash,
    }


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment else None


class RunPages(Pages):
    """Runs, newest first."""

    ordering = ("-created_at", "-id")


class RunList(Conditional):
    """GET runs/"""

    @extend_schema(
        operation_id="runs_list",
        parameters=[RunParameters],
        responses=RunSerializer(many=True),
        tags=["runs"],
    )
    def get(self, request: Request) -> Response:
        """All runs, newest first; failed ones too."""
        given = RunParameters.read(request)
        rows = selectors.recent_runs(state=given.get("state"), model=given.get("model"))
        pages = RunPages()
        found = pages.paginate_queryset(rows.select_related("worker"), request, view=self) or []
        now = timezone.now()
        known = places(found, now=now)
        return pages.get_paginated_response(
            [run_document(run, request, now=now, whole=False, place=known[run.pk]) for run in found]
        )


class RunDetail(APIView):
    """GET runs/{id}/"""

    @extend_schema(operation_id="runs_retrieve", responses=RunSerializer, tags=["runs"])
    def get(self, request: Request, run_id: UUID) -> Response:
        """State, reason, progress, place in the queue; the report once it succeeded."""
        run = selectors.run_by_id(run_id)
        return Response(run_document(run, request, now=timezone.now(), whole=True))


class RunCancel(APIView):
    """POST runs/{id}/cancel/"""

    required_scope = Scope.SUBMIT

    @extend_schema(operation_id="runs_cancel", request=None, responses={202: RunSerializer}, tags=["runs"])
    def post(self, request: Request, run_id: UUID) -> Response:
        """Cancels a queued run at once; a running one within a heartbeat. Asking again is harmless."""
        assert isinstance(request.user, User)
        services.cancel_run(run_id=run_id, acting_user=request.user, now=database_now())
        run = selectors.run_by_id(run_id)
        return Response(run_document(run, request, now=timezone.now(), whole=False), status=202)


class RunRetry(APIView):
    """POST runs/{id}/retry/"""

    required_scope = Scope.SUBMIT

    @extend_schema(operation_id="runs_retry", request=None, responses={202: RunSerializer}, tags=["runs"])
    def post(self, request: Request, run_id: UUID) -> Response:
        """Queues a failed or cancelled run again; it goes on from its last finished task where it can."""
        assert isinstance(request.user, User)
        services.retry_run(run_id=run_id, acting_user=request.user, now=database_now())
        run = selectors.run_by_id(run_id)
        return Response(run_document(run, request, now=timezone.now(), whole=False), status=202)


class EventStreamRenderer(BaseRenderer):
    """Lets ``Accept: text/event-stream`` through; what it renders itself are problems, as JSON."""

    media_type = "text/event-stream"
    format = "event-stream"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        return JSONRenderer().render(data)


class RunEvents(APIView):
    """GET runs/{id}/events/"""

    renderer_classes = [EventStreamRenderer, JSONRenderer]

    @extend_schema(
        operation_id="runs_events",
        parameters=[
            EventParameters,
            OpenApiParameter("Last-Event-ID", OpenApiTypes.INT, OpenApiParameter.HEADER, required=False),
        ],
        responses={(200, "text/event-stream"): OpenApiTypes.STR},
        tags=["runs"],
    )
    def get(self, request: Request, run_id: UUID) -> HttpResponseBase:
        """The run's events as server-sent events, from the beginning or after the last one seen, to its end.

        Each has the id of its row, so a client that reconnects with Last-Event-ID misses nothing. ``log`` has none: it
        says that the runner printed more, which those who asked for the run read at its page. The last event is
        ``done``, whatever the outcome; its data holds the final state.
        """
        given = EventParameters.read(request)
        run = selectors.run_by_id(run_id)
        last = request.headers.get("Last-Event-ID", "")
        after = int(last) if last.isdecimal() and len(last) < 19 else given.get("after", 0)
        under_asgi = isinstance(request._request, ASGIRequest)
        pieces = _awaited(run.pk, after) if under_asgi else _waited(run.pk, after)
        response = StreamingHttpResponse(pieces, content_type="text/event-stream")
        response["Cache-Control"] = "no-cache"
        response["X-Accel-Buffering"] = "no"
        # Compression would hold events back until its buffer is full.
        response["Content-Encoding"] = "identity"
        return response


class _Stream:
    """The state of one stream: which event was sent last, and when something was sent."""

    def __init__(self, run_id: UUID, after: int) -> None:
        self.run_id = run_id
        self.after = after
        self.ended = False
        self._logged_at: datetime | None = None
        self._began = self._spoke = time.monotonic()

    def next(self) -> str:
        """What to send now; may be nothing."""
        # The state is read first: an event written in between is then sent, and the end noticed next time.
        state, logged_at = selectors.pulse(self.run_id)
        found = selectors.events_since(self.run_id, after=self.after)
        text = "".join(_shown(event) for event in found)
        if logged_at is not None and logged_at != self._logged_at:
            self._logged_at = logged_at
            text += f"event: log\ndata: {json.dumps({'at': _time(logged_at)})}\n\n"
        if found:
            self.after = found[-1].pk
        elif state in (State.SUCCEEDED, State.FAILED, State.CANCELLED):
            self.ended = True
            text = f"event: done\ndata: {json.dumps({'state': state})}\n\n"
        now = time.monotonic()
        if now - self._began > STREAM_SECONDS:
            self.ended = True
        if not text and now - self._spoke > COMMENT_SECONDS:
            text = ": still here\n\n"
        if text:
            self._spoke = now
        return text


def _shown(event: RunEvent) -> str:
    data = {
        "kind": event.kind,
        "at": _time(event.at),
        "from": event.from_state or None,
        "to": event.to_state or None,
        "attempt_token": event.token,
        **event.data,
    }
    name = "progress" if event.kind == "progress" else "state" if event.to_state else "note"
    return f"id: {event.pk}\nevent: {name}\ndata: {json.dumps(data)}\n\n"


async def _awaited(run_id: UUID, after: int) -> AsyncIterator[str]:
    stream = _Stream(run_id, after)
    step = sync_to_async(stream.next)
    yield "retry: 2000\n\n"
    while not stream.ended:
        text = await step()
        if text:
            yield text
        elif not stream.ended:
            await asyncio.sleep(POLL_SECONDS)


def _waited(run_id: UUID, after: int) -> Iterator[str]:
    stream = _Stream(run_id, after)
    yield "retry: 2000\n\n"
    while not stream.ended:
        text = stream.next()
        if text:
            yield text
        elif not stream.ended:
            time.sleep(POLL_SECONDS)


routes = [
    path("runs/", RunList.as_view(), name="runs"),
    path("runs/<uuid:run_id>/", RunDetail.as_view(), name="run"),
    path("runs/<uuid:run_id>/events/", RunEvents.as_view(), name="run-events"),
    path("runs/<uuid:run_id>/cancel/", RunCancel.as_view(), name="run-cancel"),
    path("runs/<uuid:run_id>/retry/", RunRetry.as_view(), name="run-retry"),
]
