"""REST for license checks: one, many, an inline lineage or a bill of materials; and the license texts as data."""

from __future__ import annotations

from typing import Any

import pydantic
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from zoo.api import pages
from zoo.api.conditional import Conditional
from zoo.api.fields import Choice
from zoo.api.parameters import QuerySerializer
from zoo.catalog import selectors as catalog
from zoo.core.errors import Invalid
from zoo.licensing import report, sbom, selectors
from zoo.licensing.checks import Checked, ask, ask_about_bom
from zoo.licensing.documents import QuestionDocument, UseDocument
from zoo.licensing.library import rule_book
from zoo.licensing.matrix import Cell
from zoo.licensing.rules.vocabulary import REGION_BY_SEAT, Action, Profile, Verdict

MAX_QUESTIONS = 200
ACTIONS = (*(action.value for action in Action), "publish_quantized")
KINDS = ("general", "generative", "classifier")


class BadQuestion(Invalid):
    """The question is not one: the message says which part."""

    code = "bad_question"


class CheckParameters(QuerySerializer):
    """One question about an existing model. Leave out what is not known."""

    model = serializers.CharField(max_length=200)
    action = Choice(choices=[(name, name) for name in ACTIONS])
    profile = Choice(choices=[(p.value, p.value) for p in Profile], required=False)
    commercial = serializers.BooleanField(required=False, allow_null=True, default=None)
    mau = serializers.IntegerField(required=False, min_value=0)
    mau_on_date = serializers.CharField(
        required=False, help_text="day=users, several with commas: 2024-12-06=90000000"
    )
    revenue = serializers.IntegerField(required=False, min_value=0, help_text="US dollars a year")
    region = serializers.CharField(required=False, max_length=20, help_text=REGION_BY_SEAT)
    field = serializers.CharField(required=False, max_length=60)
    end_user = serializers.BooleanField(required=False, allow_null=True, default=None)
    multimodal = serializers.BooleanField(required=False, allow_null=True, default=None)
    competes = serializers.BooleanField(required=False, allow_null=True, default=None)
    authorised = serializers.BooleanField(required=False, allow_null=True, default=None)
    outputs_published = serializers.BooleanField(required=False, allow_null=True, default=None)
    revision_date = serializers.DateField(required=False)
    generated_on = serializers.DateField(required=False)
    proposed_name = serializers.CharField(required=False, max_length=200)
    accessed_via = serializers.CharField(
        required=False, max_length=200, help_text="key of the terms of the host that serves the model"
    )
    student_family = serializers.CharField(required=False, max_length=200)
    student_is_llm = serializers.BooleanField(required=False, allow_null=True, default=None)
    student_kind = Choice(choices=[(kind, kind) for kind in KINDS], required=False)
    student_distributed = serializers.BooleanField(required=False, allow_null=True, default=None)
    student_name = serializers.CharField(required=False, max_length=200)


class CheckSerializer(serializers.Serializer[Any]):
    """The answer to one license check."""

    model = serializers.CharField(allow_null=True)
    use = serializers.DictField(required=False, help_text="the question, when it is about a model")
    plan = serializers.DictField(required=False, help_text="the question, when it is about a planned student")
    profile = serializers.CharField()
    verdict = serializers.ChoiceField(choices=["allowed", "conditions", "prohibited", "unknown"])
    caveat = serializers.CharField(
        allow_blank=True,
        help_text="what the verdict rests on that was recalled and not read in a source; empty when all was read",
    )
    findings = serializers.ListField(child=serializers.DictField())
    obligations = serializers.ListField(child=serializers.DictField())
    unmet = serializers.ListField(child=serializers.CharField())
    flags = serializers.ListField(child=serializers.CharField())
    flag_details = serializers.ListField(child=serializers.DictField())
    open_facts = serializers.ListField(child=serializers.CharField())
    assumptions = serializers.ListField(child=serializers.CharField())
    rules_version = serializers.CharField()
    disclaimer = serializers.CharField()


class CheckRequestSerializer(serializers.Serializer[Any]):
    """One question (`use` or `plan`), many (`questions`), or one asked of every model of a `bom`."""

    use = serializers.DictField(required=False)
    plan = serializers.DictField(required=False)
    profile = serializers.CharField(required=False)
    lineage = serializers.DictField(required=False, help_text="nodes, and edges as [child, kind, parent]")
    questions = serializers.ListField(child=serializers.DictField(), required=False)
    bom = serializers.DictField(
        required=False, help_text="CycloneDX or SPDX as JSON; `use` goes without a model"
    )


class LicenseAnswerSerializer(serializers.Serializer[Any]):
    """The check's answer about a model under a text alone, asked for commerce."""

    verdict = serializers.CharField()
    otherwise = serializers.SerializerMethodField(
        help_text="a further fact that makes it milder: the verdict then"
    )

    @extend_schema_field({"type": "object", "additionalProperties": {"type": "string"}})
    def get_otherwise(self, cell: Cell) -> dict[str, str]:
        """Circumstance to verdict."""
        return dict(cell.otherwise)


class LicenseRowSerializer(serializers.Serializer[Any]):
    """A license text in the list, with what the check answers about it."""

    key = serializers.CharField(source="text.key")
    name = serializers.CharField(source="text.file.name")
    family = serializers.CharField(source="text.file.family")
    spdx = serializers.CharField(source="text.file.spdx", allow_null=True)
    hub_tags = serializers.ListField(source="text.file.hub_tags", child=serializers.CharField())
    service = serializers.BooleanField(source="text.service")
    seen = serializers.CharField(source="text.file.text.seen")
    student_is_derivative = serializers.CharField(source="claims_students")
    sell = LicenseAnswerSerializer()
    redistribute = LicenseAnswerSerializer()
    publish = LicenseAnswerSerializer()
    distill = LicenseAnswerSerializer(source="teach")
    limits = serializers.ListField(child=serializers.CharField())
    shown = serializers.ListField(child=serializers.CharField())


class ClosedList(QuerySerializer):
    """A list without parameters."""


class LicenseParameters(QuerySerializer):
    """Filters of the list of licenses."""

    family = serializers.CharField(required=False)


class LicenseChecks(Conditional):
    """GET and POST license-checks/"""

    permission_classes = [AllowAny]
    max_age = 60

    @extend_schema(
        operation_id="license_checks_one",
        parameters=[CheckParameters],
        responses=CheckSerializer,
        tags=["license checks"],
    )
    def get(self, request: Request) -> Response:
        """May I do this with that model, given everything it descends from? Cacheable."""
        given = CheckParameters.read(request)
        return Response(ask(_from_parameters(given)).json)

    @extend_schema(
        operation_id="license_checks_many",
        request=CheckRequestSerializer,
        responses={200: CheckSerializer, (200, "application/json"): OpenApiTypes.OBJECT},
        tags=["license checks"],
    )
    def post(self, request: Request) -> Response:
        """A use or a plan; many questions; or every model of a CycloneDX or SPDX document. Changes nothing."""
        body = request.data
        if not isinstance(body, dict):
            raise BadQuestion("the body is a JSON object with use or plan, questions, or bom")
        if "questions" in body:
            return Response(_many([ask(_document(item)) for item in _questions(body)]))
        if "bom" in body:
            return Response(_bom(body))
        return Response(ask(_document(body)).json)


class Licenses(Conditional):
    """GET licenses/"""

    permission_classes = [AllowAny]
    max_age = 60
    paged = False

    @extend_schema(
        operation_id="licenses_list",
        parameters=[LicenseParameters],
        responses=LicenseRowSerializer(many=True),
        tags=["license checks"],
    )
    def get(self, request: Request) -> Response:
        """Every license text and every version of a provider's terms that the rules know."""
        family = LicenseParameters.read(request).get("family")
        rows = [row for row in selectors.matrix_rows() if family in (None, row.text.file.family)]
        results = LicenseRowSerializer(rows, many=True).data
        return Response(
            {"next": None, "previous": None, "rules_version": rule_book().version, "results": results}
        )


class LicenseDetail(Conditional):
    """GET licenses/{key}/"""

    permission_classes = [AllowAny]
    max_age = 60

    @extend_schema(
        operation_id="licenses_read",
        parameters=[
            OpenApiParameter("key", str, OpenApiParameter.PATH, description="Key, SPDX id or hub tag.")
        ],
        responses=OpenApiTypes.OBJECT,
        tags=["license checks"],
    )
    def get(self, request: Request, key: str) -> Response:
        """One text as data: grants, rules with clauses, duties, whether it claims students, and who read which copy."""
        ClosedList.read(request)
        text = selectors.get_license(key)
        body = text.file.model_dump(mode="json", exclude_none=True)
        body |= {"rules_version": rule_book().version, "disclaimer": report.disclaimer(rule_book())}
        return Response(body)


class VerdictChangeSerializer(serializers.Serializer[Any]):
    """A verdict that became another."""

    model = serializers.CharField(source="model.slug")
    use = serializers.CharField()
    before = serializers.CharField()
    after = serializers.CharField()
    before_rule = serializers.CharField()
    after_rule = serializers.CharField()
    cause = serializers.CharField()
    rules_version = serializers.CharField(source="rule_set.version")
    at = serializers.DateTimeField()


class ChangeParameters(pages.PageParameters):
    """Of which model, or under which version of the rules."""

    model = serializers.CharField(required=False, max_length=200)
    rules = serializers.CharField(required=False, max_length=40, help_text="a rules_version")


class VerdictChanges(Conditional):
    """GET license-checks/changes/"""

    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="license_checks_changes",
        parameters=[ChangeParameters],
        responses=VerdictChangeSerializer(many=True),
        tags=["license checks"],
    )
    def get(self, request: Request) -> Response:
        """Verdicts that became others when the rules or the catalog changed, newest first."""
        given = ChangeParameters.read(request)
        model = catalog.get_model(given["model"]) if "model" in given else None
        rows = selectors.changes(model=model, rules=given.get("rules"))
        return pages.listed(
            self,
            request,
            rows,
            VerdictChangeSerializer,
            ordering=("-at", "-id"),
            allow=("model", "rules"),
        )


def _from_parameters(given: dict[str, Any]) -> QuestionDocument:
    known = {name: value for name, value in given.items() if value is not None}
    profile = known.pop("profile", Profile.STANDARD.value)
    student = {
        name.removeprefix("student_"): known.pop(name) for name in list(known) if name.startswith("student_")
    }
    if student:
        known["student"] = student
    if "mau_on_date" in known:
        known["mau_on_date"] = _figures(known["mau_on_date"])
    return _document({"use": known, "profile": profile})


def _figures(text: str) -> dict[str, str]:
    """Days and counts of ``2024-12-06=90000000,2023-07-18=5``; the schema checks both."""
    return dict(part.strip().partition("=")[::2] for part in text.split(","))


def _document(given: object) -> QuestionDocument:
    try:
        return QuestionDocument.model_validate(given)
    except pydantic.ValidationError as error:
        raise _bad(error) from error


def _bad(error: pydantic.ValidationError) -> BadQuestion:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return BadQuestion(f"{where}: {first['msg']}" if where else str(first["msg"]), field=where or None)


def _questions(body: dict[str, Any]) -> list[Any]:
    listed = body["questions"]
    if set(body) != {"questions"} or not isinstance(listed, list) or not listed:
        raise BadQuestion("questions is a list, and stands alone", field="questions")
    if len(listed) > MAX_QUESTIONS:
        raise BadQuestion(f"at most {MAX_QUESTIONS} questions at once", field="questions")
    return listed


def _many(answers: list[Checked]) -> dict[str, Any]:
    found = [answer.json for answer in answers]
    counts = {verdict.word: sum(one["verdict"] == verdict.word for one in found) for verdict in Verdict}
    book = rule_book()
    return {
        "results": found,
        "counts": counts,
        "rules_version": book.version,
        "disclaimer": report.disclaimer(book),
    }


def _bom(body: dict[str, Any]) -> dict[str, Any]:
    if not set(body) <= {"bom", "use", "profile"}:
        raise BadQuestion("with a bom stand use and profile alone", field="bom")
    found = sbom.read(body["bom"])
    use = body.get("use") or {"action": Action.HOST.value}
    try:
        question = UseDocument.model_validate({"model": "of the bill of materials", **use})
        profile = Profile(body.get("profile", Profile.STANDARD.value))
        answers = ask_about_bom(found, question, profile)
    except pydantic.ValidationError as error:
        raise _bad(error) from error
    except ValueError as error:
        raise BadQuestion(str(error), field="profile") from error
    return {"format": found.format, **_many(answers)}


routes = [
    path("licenses/", Licenses.as_view(), name="licenses"),
    path("licenses/<str:key>/", LicenseDetail.as_view(), name="license"),
    path("license-checks/", LicenseChecks.as_view(), name="license-checks"),
    path("license-checks/changes/", VerdictChanges.as_view(), name="verdict-changes"),
]
