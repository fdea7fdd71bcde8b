"""REST for proposals: making one, reading them, and a curator's decision; and the stories of the catalog."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.urls import path
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from zoo.accounts.models import Scope, User
from zoo.api import pages
from zoo.api.catalog import DisputeSerializer
from zoo.api.conditional import Conditional
from zoo.api.fields import Choice
from zoo.api.parameters import QuerySerializer
from zoo.catalog import selectors
from zoo.catalog.models import Dispute, Proposal
from zoo.lineage import proposals


class ProposalSerializer(serializers.Serializer[Proposal]):
    """A proposal and what became of it."""

    id = serializers.UUIDField()
    kind = serializers.CharField()
    state = serializers.CharField()
    model = serializers.SerializerMethodField()
    draft = serializers.JSONField()
    amended_draft = serializers.DictField(allow_null=True)
    reason = serializers.CharField()
    proposed_by = serializers.CharField(source="proposed_by.username")
    proposed_at = serializers.DateTimeField()
    decided_by = serializers.CharField(source="decided_by.username", allow_null=True, default=None)
    decided_at = serializers.DateTimeField(allow_null=True)
    decision = serializers.CharField()
    html_url = serializers.SerializerMethodField()

    def get_model(self, row: Proposal) -> str | None:
        """The entry that is corrected, or that came of the draft."""
        return row.model.slug if row.model else None

    def get_html_url(self, row: Proposal) -> str:
        """The page of the proposal."""
        request: Request = self.context["request"]
        return request.build_absolute_uri(f"/proposals/{row.pk}/")


class ResemblanceSerializer(serializers.Serializer[Any]):
    """An entry that the draft may already be, and why: the strongest reason first."""

    model = serializers.CharField(source="model.slug")
    why = serializers.ListField(child=serializers.ChoiceField(choices=proposals.REASONS))


class OneProposalSerializer(ProposalSerializer):
    """A proposal with the entries that it may already be, by tensors, files, id and name, while it is open."""

    resembles = serializers.SerializerMethodField()

    @extend_schema_field(ResemblanceSerializer(many=True))
    def get_resembles(self, row: Proposal) -> Any:
        """Looked up when it is asked for: the catalog moves on."""
        return ResemblanceSerializer(proposals.resembling_proposal(row), many=True).data


class NewProposalSerializer(serializers.Serializer[Any]):
    """A draft. With ``model`` it is a correction of that entry.

    ``draft`` holds ``id`` (of a new entry), ``title``, ``kind``, ``facts``, ``edges``, ``source`` and ``source_url``;
    and, so that a copy under another name is found, ``tensors_digest`` and ``file_digests`` (SHA-256 in hex).
    """

    draft = serializers.DictField()
    reason = serializers.CharField(max_length=1000)
    model = serializers.CharField(max_length=200, required=False)


class DecisionSerializer(serializers.Serializer[Any]):
    """A curator's decision; ``draft`` is the amended one."""

    decision = Choice(choices=["accept", "amend", "decline"])
    reason = serializers.CharField(max_length=1000, required=False, default="", allow_blank=True)
    draft = serializers.DictField(required=False)


class ProposalParameters(QuerySerializer):
    """Filters of the list."""

    state = Choice(choices=Proposal.State.values, required=False)
    cursor = serializers.CharField(required=False)
    page_size = serializers.IntegerField(required=False, min_value=1, max_value=100)


class ProposalList(APIView):
    """GET and POST proposals/"""

    required_scope = Scope.SUBMIT

    @extend_schema(
        operation_id="proposals_list",
        parameters=[ProposalParameters],
        responses=ProposalSerializer(many=True),
        tags=["proposals"],
    )
    def get(self, request: Request) -> Response:
        """Proposals, newest first."""
        given = ProposalParameters.read(request)
        rows = proposals.proposals(state=given.get("state", ""))
        return pages.listed(
            self, request, rows, ProposalSerializer, ordering=("-proposed_at", "-id"), allow=("state",)
        )

    @extend_schema(
        operation_id="proposals_create",
        request=NewProposalSerializer,
        responses={201: OneProposalSerializer},
        tags=["proposals"],
    )
    def post(self, request: Request) -> Response:
        """Proposes a new entry or a correction. Needs the scope ``submit``."""
        given = NewProposalSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        data = given.validated_data
        model = selectors.get_model(data["model"]) if data.get("model") else None
        made = proposals.propose(
            draft=data["draft"],
            reason=data["reason"],
            model=model,
            acting_user=cast(User, request.user),
            now=timezone.now(),
        )
        body = OneProposalSerializer(made, context={"request": request}).data
        address = request.build_absolute_uri(f"/api/v1/proposals/{made.pk}/")
        return Response(body, status=status.HTTP_201_CREATED, headers={"Location": address})


class ProposalDetail(APIView):
    """GET proposals/{id}/"""

    @extend_schema(operation_id="proposals_read", responses=OneProposalSerializer, tags=["proposals"])
    def get(self, request: Request, proposal_id: UUID) -> Response:
        """One proposal."""
        row = proposals.get_proposal(proposal_id)
        return Response(OneProposalSerializer(row, context={"request": request}).data)


class ProposalDecision(APIView):
    """POST proposals/{id}/decision/"""

    required_scope = Scope.CURATE

    @extend_schema(
        operation_id="proposals_decide",
        request=DecisionSerializer,
        responses=ProposalSerializer,
        tags=["proposals"],
    )
    def post(self, request: Request, proposal_id: UUID) -> Response:
        """Accepts, amends or declines a proposal. Needs the scope ``curate``."""
        given = DecisionSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        data, user, now = given.validated_data, cast(User, request.user), timezone.now()
        if data["decision"] == "amend" and "draft" not in data:
            raise serializers.ValidationError({"draft": ["An amendment needs the amended draft."]})
        if data["decision"] == "decline":
            row = proposals.decline(
                proposal_id=proposal_id, acting_user=user, now=now, decision=data["reason"]
            )
        else:
            row = proposals.accept(
                proposal_id=proposal_id,
                acting_user=user,
                now=now,
                decision=data["reason"],
                amended=data["draft"] if data["decision"] == "amend" else None,
            )
        return Response(ProposalSerializer(row, context={"request": request}).data)


class EventSerializer(serializers.Serializer[Any]):
    """An event of the history."""

    slug = serializers.CharField()
    when = serializers.CharField()
    title = serializers.CharField()
    text = serializers.CharField()
    status = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]  # a field of that name
    source_url = serializers.CharField()
    seen = serializers.BooleanField()
    models = serializers.SerializerMethodField()

    def get_models(self, row: Any) -> list[str]:
        """The entries that it is about."""
        return [model.slug for model in row.entries.all()]


class TermSerializer(serializers.Serializer[Any]):
    """A word, explained."""

    slug = serializers.CharField()
    term = serializers.CharField()
    text = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]  # a field of that name
    source_url = serializers.CharField()
    see_also = serializers.SerializerMethodField()

    def get_see_also(self, row: Any) -> list[str]:
        """Slugs of related words."""
        return [other.slug for other in row.see_also.all()]


class Timeline(Conditional):
    """GET timeline/"""

    @extend_schema(operation_id="timeline_list", responses=EventSerializer(many=True), tags=["stories"])
    def get(self, request: Request) -> Response:
        """The history of distillation, from the beginning."""
        return pages.listed(
            self, request, selectors.timeline(), EventSerializer, ordering=("when_on", "slug")
        )


class Glossary(Conditional):
    """GET glossary/"""

    @extend_schema(operation_id="glossary_list", responses=TermSerializer(many=True), tags=["stories"])
    def get(self, request: Request) -> Response:
        """The words of the field."""
        return pages.listed(self, request, selectors.glossary(), TermSerializer, ordering=("term", "id"))


class Disputes(Conditional):
    """GET disputes/"""

    @extend_schema(operation_id="disputes_list", responses=DisputeSerializer(many=True), tags=["stories"])
    def get(self, request: Request) -> Response:
        """Allegations: who says what about whom, where, since when, and how it stands."""
        rows = Dispute.objects.prefetch_related("parts__model__organization")
        return pages.listed(self, request, rows, DisputeSerializer, ordering=("-since_on", "slug"))


routes = [
    path("proposals/", ProposalList.as_view(), name="proposals"),
    path("proposals/<uuid:proposal_id>/", ProposalDetail.as_view(), name="proposal"),
    path("proposals/<uuid:proposal_id>/decision/", ProposalDecision.as_view(), name="proposal-decision"),
    path("timeline/", Timeline.as_view(), name="timeline"),
    path("glossary/", Glossary.as_view(), name="glossary"),
    path("disputes/", Disputes.as_view(), name="disputes"),
]
