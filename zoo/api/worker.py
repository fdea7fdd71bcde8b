"""The worker API: claim, heartbeat, artifacts, report. Machines only, with a worker token and then a lease.

401 means "your token is not good, stop"; 409 ``lease_lost`` means "somebody else has the run now, stop".
Messages are those of ``evaluation.exchange``; they are parsed there and nowhere else.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, BinaryIO, TypeVar, cast
from uuid import UUID

from django.conf import settings
from django.http.response import HttpResponseBase
from django.urls import path
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from pydantic import ValidationError
from rest_framework import authentication, exceptions, parsers, permissions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evaluation.contract import Message
from evaluation.exchange import (
    MAX_JOURNAL_BYTES,
    MAX_LOG_BYTES,
    MAX_SAMPLES_BYTES,
    Claim,
    ClaimAnswer,
    Delivery,
    DeliveryAnswer,
    Heartbeat,
    HeartbeatAnswer,
    WorkerFacts,
)
from zoo.api import metrics
from zoo.api.streaming import stream
from zoo.core import logs, storage
from zoo.core.errors import Invalid, NotFound
from zoo.core.streaming import blocks
from zoo.runs import claiming, queue, recording, workers
from zoo.runs.clock import database_now
from zoo.runs.lifecycle import State
from zoo.runs.models import Artifact
from zoo.runs.queue import Lease
from zoo.runs.workers import Admitted

LEASE_HEADER = "X-Zoo-Lease"
MAX_MESSAGE_BYTES = 64 << 20
MAX_BYTES = {
    Artifact.Kind.SAMPLES: MAX_SAMPLES_BYTES,
    Artifact.Kind.LOG: MAX_LOG_BYTES,
    Artifact.Kind.JOURNAL: MAX_JOURNAL_BYTES,
}
Parsed = TypeVar("Parsed", bound=Message)


class WorkerAuthentication(authentication.BaseAuthentication):
    """Reads a worker token. People's tokens are not good here, and a worker's nowhere else."""

    def authenticate(self, request: Request) -> tuple[None, Admitted] | None:
        header = authentication.get_authorization_header(request).decode("latin-1").split()
        admitted = workers.admit(header[1]) if len(header) == 2 and header[0].lower() == "token" else None
        if admitted is None:
            raise exceptions.AuthenticationFailed("This needs a live worker token.")
        return None, admitted

    def authenticate_header(self, request: Request) -> str:
        return "Token"


class Stream(parsers.BaseParser):
    """Hands the body on as a stream, so that a large file never sits in memory."""

    media_type = "application/octet-stream"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        return stream


class WorkerView(APIView):
    """Base of the worker API's views."""

    authentication_classes = [WorkerAuthentication]
    permission_classes = [permissions.AllowAny]
    throttle_classes = []

    def read(self, request: Request, kind: type[Parsed]) -> Parsed:
        """The message in the body. Raises DRF's ValidationError saying what is wrong with it."""
        if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_MESSAGE_BYTES:
            raise serializers.ValidationError("the message is too long")
        try:
            return kind.model_validate(request.data)
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False, include_context=False)
            where = {".".join(map(str, item["loc"])) or "body": [item["msg"]] for item in found[:20]}
            raise serializers.ValidationError(where) from error

    def lease(self, request: Request, run_id: UUID) -> Lease:
        """The lease that the request shows for this run. Raises DRF's AuthenticationFailed (401)."""
        logs.bind(run_id=str(run_id))
        lease = workers.read_lease(request.headers.get(LEASE_HEADER, ""))
        if lease is None or lease.run_id != run_id:
            raise exceptions.AuthenticationFailed("This needs the lease that the claim gave.")
        return lease


def lease_length() -> timedelta:
    """How long a claim or a heartbeat lasts."""
    return timedelta(seconds=settings.ZOO_LEASE_SECONDS)


class ClaimView(WorkerView):
    """Gives the worker a run that fits it, or nothing."""

    @extend_schema(operation_id="worker_claim", tags=["worker"], request=WorkerFacts, responses=ClaimAnswer)
    def post(self, request: Request) -> Response:
        facts = self.read(request, WorkerFacts)
        credential = cast(Admitted, request.auth).credential
        claimed = claiming.claim(facts=facts, credential=credential, now=database_now(), lease=lease_length())
        if claimed is None:
            return Response(ClaimAnswer().model_dump(mode="json"))
        claim = Claim(
            run=str(claimed.run.pk),
            lease=workers.lease_token(claimed.lease),
            lease_seconds=lease_length().total_seconds(),
            attempt=claimed.run.attempts,
            request_id=claimed.run.request_id,
            spec=claimed.run.parsed_spec,
            journal=claimed.journal,
        )
        return Response(ClaimAnswer(claim=claim).model_dump(mode="json"))


class HeartbeatView(WorkerView):
    """Renews the lease, takes progress and the end of the log, brings back whether to stop."""

    @extend_schema(
        operation_id="worker_heartbeat", tags=["worker"], request=Heartbeat, responses=HeartbeatAnswer
    )
    def post(self, request: Request, run_id: UUID) -> Response:
        lease = self.lease(request, run_id)
        told = self.read(request, Heartbeat)
        beat = queue.heartbeat(
            lease=lease,
            progress=told.progress,
            log=told.log,
            isolation=told.isolation,
            now=database_now(),
            length=lease_length(),
        )
        answer = HeartbeatAnswer(cancel=beat.cancel, lease_seconds=lease_length().total_seconds())
        return Response(answer.model_dump(mode="json"))


class ArtifactsView(WorkerView):
    """Takes a file of a held run, addressed by its digest."""

    parser_classes = [Stream]

    @extend_schema(
        operation_id="worker_artifact",
        tags=["worker"],
        request={"application/octet-stream": bytes},
        responses={201: None},
    )
    def post(self, request: Request, run_id: UUID) -> Response:
        lease = self.lease(request, run_id)
        kind = request.query_params.get("kind", "")
        digest = request.query_params.get("sha256", "")
        if kind not in Artifact.Kind.values or not re.fullmatch(r"[0-9a-f]{64}", digest):
            raise Invalid("give kind (samples, log or journal) and sha256 as parameters")
        recording.take_artifact(
            lease=lease,
            kind=Artifact.Kind(kind),
            sha256=digest,
            source=cast(BinaryIO, request.data),
            max_bytes=MAX_BYTES[Artifact.Kind(kind)],
            now=database_now(),
        )
        return Response(status=201)


class JournalView(WorkerView):
    """Gives a worker the journal of an earlier attempt of the run that it holds."""

    @extend_schema(
        operation_id="worker_journal", tags=["worker"], responses={(200, "application/octet-stream"): bytes}
    )
    def get(self, request: Request, run_id: UUID, sha256: str) -> HttpResponseBase:
        self.lease(request, run_id)
        known = Artifact.objects.filter(run_id=run_id, sha256=sha256, kind=Artifact.Kind.JOURNAL).exists()
        if not known or not storage.exists(sha256):
            raise NotFound("this run has no such journal")
        pieces = blocks(storage.open_artifact(sha256))
        return stream(request, pieces, content_type="application/octet-stream", filename=sha256)


class ReportView(WorkerView):
    """Takes the end of an attempt: a report, or the run given back."""

    @extend_schema(operation_id="worker_report", tags=["worker"], request=Delivery, responses=DeliveryAnswer)
    def post(self, request: Request, run_id: UUID) -> Response:
        lease = self.lease(request, run_id)
        delivery = self.read(request, Delivery)
        if (delivery.report is None) == (delivery.release is None):
            raise Invalid("deliver a report or a release, one of the two")
        if delivery.report is not None:
            state, repeated = recording.deliver(
                lease=lease, report=delivery.report, models=delivery.models, now=database_now()
            )
            if not repeated:
                metrics.note_stages(run_id=lease.run_id, token=lease.token)
        else:
            assert delivery.release is not None
            state, repeated = queue.release(lease=lease, reason=delivery.release, now=database_now()), False
        return Response(DeliveryAnswer(state=State(state).value, repeated=repeated).model_dump(mode="json"))


class GoodbyeView(WorkerView):
    """A worker stops by its own will, so that nobody waits for it."""

    @extend_schema(operation_id="worker_goodbye", tags=["worker"], request=WorkerFacts, responses={204: None})
    def post(self, request: Request) -> Response:
        workers.say_goodbye(worker_id=self.read(request, WorkerFacts).id, now=timezone.now())
        return Response(status=204)


routes = [
    path("worker/claim/", ClaimView.as_view(), name="worker-claim"),
    path("worker/goodbye/", GoodbyeView.as_view(), name="worker-goodbye"),
    path("worker/runs/<uuid:run_id>/heartbeat/", HeartbeatView.as_view(), name="worker-heartbeat"),
    path("worker/runs/<uuid:run_id>/artifacts/", ArtifactsView.as_view(), name="worker-artifacts"),
    path("worker/runs/<uuid:run_id>/journal/<str:sha256>/", JournalView.as_view(), name="worker-journal"),
    path("worker/runs/<uuid:run_id>/report/", ReportView.as_view(), name="worker-report"),
]
