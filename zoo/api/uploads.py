"""REST for models that are sent instead of named: announce the files, send their parts, complete; or one archive.

An upload belongs to whoever made it; for everybody else it does not exist. Workers get the files by the lease of a run.
"""

from __future__ import annotations

import re
from typing import Any, BinaryIO, cast
from uuid import UUID

from django.http import StreamingHttpResponse
from django.urls import path
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evaluation.formats.files import MAX_FILES, Listed
from zoo.accounts.models import Scope, User
from zoo.api.pages import PageParameters, Pages
from zoo.api.streaming import stream
from zoo.api.worker import Stream, WorkerView
from zoo.core.errors import Invalid
from zoo.uploads import archives, selectors, services
from zoo.uploads.models import Upload

DIGEST = re.compile(r"[0-9a-f]{64}")


class AnnouncedFile(serializers.Serializer[Any]):
    """A file that will come."""

    name = serializers.CharField(max_length=200)
    size = serializers.IntegerField(min_value=0, max_value=1 << 40)
    sha256 = serializers.RegexField(r"^[0-9a-f]{64}$")


class UploadInput(serializers.Serializer[Any]):
    """All files of a model, before the first byte of them is sent."""

    label = serializers.CharField(  # type: ignore[assignment]  # a field of that name
        max_length=60, help_text="how the model is called; letters, digits, '-', '_' and '.'"
    )
    files = serializers.ListField(child=AnnouncedFile(), min_length=1, max_length=MAX_FILES)


class UploadedFile(AnnouncedFile):
    """A file, and how much of it has come."""

    received = serializers.IntegerField()
    offsets = serializers.ListField(
        child=serializers.IntegerField(), help_text="where the parts begin that came"
    )


class UploadSerializer(serializers.Serializer[Any]):
    """An upload. ``reference`` is what a submission names as student or teacher."""

    id = serializers.UUIDField()
    reference = serializers.CharField()
    digest = serializers.CharField()
    state = serializers.CharField(help_text="open or complete")
    total_bytes = serializers.IntegerField()
    part_bytes = serializers.IntegerField(help_text="size of each part but a file's last")
    files = UploadedFile(many=True)
    created_at = serializers.DateTimeField()


def upload_document(upload: Upload) -> dict[str, Any]:
    """An upload as the API shows it."""
    come = selectors.progress(upload)
    nothing = selectors.Progress(0, ())
    return {
        "id": str(upload.pk),
        "reference": upload.reference,
        "digest": upload.digest,
        "state": upload.state,
        "total_bytes": upload.total_bytes,
        "part_bytes": services.PART_BYTES,
        "files": [
            {"name": file.name, "size": file.size, "sha256": file.sha256}
            | come.get(file.name, nothing)._asdict()
            for file in upload.manifest.files
        ],
        "created_at": upload.created_at.isoformat().replace("+00:00", "Z"),
    }


class UploadPages(Pages):
    """Uploads, newest first."""

    ordering = ("-created_at", "-id")


class UploadView(APIView):
    """Base: needs the scope 'submit', to look as well."""

    required_scope = Scope.SUBMIT
    read_scope = Scope.SUBMIT

    def user(self, request: Request) -> User:
        """Whoever asks."""
        return cast(User, request.user)


class UploadList(UploadView):
    """GET and POST uploads/"""

    @extend_schema(
        operation_id="uploads_list",
        parameters=[PageParameters],
        responses=UploadSerializer(many=True),
        tags=["uploads"],
    )
    def get(self, request: Request) -> Response:
        """Your uploads, the newest first."""
        PageParameters.read(request)
        pages = UploadPages()
        rows = selectors.uploads_of(self.user(request)).prefetch_related("parts")
        found = pages.paginate_queryset(rows, request, view=self) or []
        return pages.get_paginated_response([upload_document(upload) for upload in found])

    @extend_schema(
        operation_id="uploads_create",
        request=UploadInput,
        responses={201: UploadSerializer},
        tags=["uploads"],
    )
    def post(self, request: Request) -> Response:
        """Announces a model's files; the same ones again give the same upload, with what has come so far."""
        given = UploadInput(data=request.data)
        given.is_valid(raise_exception=True)
        upload = services.open_upload(
            label=given.validated_data["label"],
            files=[
                Listed(file["name"], file["size"], file["sha256"]) for file in given.validated_data["files"]
            ],
            acting_user=self.user(request),
            now=timezone.now(),
        )
        return Response(upload_document(upload), status=201)


class UploadDetail(UploadView):
    """GET and DELETE uploads/{id}/"""

    @extend_schema(operation_id="uploads_retrieve", responses=UploadSerializer, tags=["uploads"])
    def get(self, request: Request, upload_id: UUID) -> Response:
        """One of your uploads, with what has come of it."""
        return Response(upload_document(selectors.upload_of(self.user(request), upload_id)))

    @extend_schema(operation_id="uploads_remove", responses={204: None}, tags=["uploads"])
    def delete(self, request: Request, upload_id: UUID) -> Response:
        """Removes the files. Results stay; a run that waits for the files forbids it (409)."""
        services.remove(upload_id=upload_id, acting_user=self.user(request), now=timezone.now())
        return Response(status=204)


class UploadPartView(UploadView):
    """PUT uploads/{id}/parts/"""

    parser_classes = [Stream]

    @extend_schema(
        operation_id="uploads_part",
        parameters=[
            OpenApiParameter("file", OpenApiTypes.STR, required=True, description="its name"),
            OpenApiParameter(
                "offset", OpenApiTypes.INT, required=True, description="a multiple of part_bytes"
            ),
            OpenApiParameter("sha256", OpenApiTypes.STR, required=True, description="of this part, in hex"),
        ],
        request={"application/octet-stream": OpenApiTypes.BINARY},
        responses={204: None},
        tags=["uploads"],
    )
    def put(self, request: Request, upload_id: UUID) -> Response:
        """Sends one part of one file. Sending it again is harmless."""
        query = request.query_params
        name, offset, digest = query.get("file", ""), query.get("offset", ""), query.get("sha256", "")
        if not offset.isascii() or not offset.isdecimal() or len(offset) > 15 or not DIGEST.fullmatch(digest):
            raise Invalid("give file, offset and sha256 as parameters", field="offset")
        services.put_part(
            upload_id=upload_id,
            name=name,
            offset=int(offset),
            sha256=digest,
            source=cast(BinaryIO, request.data),
            acting_user=self.user(request),
            now=timezone.now(),
        )
        return Response(status=204)


class UploadComplete(UploadView):
    """POST uploads/{id}/complete/"""

    @extend_schema(
        operation_id="uploads_complete", request=None, responses=UploadSerializer, tags=["uploads"]
    )
    def post(self, request: Request, upload_id: UUID) -> Response:
        """Says that everything has come. 409 names what is missing."""
        upload = services.complete(upload_id=upload_id, acting_user=self.user(request), now=timezone.now())
        return Response(upload_document(upload))


class UploadArchive(UploadView):
    """POST uploads/archive/"""

    parser_classes = [Stream]

    @extend_schema(
        operation_id="uploads_archive",
        parameters=[
            OpenApiParameter("label", OpenApiTypes.STR, required=True, description="how it is called")
        ],
        request={"application/octet-stream": OpenApiTypes.BINARY},
        responses={201: UploadSerializer},
        tags=["uploads"],
    )
    def post(self, request: Request) -> Response:
        """Sends a model as one zip or tar of up to 2 GiB. A refused one leaves nothing behind."""
        size = request.META.get("CONTENT_LENGTH") or ""
        upload = archives.receive_archive(
            label=request.query_params.get("label", ""),
            source=cast(BinaryIO, request.data),
            declared=int(size) if size.isdecimal() else None,
            acting_user=self.user(request),
            now=timezone.now(),
        )
        return Response(upload_document(upload), status=201)


class RunFiles(WorkerView):
    """Base: the files of an upload that a held run measures."""

    def upload(self, request: Request, run_id: UUID, digest: str) -> Upload:
        """The upload. Raises DRF's AuthenticationFailed, LeaseLost, NotFound."""
        return selectors.upload_for(self.lease(request, run_id), digest)


class RunManifest(RunFiles):
    """Says which files an uploaded model has."""

    @extend_schema(operation_id="worker_upload", tags=["worker"], responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, run_id: UUID, sha256: str) -> Response:
        return Response(self.upload(request, run_id, sha256).files)


class RunFile(RunFiles):
    """Gives one file of an uploaded model."""

    @extend_schema(
        operation_id="worker_upload_file",
        tags=["worker"],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, run_id: UUID, sha256: str, name: str) -> StreamingHttpResponse:
        upload = self.upload(request, run_id, sha256)
        file = selectors.file_of(upload, name)
        pieces = selectors.content(upload, name)
        answer = stream(request, pieces, content_type="application/octet-stream", filename=name)
        answer["Content-Length"] = str(file.size)
        return answer


routes = [
    path("uploads/", UploadList.as_view(), name="uploads"),
    path("uploads/archive/", UploadArchive.as_view(), name="upload-archive"),
    path("uploads/<uuid:upload_id>/", UploadDetail.as_view(), name="upload"),
    path("uploads/<uuid:upload_id>/parts/", UploadPartView.as_view(), name="upload-part"),
    path("uploads/<uuid:upload_id>/complete/", UploadComplete.as_view(), name="upload-complete"),
    path("worker/runs/<uuid:run_id>/uploads/<str:sha256>/", RunManifest.as_view(), name="worker-upload"),
    path(
        "worker/runs/<uuid:run_id>/uploads/<str:sha256>/<str:name>/",
        RunFile.as_view(),
        name="worker-upload-file",
    ),
]
