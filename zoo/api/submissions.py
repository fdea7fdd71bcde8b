"""REST for submissions: ask for a comparison, look at what would happen, follow where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.urls import path, reverse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evaluation.contract import MAX_BATCH_SIZE, MAX_FEWSHOT, MAX_TASKS, Dtype, Engine
from zoo.accounts.models import Scope, User
from zoo.api.conditional import Conditional
from zoo.api.fields import Choice
from zoo.api.pages import PageParameters, Pages
from zoo.api.runs import ReasonSerializer
from zoo.comparisons import selectors as comparisons
from zoo.comparisons.models import Comparison
from zoo.core.errors import Invalid
from zoo.runs.clock import database_now
from zoo.runs.lifecycle import State
from zoo.submissions import preflight as looking
from zoo.submissions import selectors, services
from zoo.submissions.models import Submission
from zoo.submissions.preflight import Preflight, Side
from zoo.submissions.requests import SubmissionRequest, read_request

KEY_HEADER = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    required=False,
    description="The same key within 24 hours gives the same submission.",
)
Shown = r"^[^\x00-\x1f\x7f]+$"


class SubmissionInput(serializers.Serializer[Any]):
    """What to measure. Names of arguments are lm-eval's. Unknown fields are refused."""

    student = serializers.RegexField(Shown, max_length=300, help_text="org/name or org/name@revision")
    teacher = serializers.RegexField(
        Shown, max_length=300, required=False, help_text="default: the catalog's distilled_from edge"
    )
    gguf_file = serializers.RegexField(
        Shown, max_length=200, required=False, help_text="the student's GGUF file, where there are several"
    )
    teacher_gguf_file = serializers.RegexField(
        Shown, max_length=200, required=False, help_text="the teacher's GGUF file, where there are several"
    )
    suite = serializers.RegexField(Shown, max_length=300, required=False, help_text="name or name@version")
    tasks = serializers.ListField(
        child=serializers.RegexField(Shown, max_length=300), required=False, max_length=MAX_TASKS
    )
    num_fewshot = serializers.IntegerField(required=False, min_value=0, max_value=MAX_FEWSHOT)
    limit = serializers.IntegerField(required=False, min_value=1, max_value=10**9)
    batch_size = serializers.IntegerField(required=False, min_value=1, max_value=MAX_BATCH_SIZE)
    dtype = Choice(required=False, choices=[dtype.value for dtype in Dtype])
    seed = serializers.IntegerField(required=False, min_value=0, max_value=2**31 - 1)
    apply_chat_template = serializers.BooleanField(required=False)
    noise_floor = serializers.BooleanField(
        required=False,
        help_text="run the teacher again at another batch size, to show how many flips are noise",
    )
    engine = Choice(required=False, choices=[engine.value for engine in Engine])

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            unknown = sorted(set(map(str, data)) - set(self.fields))
            if unknown:
                raise serializers.ValidationError({name: ["There is no such field."] for name in unknown})
        return super().to_internal_value(data)


class SubmissionSerializer(serializers.Serializer[Any]):
    """Where a submission stands."""

    id = serializers.UUIDField()
    state = serializers.ChoiceField(choices=[state.value for state in State])
    reason = ReasonSerializer(allow_null=True)
    student = serializers.CharField()
    teacher = serializers.CharField(allow_null=True)
    student_run = serializers.UUIDField()
    teacher_run = serializers.UUIDField(allow_null=True)
    pair_run = serializers.UUIDField(allow_null=True)
    comparison = serializers.UUIDField(allow_null=True)
    queue_position = serializers.IntegerField(allow_null=True)
    eta_seconds = serializers.IntegerField(allow_null=True)
    events_url = serializers.URLField()
    page_url = serializers.URLField()
    created_at = serializers.DateTimeField()


class FindingSerializer(serializers.Serializer[Any]):
    """One thing that was looked at."""

    code = serializers.CharField()
    level = serializers.ChoiceField(choices=["pass", "warn", "fail"])
    message = serializers.CharField()
    remedy = serializers.CharField()
    field = serializers.CharField(allow_null=True)


class PreflightSerializer(serializers.Serializer[Any]):
    """What would happen."""

    ok = serializers.BooleanField()
    findings = FindingSerializer(many=True)
    student = serializers.DictField(allow_null=True)
    teacher = serializers.DictField(allow_null=True)
    queue_length = serializers.IntegerField()
    eta_seconds = serializers.IntegerField(allow_null=True)


class SubmissionPages(Pages):
    """Submissions, newest first."""

    ordering = ("-created_at", "-id")


class SubmissionParameters(PageParameters):
    """Filters of the list of submissions."""

    mine = serializers.BooleanField(
        required=False, default=False, help_text="only those of the token's owner"
    )


def submission_documents(
    submissions: Sequence[Submission], request: Request, *, now: datetime
) -> list[dict[str, Any]]:
    """Submissions as the API shows them; as many queries for a page as for one."""
    standings = selectors.standings(submissions, now=now)
    compared = comparisons.of_pairings(row.pairing for row in submissions)
    return [
        _document(row, request, standings[row.pk], compared.get(row.pairing_id or 0)) for row in submissions
    ]


def submission_document(submission: Submission, request: Request, *, now: datetime) -> dict[str, Any]:
    """A submission as the API shows it."""
    standing = selectors.standing(submission, now=now)
    return _document(submission, request, standing, comparisons.of_pairing(submission.pairing))


def _document(
    submission: Submission, request: Request, standing: selectors.Standing, comparison: Comparison | None
) -> dict[str, Any]:
    pairing = submission.pairing
    followed = next(
        (
            run
            for run in (submission.student_run, submission.teacher_run)
            if run is not None and not run.is_final
        ),
        submission.student_run,
    )
    return {
        "id": str(submission.pk),
        "state": standing.state.value,
        "reason": standing.reason.model_dump(mode="json") if standing.reason else None,
        "student": submission.student,
        "teacher": submission.teacher or None,
        "student_run": str(submission.student_run_id),
        "teacher_run": str(submission.teacher_run_id) if submission.teacher_run_id else None,
        "pair_run": str(pairing.pair_run_id) if pairing and pairing.pair_run_id else None,
        "comparison": str(comparison.pk) if comparison else None,
        "queue_position": standing.queue_position,
        "eta_seconds": standing.eta_seconds,
        "events_url": request.build_absolute_uri(reverse("api:run-events", args=[followed.pk])),
        "page_url": request.build_absolute_uri(
            f"/comparisons/{comparison.pk}/" if comparison else f"/runs/{followed.pk}/"
        ),
        "created_at": submission.created_at.isoformat().replace("+00:00", "Z"),
    }


def _asked(request: Request) -> SubmissionRequest:
    """The body, checked. Raises DRF's ValidationError or BadRequest."""
    given = SubmissionInput(data=request.data)
    given.is_valid(raise_exception=True)
    return read_request(given.validated_data)


class SubmissionList(Conditional):
    """GET and POST submissions/"""

    required_scope = Scope.SUBMIT

    @extend_schema(
        operation_id="submissions_list",
        parameters=[SubmissionParameters],
        responses=SubmissionSerializer(many=True),
        tags=["submissions"],
    )
    def get(self, request: Request) -> Response:
        """Submissions, newest first; failed ones too."""
        given = SubmissionParameters.read(request)
        rows = selectors.recent_submissions()
        if given["mine"] and isinstance(request.user, User):
            rows = selectors.submissions_of(request.user)
        pages = SubmissionPages()
        found = pages.paginate_queryset(rows, request, view=self) or []
        return pages.get_paginated_response(submission_documents(found, request, now=timezone.now()))

    @extend_schema(
        operation_id="submissions_create",
        parameters=[KEY_HEADER],
        request=SubmissionInput,
        responses={202: SubmissionSerializer},
        tags=["submissions"],
    )
    def post(self, request: Request) -> Response:
        """Queues what is needed and answers at once. ``Location`` is where to follow it."""
        assert isinstance(request.user, User)
        submission = services.submit(
            request=_asked(request),
            acting_user=request.user,
            now=database_now(),
            idempotency_key=_key(request),
        )
        whole = selectors.submission_by_id(submission.pk)
        response = Response(submission_document(whole, request, now=timezone.now()), status=202)
        response["Location"] = request.build_absolute_uri(reverse("api:submission", args=[submission.pk]))
        return response


def _key(request: Request) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (1 <= len(key) <= 128 and key.isascii() and key.isprintable()):
        raise Invalid("an Idempotency-Key has 1 to 128 printable ASCII characters")
    return key


class SubmissionDetail(APIView):
    """GET submissions/{id}/"""

    @extend_schema(operation_id="submissions_retrieve", responses=SubmissionSerializer, tags=["submissions"])
    def get(self, request: Request, submission_id: UUID) -> Response:
        """Where the submission stands. ``comparison`` is null until it is there."""
        submission = selectors.submission_by_id(submission_id)
        return Response(submission_document(submission, request, now=timezone.now()))


class SubmissionPreflight(APIView):
    """POST submissions/preflight/"""

    required_scope = Scope.SUBMIT

    @extend_schema(
        operation_id="submissions_preflight",
        request=SubmissionInput,
        responses=PreflightSerializer,
        tags=["submissions"],
    )
    def post(self, request: Request) -> Response:
        """Says what is wrong, what to watch and what it will take; queues nothing."""
        user = request.user if isinstance(request.user, User) else None
        answer = looking.preflight(_asked(request), now=timezone.now(), user=user)
        return Response(preflight_document(answer))


def preflight_document(answer: Preflight) -> dict[str, Any]:
    """Preflight's answer as the API shows it."""
    return {
        "ok": answer.ok,
        "findings": [finding._asdict() for finding in answer.findings],
        "student": _side(answer.student),
        "teacher": _side(answer.teacher),
        "queue_length": answer.queue_length,
        "eta_seconds": answer.eta_seconds,
    }


def _side(side: Side | None) -> dict[str, Any] | None:
    if side is None:
        return None
    return {
        "model": side.spec.model.name,
        "revision": side.spec.model.revision,
        "gguf_file": side.spec.model.gguf_file,
        "parameters": side.found.parameters,
        "engine": side.spec.engine.value,
        "memory_bytes": side.spec.requirements.memory_bytes,
        "disk_bytes": side.spec.requirements.disk_bytes,
        "seconds_on_cpu": side.seconds,
        "measured_by": str(side.known_run.pk) if side.known_run else None,
    }


routes = [
    path("submissions/", SubmissionList.as_view(), name="submissions"),
    path("submissions/preflight/", SubmissionPreflight.as_view(), name="submission-preflight"),
    path("submissions/<uuid:submission_id>/", SubmissionDetail.as_view(), name="submission"),
]
