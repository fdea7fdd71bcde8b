"""REST for comparisons: the one document of a pair, and the samples behind it."""

from __future__ import annotations

import base64
import dataclasses
from typing import Any
from uuid import UUID

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from zoo.api import pages
from zoo.api.conditional import Conditional
from zoo.api.fields import Choice
from zoo.api.pages import PageParameters
from zoo.comparisons import selectors
from zoo.comparisons.gain import gain_of
from zoo.comparisons.models import Comparison
from zoo.core.errors import Invalid


class ComparisonRowSerializer(serializers.Serializer[Any]):
    """A comparison in a list."""

    id = serializers.UUIDField()
    student = serializers.CharField()
    teacher = serializers.CharField()
    suite = serializers.CharField(allow_null=True, help_text="name@version; null for a list of tasks")
    retention = serializers.FloatField(allow_null=True)
    ci_low = serializers.FloatField(allow_null=True)
    ci_high = serializers.FloatField(allow_null=True)
    verdict = serializers.CharField(allow_null=True)
    rankable = serializers.BooleanField()
    created_at = serializers.DateTimeField()


class ComparisonSerializer(serializers.Serializer[Any]):
    """A student against its teacher; the same object as ``zoo evaluate --json`` prints."""

    id = serializers.UUIDField()
    student = serializers.DictField()
    teacher = serializers.DictField()
    suite = serializers.DictField(allow_null=True)
    protocol = serializers.DictField()
    engine = serializers.DictField()
    tasks = serializers.ListField(child=serializers.DictField())
    capabilities = serializers.ListField(child=serializers.DictField())
    overall = serializers.DictField()
    fidelity = serializers.DictField()
    efficiency = serializers.DictField()
    gain = serializers.DictField(
        help_text="over the same model trained without the teacher; or why that is unknown"
    )
    reproduce = serializers.CharField(allow_null=True)
    reproduce_zoo = serializers.CharField()


class PairedSampleSerializer(serializers.Serializer[Any]):
    """One document as both models answered it."""

    position = serializers.IntegerField()
    task = serializers.CharField()
    doc_id = serializers.IntegerField()
    doc_hash = serializers.CharField()
    outcome = serializers.CharField(allow_null=True)
    prompt = serializers.CharField()
    target = serializers.CharField()
    choices = serializers.ListField(child=serializers.CharField())
    gold = serializers.IntegerField(allow_null=True)
    student = serializers.DictField()
    teacher = serializers.DictField()


class ComparisonParameters(PageParameters):
    """Filters of the list of comparisons."""

    student = serializers.CharField(required=False, max_length=200)
    teacher = serializers.CharField(required=False, max_length=200)


class SampleParameters(PageParameters):
    """Which samples."""

    task = serializers.CharField(required=False, max_length=200, help_text="default: the first")
    outcome = Choice(choices=list(selectors.OUTCOMES), required=False)


class ComparisonPages(CursorPagination):
    """Comparisons, newest first."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 100
    ordering = ("-created_at", "-id")


def row_document(comparison: Comparison) -> dict[str, Any]:
    """A comparison as a row of a list."""
    return {
        "id": str(comparison.pk),
        "student": comparison.student,
        "teacher": comparison.teacher,
        "suite": f"{comparison.suite}@{comparison.suite_version}" if comparison.suite else None,
        "retention": comparison.retention,
        "ci_low": comparison.retention_low,
        "ci_high": comparison.retention_high,
        "verdict": comparison.verdict or None,
        "rankable": comparison.rankable,
        "created_at": comparison.created_at.isoformat().replace("+00:00", "Z"),
    }


class ComparisonList(Conditional):
    """GET comparisons/"""

    @extend_schema(
        operation_id="comparisons_list",
        parameters=[ComparisonParameters],
        responses=ComparisonRowSerializer(many=True),
        tags=["comparisons"],
    )
    def get(self, request: Request) -> Response:
        """Comparisons, newest first."""
        given = ComparisonParameters.read(request)
        rows = selectors.recent(student=given.get("student"), teacher=given.get("teacher"))
        pages_ = ComparisonPages()
        found = pages_.paginate_queryset(rows, request, view=self) or []
        return pages_.get_paginated_response([row_document(row) for row in found])


class ComparisonDetail(Conditional):
    """GET comparisons/{id}/"""

    @extend_schema(operation_id="comparisons_retrieve", responses=ComparisonSerializer, tags=["comparisons"])
    def get(self, request: Request, comparison_id: UUID) -> Response:
        """Retention per task, capability and overall, with intervals, tests and verdicts."""
        comparison = selectors.comparison_by_id(comparison_id)
        return Response(selectors.document_of(comparison) | {"gain": gain_of(comparison)})


class ComparisonSamples(Conditional):
    """GET comparisons/{id}/samples/"""

    @extend_schema(
        operation_id="comparisons_samples",
        parameters=[SampleParameters],
        responses=PairedSampleSerializer(many=True),
        tags=["comparisons"],
    )
    def get(self, request: Request, comparison_id: UUID) -> Response:
        """Paired samples of one task: ``both`` right, ``lost``, ``gained`` or ``neither``."""
        given = SampleParameters.read(request)
        after, size = _position(given.get("cursor", "")), given.get("page_size", 25)
        page = selectors.samples(
            selectors.comparison_by_id(comparison_id),
            task=given.get("task"),
            outcome=given.get("outcome"),
            after=after,
            limit=size,
        )
        return pages.answer(
            request,
            [dataclasses.asdict(sample) for sample in page.samples],
            next_cursor=_cursor(after + size) if after + size < page.total else "",
            previous_cursor=_cursor(max(0, after - size)) if after else "",
            count=page.total,
        )


def _cursor(position: int) -> str:
    return base64.urlsafe_b64encode(f"p={position}".encode()).decode().rstrip("=")


def _position(cursor: str) -> int:
    """The position in a cursor; it is only a number, so a made-up one shows nothing that may not be seen."""
    if not cursor:
        return 0
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except ValueError:
        text = ""
    number = text.removeprefix("p=")
    if not text.startswith("p=") or not number.isdecimal() or len(number) > 9:
        raise Invalid("this cursor was not given by this list", field="cursor")
    return int(number)


routes = [
    path("comparisons/", ComparisonList.as_view(), name="comparisons"),
    path("comparisons/<uuid:comparison_id>/", ComparisonDetail.as_view(), name="comparison"),
    path("comparisons/<uuid:comparison_id>/samples/", ComparisonSamples.as_view(), name="comparison-samples"),
]
