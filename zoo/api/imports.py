"""REST for scores that others measured: bringing a file, reading what was brought, taking a file back."""

from __future__ import annotations

import json
from typing import Any, cast
from uuid import UUID

from django.http import FileResponse
from django.urls import path
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from zoo.accounts.models import Scope, User
from zoo.api import pages
from zoo.api.conditional import Conditional
from zoo.catalog.selectors import get_model
from zoo.core import storage
from zoo.publishing import importing
from zoo.publishing.models import ImportedFile


class ImportedScoreSerializer(serializers.Serializer[Any]):
    """One number as it is printed in the file."""

    kind = serializers.SerializerMethodField()
    task = serializers.CharField()
    task_version = serializers.CharField()
    metric = serializers.CharField()
    filter = serializers.CharField()
    value = serializers.FloatField()
    stderr = serializers.FloatField(allow_null=True)
    n = serializers.IntegerField(allow_null=True)
    num_fewshot = serializers.IntegerField(allow_null=True)
    higher_is_better = serializers.BooleanField(allow_null=True)
    date = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]  # a field of that name
    note = serializers.CharField()

    def get_kind(self, row: Any) -> str:
        """Never measured here."""
        return "imported"


class ImportedFileSerializer(serializers.Serializer[ImportedFile]):
    """A file: who measured, who brought it, what it says."""

    id = serializers.UUIDField()
    model = serializers.CharField(source="model.slug")
    format = serializers.CharField()
    sha256 = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]  # a field of that name
    source_url = serializers.CharField()
    printed_model = serializers.CharField()
    printed_revision = serializers.CharField()
    harness_version = serializers.CharField()
    protocol = serializers.DictField()
    limited = serializers.BooleanField()
    imported_by = serializers.SerializerMethodField()
    imported_at = serializers.DateTimeField()
    withdrawn_at = serializers.DateTimeField(allow_null=True)
    withdrawn_reason = serializers.CharField()
    scores = ImportedScoreSerializer(many=True)

    def get_imported_by(self, row: ImportedFile) -> str | None:
        """The person's name; null: whoever runs the instance."""
        return row.imported_by.get_username() if row.imported_by else None


class NewImportSerializer(serializers.Serializer[Any]):
    """A file as text or as JSON, and who measured it."""

    content = serializers.JSONField(
        help_text="lm-eval's results document or a list of .eval_results entries; JSON, or the file's text."
    )
    source = serializers.CharField(max_length=400, help_text="Who measured it.")  # type: ignore[assignment]
    source_url = serializers.URLField(max_length=500, required=False, default="")


class WithdrawalSerializer(serializers.Serializer[Any]):
    """Why a file is taken back."""

    reason = serializers.CharField(max_length=300)


class ModelImports(APIView):
    """GET and POST models/{org}/{name}/imports/"""

    required_scope = Scope.SUBMIT

    @extend_schema(
        operation_id="models_imports_list", responses=ImportedFileSerializer(many=True), tags=["models"]
    )
    def get(self, request: Request, org: str, name: str) -> Response:
        """Files of scores that others measured, newest first, with their numbers. Withdrawn ones say why."""
        rows = importing.imported_of(get_model(f"{org}/{name}"))
        return pages.listed(self, request, rows, ImportedFileSerializer, ordering=("-imported_at", "-id"))

    @extend_schema(
        operation_id="models_imports_create",
        request=NewImportSerializer,
        responses={201: ImportedFileSerializer, 200: ImportedFileSerializer},
        tags=["models"],
    )
    def post(self, request: Request, org: str, name: str) -> Response:
        """Brings a file. The same bytes again give what is there (200). Needs the scope ``submit``."""
        given = NewImportSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        content = given.validated_data["content"]
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        brought = importing.bring(
            model=get_model(f"{org}/{name}"),
            content=text.encode(),
            source=given.validated_data["source"],
            source_url=given.validated_data["source_url"],
            acting_user=cast(User, request.user),
            now=timezone.now(),
        )
        code = status.HTTP_201_CREATED if brought.is_new else status.HTTP_200_OK
        return Response(ImportedFileSerializer(brought.file).data, status=code)


class ImportFile(Conditional):
    """GET imports/{id}/file/"""

    @extend_schema(
        operation_id="imports_file",
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
        tags=["models"],
    )
    def get(self, request: Request, import_id: UUID) -> FileResponse:
        """The raw file as it was brought."""
        file = ImportedFile.objects.filter(pk=import_id).first()
        if file is None or not storage.exists(file.sha256):
            raise importing.ImportNotFound("there is no such imported file")
        suffix = "json" if file.format == ImportedFile.Format.LM_EVAL else "yaml"
        return FileResponse(
            storage.open_artifact(file.sha256),
            as_attachment=True,
            filename=f"{import_id}.{suffix}",
            content_type="application/octet-stream",
        )


class ImportWithdrawal(APIView):
    """POST imports/{id}/withdrawal/"""

    required_scope = Scope.SUBMIT

    @extend_schema(
        operation_id="imports_withdraw",
        request=WithdrawalSerializer,
        responses=ImportedFileSerializer,
        tags=["models"],
    )
    def post(self, request: Request, import_id: UUID) -> Response:
        """Takes a file back; it stays on record with the reason. For whoever brought it, and curators."""
        given = WithdrawalSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        file = importing.withdraw(
            file_id=import_id,
            reason=given.validated_data["reason"],
            acting_user=cast(User, request.user),
            now=timezone.now(),
        )
        return Response(ImportedFileSerializer(file).data)


routes = [
    path("models/<str:org>/<str:name>/imports/", ModelImports.as_view(), name="model-imports"),
    path("imports/<uuid:import_id>/file/", ImportFile.as_view(), name="import-file"),
    path("imports/<uuid:import_id>/withdrawal/", ImportWithdrawal.as_view(), name="import-withdrawal"),
]
