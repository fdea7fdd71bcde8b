"""REST for releases and exports: frozen documents, their signatures, the chain, and models in formats others read."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from zoo.api import pages
from zoo.api.conditional import Conditional
from zoo.api.parameters import QuerySerializer
from zoo.api.streaming import stream
from zoo.catalog.selectors import get_model
from zoo.comparisons.redaction import redacted_tasks
from zoo.core import storage
from zoo.core.errors import Forbidden
from zoo.core.streaming import blocks
from zoo.publishing import selectors
from zoo.publishing.exports.formats import (
    FORMATS,
    RUN_FORMATS,
    TABLES,
    UnknownFormat,
    format_named,
    run_format_named,
)
from zoo.publishing.models import Release
from zoo.publishing.selectors import ReleaseNotFound
from zoo.publishing.services import parse

SIDES = ("student", "teacher")


class ReleaseRowSerializer(serializers.Serializer[Release]):
    """A release in a list."""

    id = serializers.UUIDField()
    sequence = serializers.IntegerField()
    comparison = serializers.UUIDField(source="comparison_id")
    student = serializers.CharField()
    teacher = serializers.CharField()
    digest = serializers.CharField()
    hash = serializers.CharField()
    replaces = serializers.UUIDField(source="replaces_id", allow_null=True)
    replaced_by = serializers.SerializerMethodField()
    reason = serializers.CharField()
    created_at = serializers.DateTimeField()

    stale = serializers.SerializerMethodField()

    def get_stale(self, release: Release) -> list[str]:
        """Codes of what moved on since: harness_moved_on, engine_moved_on, statistics_moved_on, suite_moved_on."""
        return [mark.code for mark in selectors.stale(release)]

    def get_replaced_by(self, release: Release) -> str | None:
        """The release that corrects this one, if any."""
        later = getattr(release, "replaced_by", None)
        return str(later.pk) if later else None


class ReleaseSerializer(ReleaseRowSerializer):
    """A release with all that is needed to check it."""

    previous_hash = serializers.CharField()
    envelope = serializers.DictField()
    document = serializers.DictField()


class KeySerializer(serializers.Serializer[Any]):
    """What this instance signs with, and where its chain of releases ends."""

    public_key = serializers.CharField()
    sequence = serializers.IntegerField()
    head = serializers.CharField()


class ReleaseList(APIView):
    """All releases, newest first, those that were replaced too."""

    @extend_schema(operation_id="releases_list", responses=ReleaseRowSerializer(many=True))
    def get(self, request: Request) -> Response:
        return pages.listed(
            self, request, selectors.releases(), ReleaseRowSerializer, ordering=("-sequence",)
        )


class ReleaseKey(APIView):
    """The public key and the head of the chain. Keep a copy elsewhere: that is what makes a change evident."""

    @extend_schema(operation_id="releases_key", responses=KeySerializer)
    def get(self, request: Request) -> Response:
        sequence, head = selectors.head()
        return Response({"public_key": selectors.public_key(), "sequence": sequence, "head": head})


class ReleaseDetail(Conditional):
    """One release: the frozen document, its digest, its place in the chain and the signed statement."""

    @extend_schema(operation_id="releases_retrieve", responses=ReleaseSerializer)
    def get(self, request: Request, release_id: UUID) -> Response:
        release = selectors.release_by_id(release_id)
        row = ReleaseRowSerializer(release).data
        more = {
            "previous_hash": release.previous_hash,
            "envelope": release.envelope,
            "document": parse(release),
        }
        return Response({**row, **more})


class ReleaseResults(APIView):
    """The two recorded results behind a release, as the exact text that was hashed."""

    @extend_schema(
        operation_id="releases_results", responses={(200, "application/json"): OpenApiTypes.OBJECT}
    )
    def get(self, request: Request, release_id: UUID) -> Response:
        return Response(selectors.bundles(selectors.release_by_id(release_id)))


class SamplesNotShown(Forbidden):
    """The samples hold texts that may not be republished."""

    code = "samples_not_shown"


class ReleaseSamples(APIView):
    """The samples of one side as Parquet, for whoever recomputes the release."""

    @extend_schema(
        operation_id="releases_samples",
        parameters=[OpenApiParameter("side", str, OpenApiParameter.PATH, enum=list(SIDES))],
        responses={(200, "application/vnd.apache.parquet"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, release_id: UUID, side: str) -> StreamingHttpResponse:
        document = parse(selectors.release_by_id(release_id))
        evidence, compared = document["evidence"], document["comparison"]
        if redacted_tasks({"suite": compared["suite"], "tasks": [row["task"] for row in compared["tasks"]]}):
            raise SamplesNotShown(
                "these samples hold items whose owners ask that they are not republished",
                remedy="Repeat the measurement: the release prints the command.",
            )
        if side not in SIDES or not storage.exists(evidence[side]["samples_sha256"]):
            raise ReleaseNotFound("these samples are not kept")
        file = storage.open_artifact(evidence[side]["samples_sha256"])
        name = f"{release_id}-{side}.parquet"
        return stream(request, blocks(file), content_type="application/vnd.apache.parquet", filename=name)


class ReleaseTable(APIView):
    """A release as rows, one a task."""

    @extend_schema(
        operation_id="releases_export",
        parameters=[OpenApiParameter("kind", str, OpenApiParameter.PATH, enum=list(TABLES))],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, release_id: UUID, kind: str) -> HttpResponse:
        if kind not in TABLES:
            raise UnknownFormat(f"there is no format '{kind}'", remedy=f"Known: {', '.join(TABLES)}.")
        content_type, write = TABLES[kind]
        body = write(parse(selectors.release_by_id(release_id)))
        return _download(body, content_type, f"{release_id}.{kind}")


class RunExport(APIView):
    """A finished run in the files of other tools: the harness's own, and Every Eval Ever records."""

    @extend_schema(
        operation_id="runs_export",
        parameters=[
            OpenApiParameter("kind", str, OpenApiParameter.PATH, enum=list(RUN_FORMATS)),
            OpenApiParameter("task", str, description="For lm-eval-samples: which task."),
        ],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
        tags=["runs"],
    )
    def get(self, request: Request, run_id: UUID, kind: str) -> HttpResponse:
        chosen = run_format_named(kind)
        given = TaskParameters.read(request)
        body = chosen.make(selectors.measurement(run_id), given.get("task", ""), timezone.now())
        return _download(body, chosen.content_type, f"{run_id}.{chosen.extension}")


class TaskParameters(QuerySerializer):
    """Which task's samples."""

    task = serializers.CharField(required=False, max_length=200)


def _download(body: bytes, content_type: str, filename: str) -> HttpResponse:
    response = HttpResponse(body, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response


class ModelExportFormat(APIView):
    """A model with its lineage and standing releases in a format that other tools read."""

    @extend_schema(
        operation_id="models_export_format",
        parameters=[OpenApiParameter("kind", str, OpenApiParameter.PATH, enum=list(FORMATS))],
        responses={(200, "text/plain"): OpenApiTypes.STR},
    )
    def get(self, request: Request, org: str, name: str, kind: str) -> HttpResponse:
        chosen = format_named(kind)
        model = get_model(f"{org}/{name}")
        body = chosen.make(selectors.subject(model), timezone.now())
        response = HttpResponse(body, content_type=f"{chosen.content_type}; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{org}--{name}.{chosen.extension}"'
        return response


routes = [
    path("releases/", ReleaseList.as_view(), name="releases"),
    path("releases/key/", ReleaseKey.as_view(), name="release-key"),
    path("releases/<uuid:release_id>/", ReleaseDetail.as_view(), name="release"),
    path("releases/<uuid:release_id>/results/", ReleaseResults.as_view(), name="release-results"),
    path("releases/<uuid:release_id>/samples/<str:side>/", ReleaseSamples.as_view(), name="release-samples"),
    path("releases/<uuid:release_id>/export/<str:kind>/", ReleaseTable.as_view(), name="release-table"),
    path("runs/<uuid:run_id>/export/<str:kind>/", RunExport.as_view(), name="run-export"),
    path(
        "models/<str:org>/<str:name>/export/<str:kind>/",
        ModelExportFormat.as_view(),
        name="model-export-format",
    ),
]
