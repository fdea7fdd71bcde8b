"""REST for comparisons: the one document of a pair, and the samples behind it."""

from __future__ import annotations

import base64
import dataclasses
import math
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.http import StreamingHttpResponse
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evaluation.comparing.document import with_price
from zoo.api import pages
from zoo.api.conditional import Conditional
from zoo.api.fields import Choice
from zoo.api.pages import PageParameters, Pages
from zoo.api.parameters import QuerySerializer
from zoo.comparisons import downloads, samples, selectors
from zoo.comparisons.contamination import contamination_of
from zoo.comparisons.gain import gain_of
from zoo.comparisons.models import Comparison
from zoo.comparisons.narrowing import Narrowing
from zoo.core.errors import Invalid, NotFound
from zoo.publishing.exports import harness
from zoo.publishing.selectors import measurement

MOST_MARGIN = 1e6
"""Nats; no margin of a real model is near it."""


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
    groups = serializers.ListField(
        child=serializers.DictField(), help_text="tasks with sub-tasks, as lm-eval groups them"
    )
    macro = serializers.DictField(
        allow_null=True, help_text="GLUE's mean as its paper forms it; null elsewhere"
    )
    settings = serializers.DictField(
        help_text="what the statistics were computed with: margin, level, resamples, seed"
    )
    verdict_convention = serializers.CharField()
    signs = serializers.ListField(
        child=serializers.DictField(), help_text="what looks odd, for a person to look at"
    )
    notes = serializers.ListField(child=serializers.CharField())
    noise = serializers.DictField(
        allow_null=True, help_text="the measured noise floor that flips stand beside"
    )
    repetition = serializers.BooleanField(
        help_text="whether it compares a model with itself, to measure noise"
    )
    environment = serializers.DictField(allow_null=True)
    fidelity = serializers.DictField()
    efficiency = serializers.DictField()
    similarity = serializers.DictField(required=False)
    speculation = serializers.DictField(required=False)
    gain = serializers.DictField(
        help_text="over the same model trained without the teacher; or why that is unknown"
    )
    contamination = serializers.ListField(
        child=serializers.DictField(), help_text="models that descend from the data set of a task"
    )
    reproduce = serializers.CharField(allow_null=True)
    reproduce_teacher = serializers.CharField(allow_null=True)
    reproduce_zoo = serializers.CharField()


class PairedSampleSerializer(serializers.Serializer[Any]):
    """One document as both models answered it."""

    position = serializers.IntegerField()
    task = serializers.CharField()
    doc_id = serializers.IntegerField()
    doc_hash = serializers.CharField()
    draw = serializers.IntegerField(help_text="which of the answers drawn for the document, from 0")
    outcome = serializers.CharField(allow_null=True)
    prompt = serializers.CharField()
    target = serializers.CharField()
    choices = serializers.ListField(child=serializers.CharField())
    gold = serializers.IntegerField(allow_null=True)
    student = serializers.DictField()
    teacher = serializers.DictField()
    redacted = serializers.BooleanField(help_text="texts are left out: the data set's owners ask for it")


class PairedSamplePageSerializer(serializers.Serializer[Any]):
    """A page of paired samples."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    count = serializers.IntegerField()
    results = PairedSampleSerializer(many=True)


class ComparisonParameters(PageParameters):
    """Filters of the list of comparisons."""

    student = serializers.CharField(required=False, max_length=200)
    teacher = serializers.CharField(required=False, max_length=200)


class DetailParameters(QuerySerializer):
    """What to add to a comparison."""

    price_per_hour = serializers.FloatField(
        required=False,
        min_value=0,
        max_value=1e6,
        help_text="of the device: adds the cost of a million tokens",
    )


class NarrowingParameters(QuerySerializer):
    """Which samples of which task."""

    task = serializers.CharField(required=False, max_length=200, help_text="default: the first")
    outcome = Choice(choices=list(samples.OUTCOMES), required=False)
    q = serializers.CharField(
        required=False, max_length=200, help_text="in prompt, choices, target or answers, in either case"
    )
    margin_of = Choice(choices=["student", "teacher"], required=False)
    margin__gte = serializers.FloatField(
        required=False,
        min_value=-MOST_MARGIN,
        max_value=MOST_MARGIN,
        help_text="nats by which the right choice leads the best other; negative: chosen wrongly",
    )
    margin__lte = serializers.FloatField(required=False, min_value=-MOST_MARGIN, max_value=MOST_MARGIN)


def _narrowing(given: dict[str, Any]) -> Narrowing:
    return Narrowing(
        given.get("q", ""),
        given.get("margin_of", "student"),
        given.get("margin__gte", -math.inf),
        given.get("margin__lte", math.inf),
    )


class SampleParameters(NarrowingParameters, PageParameters):
    """Which samples, a page at a time."""


class ComparisonPages(Pages):
    """Comparisons, newest first."""

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

    @extend_schema(
        operation_id="comparisons_retrieve",
        parameters=[DetailParameters],
        responses=ComparisonSerializer,
        tags=["comparisons"],
    )
    def get(self, request: Request, comparison_id: UUID) -> Response:
        """Retention per task, capability and overall, with intervals, tests and verdicts."""
        given = DetailParameters.read(request)
        comparison = selectors.comparison_by_id(comparison_id)
        document = with_price(selectors.document_of(comparison), given.get("price_per_hour"))
        flags = [flag._asdict() for flag in contamination_of(comparison)]
        return Response(document | {"gain": gain_of(comparison), "contamination": flags})


class ComparisonSamples(Conditional):
    """GET comparisons/{id}/samples/"""

    @extend_schema(
        operation_id="comparisons_samples",
        parameters=[SampleParameters],
        responses=PairedSamplePageSerializer,
        tags=["comparisons"],
    )
    def get(self, request: Request, comparison_id: UUID) -> Response:
        """Paired samples of one task: ``both`` right, ``lost``, ``gained`` or ``neither``."""
        given = SampleParameters.read(request)
        after, size = _position(given.get("cursor", "")), given.get("page_size", 25)
        page = samples.samples(
            selectors.comparison_by_id(comparison_id),
            task=given.get("task"),
            outcome=given.get("outcome"),
            after=after,
            limit=size,
            narrow=_narrowing(given),
        )
        return pages.answer(
            request,
            [dataclasses.asdict(sample) for sample in page.samples],
            next_cursor=_cursor(after + size) if after + size < page.total else "",
            previous_cursor=_cursor(max(0, after - size)) if after else "",
            count=page.total,
        )


class UnknownDownload(NotFound):
    """There is no such kind of download."""

    code = "unknown_format"


PARQUET, LINES, STUDENT, TEACHER = "parquet", "jsonl", "lm-eval-student", "lm-eval-teacher"
DOWNLOADS = {
    PARQUET: ("application/vnd.apache.parquet", "parquet"),
    LINES: ("application/x-ndjson", "jsonl"),
    STUDENT: ("application/x-ndjson", "jsonl"),
    TEACHER: ("application/x-ndjson", "jsonl"),
}


class ComparisonDownload(APIView):
    """GET comparisons/{id}/samples/{kind}/"""

    @extend_schema(
        operation_id="comparisons_samples_download",
        parameters=[
            OpenApiParameter("kind", str, OpenApiParameter.PATH, enum=list(DOWNLOADS)),
            NarrowingParameters,
        ],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
        tags=["comparisons"],
    )
    def get(self, request: Request, comparison_id: UUID, kind: str) -> StreamingHttpResponse:
        """All samples of one task: paired as Parquet or JSON Lines, or one side as lm-eval writes it.

        Texts of data sets whose owners forbid to republish items are left out.
        """
        if kind not in DOWNLOADS:
            raise UnknownDownload(
                f"there is no format '{kind[:40]}'", remedy=f"Known: {', '.join(DOWNLOADS)}."
            )
        given = NarrowingParameters.read(request)
        comparison = selectors.comparison_by_id(comparison_id)
        content_type, extension = DOWNLOADS[kind]
        response = StreamingHttpResponse(_body(comparison, kind, given), content_type=content_type)
        name = (
            f"{comparison.pk}-{kind}.{extension}"
            if kind in (STUDENT, TEACHER)
            else f"{comparison.pk}.{extension}"
        )
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        return response


def _body(comparison: Comparison, kind: str, given: dict[str, Any]) -> Iterable[bytes]:
    task, outcome = given.get("task"), given.get("outcome")
    if kind in (PARQUET, LINES):
        rows = samples.every_sample(comparison, task=task, outcome=outcome, narrow=_narrowing(given))
        return (downloads.to_parquet if kind == PARQUET else downloads.to_json_lines)(rows)
    run = comparison.student_run_id if kind == STUDENT else comparison.teacher_run_id
    chosen = samples.task_of(comparison, task)
    return (line.encode() for line in harness.samples(measurement(run), chosen))


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
    path(
        "comparisons/<uuid:comparison_id>/samples/<str:kind>/",
        ComparisonDownload.as_view(),
        name="comparison-samples-download",
    ),
]
