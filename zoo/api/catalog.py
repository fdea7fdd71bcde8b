"""REST for the catalog: the list of models with filters and facets, one model, and what belongs to it."""

from __future__ import annotations

from typing import Any, cast

from django.http.response import HttpResponseBase
from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from zoo.api import pages
from zoo.api.catalog_parameters import FILTERS, PAGING
from zoo.api.conditional import Conditional
from zoo.api.streaming import stream
from zoo.catalog import exports, search, selectors
from zoo.catalog.search import parameters
from zoo.catalog.selectors import Profile, Summary
from zoo.core.models import AuditRow


class SummarySerializer(serializers.Serializer[Summary]):
    """A model as lists show it."""

    id = serializers.CharField(source="model.slug")
    title = serializers.CharField(source="model.title")
    kind = serializers.CharField(source="model.kind")
    availability = serializers.CharField(source="model.availability")
    organization = serializers.CharField(source="model.organization.slug")
    family = serializers.CharField(source="model.family")
    architecture = serializers.CharField(source="model.architecture")
    modality = serializers.CharField(source="model.modality")
    parameters = serializers.IntegerField(source="model.parameters", allow_null=True)
    active_parameters = serializers.IntegerField(source="model.active_parameters", allow_null=True)
    released = serializers.CharField(source="model.released")
    license = serializers.CharField(source="model.license")
    verdict = serializers.CharField(allow_null=True)
    roles = serializers.ListField(child=serializers.CharField())
    methods = serializers.ListField(child=serializers.CharField())
    teachers = serializers.ListField(child=serializers.CharField())
    retention = serializers.FloatField(allow_null=True)
    numbers = serializers.ListField(child=serializers.CharField())
    url = serializers.SerializerMethodField()

    def get_url(self, row: Summary) -> str:
        """The address of the model in the API."""
        request: Request = self.context["request"]
        return request.build_absolute_uri(f"/api/v1/models/{row.model.slug}/")


class EvidenceSerializer(serializers.Serializer[Any]):
    """What a source says."""

    claim = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]  # a field of that name
    source_url = serializers.CharField()
    seen = serializers.BooleanField()
    status = serializers.CharField()


class FactSerializer(serializers.Serializer[Any]):
    """A field with its standing."""

    field = serializers.CharField()
    value = serializers.JSONField(allow_null=True)
    status = serializers.CharField()
    seen = serializers.BooleanField()


class SourceClaimSerializer(serializers.Serializer[Any]):
    """What somebody says, beside what sources say."""

    topic = serializers.CharField()
    says = serializers.CharField()
    claimant = serializers.CharField()
    finding = serializers.CharField()
    outcome = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]  # a field of that name
    seen = serializers.BooleanField()


class DisputePartSerializer(serializers.Serializer[Any]):
    """Whom a dispute concerns."""

    model = serializers.CharField(source="model.slug")
    part = serializers.CharField()
    note = serializers.CharField()


class DisputeSerializer(serializers.Serializer[Any]):
    """An allegation and how it stands."""

    slug = serializers.CharField()
    title = serializers.CharField()
    allegation = serializers.CharField()
    claimant = serializers.CharField()
    about = serializers.CharField()
    where = serializers.CharField()
    since = serializers.CharField()
    standing = serializers.CharField()
    response = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]  # a field of that name
    seen = serializers.BooleanField()
    parts = DisputePartSerializer(many=True)


class CostSerializer(serializers.Serializer[Any]):
    """A price or a training cost."""

    what = serializers.CharField()
    amount = serializers.FloatField()
    unit = serializers.CharField()
    as_of = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]  # a field of that name
    source_url = serializers.CharField()
    seen = serializers.BooleanField()
    status = serializers.CharField()
    note = serializers.CharField()


class LicensePeriodSerializer(serializers.Serializer[Any]):
    """A license and from when it was published."""

    license = serializers.CharField()
    since = serializers.CharField()
    seen = serializers.BooleanField()
    source = serializers.CharField()  # type: ignore[assignment]  # a field of that name


class FileSerializer(serializers.Serializer[Any]):
    """A file of a revision."""

    path = serializers.CharField()
    size_bytes = serializers.IntegerField()
    sha256 = serializers.CharField()


class RevisionSerializer(serializers.Serializer[Any]):
    """An immutable revision."""

    label = serializers.CharField()  # type: ignore[assignment]  # a field of that name
    origin = serializers.CharField()
    commit = serializers.CharField()
    digest = serializers.CharField()
    tensors_digest = serializers.CharField()
    parameters = serializers.IntegerField(allow_null=True)
    size_bytes = serializers.IntegerField(allow_null=True)
    weights_format = serializers.CharField()
    architecture = serializers.CharField()
    context_length = serializers.IntegerField(allow_null=True)
    vocabulary_size = serializers.IntegerField(allow_null=True)
    tokenizer_digest = serializers.CharField()
    license_declared = serializers.CharField()
    license_hub_tag = serializers.CharField()
    license_concluded = serializers.CharField()
    published = serializers.CharField()
    created_at = serializers.DateTimeField()
    files = FileSerializer(many=True)


class ProfileSerializer(SummarySerializer):
    """A model with everything that the catalog knows of it."""

    aliases = serializers.ListField(child=serializers.CharField())
    hub_id = serializers.CharField(source="model.hub_id")
    context_length = serializers.IntegerField(source="model.context_length", allow_null=True)
    license_url = serializers.CharField(source="model.license_url")
    hub_license_tag = serializers.CharField(source="model.hub_license_tag")
    license_note = serializers.CharField(source="model.license_note")
    license_history = LicensePeriodSerializer(many=True, source="license_periods")
    licensor = serializers.CharField(source="model.licensor")
    control_of = serializers.CharField(
        source="model.control_of", help_text="the student that this is, trained without the teacher"
    )
    paper = serializers.CharField(source="model.paper")
    notes = serializers.CharField(source="model.notes")
    facts = FactSerializer(many=True)
    evidence = EvidenceSerializer(many=True)
    claims = SourceClaimSerializer(many=True)
    disputes = DisputeSerializer(many=True)
    costs = CostSerializer(many=True)
    links = serializers.SerializerMethodField()

    def get_links(self, row: Profile) -> dict[str, str]:
        """Where the rest of it is."""
        own = self.get_url(row)
        parts = ("lineage", "scores", "revisions", "history")
        return {name: f"{own}{name}/" for name in parts} | {
            "html": own.replace("/api/v1/models/", "/models/")
        }


class ModelPageSerializer(serializers.Serializer[Any]):
    """A page of models."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    count = serializers.IntegerField()
    count_is_exact = serializers.BooleanField()
    mended = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))
    unknown_words = serializers.ListField(child=serializers.CharField())
    results = SummarySerializer(many=True)


class FacetSerializer(serializers.Serializer[Any]):
    """A facet with the counts of its values; where they are not exact they are lower bounds."""

    name = serializers.CharField()
    exact = serializers.BooleanField()
    options = serializers.ListField(child=serializers.DictField())


class FacetsSerializer(serializers.Serializer[Any]):
    """All facets."""

    facets = FacetSerializer(many=True)


class ReportedScoreSerializer(serializers.Serializer[Any]):
    """A score as its source prints it."""

    kind = serializers.SerializerMethodField()
    printed_name = serializers.CharField()
    variant = serializers.CharField()
    benchmark = serializers.CharField()
    metric = serializers.CharField()
    settings = serializers.CharField()
    value = serializers.FloatField()
    unit = serializers.CharField()
    lower_is_better = serializers.BooleanField()
    source = serializers.CharField()  # type: ignore[assignment]  # a field of that name
    source_url = serializers.CharField()
    via = serializers.CharField()
    seen = serializers.BooleanField()
    note = serializers.CharField()

    def get_kind(self, row: Any) -> str:
        """Scores of this list were published elsewhere."""
        return "reported"


class UnattachedScoreSerializer(ReportedScoreSerializer):
    """A score of something that is no entry."""

    unattached_reason = serializers.CharField()


def read_query(request: Request) -> search.Query:
    """The query of a request. Raises DRF's ValidationError naming every wrong parameter."""
    parsed = parameters.parse(dict(request.query_params.lists()))
    if parsed.errors:
        raise serializers.ValidationError({name: [text] for name, text in parsed.errors.items()})
    return parsed.query


class ModelList(Conditional):
    """GET models/"""

    @extend_schema(
        operation_id="models_list",
        parameters=[*FILTERS, *PAGING],
        responses=ModelPageSerializer,
        tags=["models"],
    )
    def get(self, request: Request) -> Response:
        """Models, data sets and closed APIs that match, page by page."""
        found = search.page(read_query(request))
        rows = selectors.summaries(found.ids)
        return pages.answer(
            request,
            # One serializer for all rows: one a row would leave thousands of cyclic objects behind.
            list(SummarySerializer(cast(Any, rows), many=True, context={"request": request}).data),
            next_cursor=found.next,
            previous_cursor=found.previous,
            count=found.count.value,
            count_is_exact=found.count.exact,
            mended={word: list(others) for word, others in found.mended},
            unknown_words=list(found.unknown),
        )


class ModelFacets(Conditional):
    """GET models/facets/"""

    @extend_schema(
        operation_id="models_facets", parameters=FILTERS, responses=FacetsSerializer, tags=["models"]
    )
    def get(self, request: Request) -> Response:
        """How many entries each value of each facet has under the present filters."""
        found = search.facets(read_query(request))
        return Response(
            {
                "facets": [
                    {
                        "name": facet.name,
                        "exact": facet.exact,
                        "options": [{"value": o.value, "count": o.count} for o in facet.options],
                    }
                    for facet in found
                ]
            }
        )


class ModelExport(Conditional):
    """GET models/export/"""

    @extend_schema(
        operation_id="models_export",
        parameters=[
            OpenApiParameter("as", str, enum=list(exports.FORMATS), required=True),
            *FILTERS,
        ],
        responses={
            (200, content_type): bytes
            for content_type in ("text/csv", "application/x-ndjson", "application/vnd.apache.parquet")
        },
        tags=["models"],
    )
    def get(self, request: Request) -> HttpResponseBase:
        """The whole result of a query as one file: CSV, JSON Lines or Parquet."""
        given = dict(request.query_params.lists())
        kind = (given.pop("as", None) or [""])[-1]
        if kind not in exports.FORMATS:
            raise serializers.ValidationError({"as": [f"One of {', '.join(exports.FORMATS)}."]})
        parsed = parameters.parse(given)
        if parsed.errors:
            raise serializers.ValidationError({name: [text] for name, text in parsed.errors.items()})
        export = exports.FORMATS[kind]
        return stream(
            request,
            export.write(selectors.export(parsed.query)),
            content_type=export.content_type,
            filename=f"models.{export.suffix}",
        )


class ModelDetail(Conditional):
    """GET models/{org}/{name}/"""

    @extend_schema(operation_id="models_read", responses=ProfileSerializer, tags=["models"])
    def get(self, request: Request, org: str, name: str) -> Response:
        """One entry, by its id or an alias of it."""
        found = selectors.profile(f"{org}/{name}")
        return Response(ProfileSerializer(found, context={"request": request}).data)


class ModelByAlias(Conditional):
    """GET models/{alias}/"""

    @extend_schema(operation_id="models_read_by_alias", responses=ProfileSerializer, tags=["models"])
    def get(self, request: Request, alias: str) -> Response:
        """One entry by a short name such as ``distilbert``."""
        found = selectors.profile(alias)
        return Response(ProfileSerializer(found, context={"request": request}).data)


class ModelScores(Conditional):
    """GET models/{org}/{name}/scores/"""

    @extend_schema(
        operation_id="models_scores", responses=ReportedScoreSerializer(many=True), tags=["models"]
    )
    def get(self, request: Request, org: str, name: str) -> Response:
        """What others published about the model, with source and settings. Not measured here."""
        rows = selectors.reported_scores_of(selectors.get_model(f"{org}/{name}"))
        return pages.listed(self, request, rows, ReportedScoreSerializer, ordering=("group", "order", "id"))


class UnattachedScores(Conditional):
    """GET scores/unattached/"""

    @extend_schema(
        operation_id="scores_unattached", tags=["models"], responses=ReportedScoreSerializer(many=True)
    )
    def get(self, request: Request) -> Response:
        """Published scores of things that are no entry, each with the reason."""
        rows = selectors.unattached_scores()
        return pages.listed(self, request, rows, UnattachedScoreSerializer, ordering=("group", "order", "id"))


class ModelRevisions(Conditional):
    """GET models/{org}/{name}/revisions/"""

    @extend_schema(operation_id="models_revisions", responses=RevisionSerializer(many=True), tags=["models"])
    def get(self, request: Request, org: str, name: str) -> Response:
        """The immutable revisions with their files, newest first."""
        rows = selectors.revisions_of(selectors.get_model(f"{org}/{name}"))
        return pages.listed(self, request, rows, RevisionSerializer, ordering=("-published_on", "-id"))


class ChangeSerializer(serializers.Serializer[AuditRow]):
    """A change: when, by whom, what, and why."""

    at = serializers.DateTimeField()
    user = serializers.SerializerMethodField()
    action = serializers.CharField()
    detail = serializers.JSONField()

    def get_user(self, row: AuditRow) -> str | None:
        """The person's name; null: the reviewed data of the repository."""
        return row.user.get_username() if row.user else None


class ModelHistory(Conditional):
    """GET models/{org}/{name}/history/"""

    @extend_schema(operation_id="models_history", responses=ChangeSerializer(many=True), tags=["models"])
    def get(self, request: Request, org: str, name: str) -> Response:
        """Every change of the entry, newest first."""
        rows = selectors.changes_of(selectors.get_model(f"{org}/{name}"))
        return pages.listed(self, request, rows, ChangeSerializer, ordering=("-at", "-id"))


routes = [
    path("models/", ModelList.as_view(), name="models"),
    path("models/facets/", ModelFacets.as_view(), name="model-facets"),
    path("models/export/", ModelExport.as_view(), name="model-export"),
    path("scores/unattached/", UnattachedScores.as_view(), name="scores-unattached"),
    path("models/<str:org>/<str:name>/", ModelDetail.as_view(), name="model"),
    path("models/<str:alias>/", ModelByAlias.as_view(), name="model-by-alias"),
    path("models/<str:org>/<str:name>/scores/", ModelScores.as_view(), name="model-scores"),
    path("models/<str:org>/<str:name>/revisions/", ModelRevisions.as_view(), name="model-revisions"),
    path("models/<str:org>/<str:name>/history/", ModelHistory.as_view(), name="model-history"),
]
