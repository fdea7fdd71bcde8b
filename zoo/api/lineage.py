"""REST for lineage: the entries around one, the typed edges with their evidence, and what is only alleged."""

from __future__ import annotations

from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from zoo.api.catalog import EvidenceSerializer
from zoo.api.conditional import Conditional
from zoo.api.fields import Choice
from zoo.api.parameters import QuerySerializer
from zoo.catalog import selectors as catalog
from zoo.lineage import selectors
from zoo.lineage.selectors import Neighborhood


class LineageParameters(QuerySerializer):
    """How far and in which direction."""

    depth = serializers.IntegerField(required=False, default=3, min_value=1, max_value=selectors.MAX_DEPTH)
    direction = Choice(choices=["both", "up", "down"], required=False, default="both")
    evidence = serializers.BooleanField(required=False, default=True)


class NodeSerializer(serializers.Serializer[Any]):
    """An entry of the graph."""

    id = serializers.CharField()
    title = serializers.CharField()
    kind = serializers.CharField()
    level = serializers.IntegerField(help_text="steps from the root; negative: ancestors")
    license = serializers.CharField()
    parameters = serializers.IntegerField(allow_null=True)


class EdgeSerializer(serializers.Serializer[Any]):
    """A typed edge, from the child to what it came from."""

    child = serializers.CharField()
    parent = serializers.CharField()  # type: ignore[assignment]  # a field of that name
    kind = serializers.CharField()
    methods = serializers.ListField(child=serializers.CharField())
    role = serializers.CharField()
    stage = serializers.CharField()
    accessed_via = serializers.CharField(help_text="key of the host's terms; empty: not, or not known")
    outputs_made = serializers.CharField(help_text="day, month or year; empty: not known")
    status = serializers.CharField()
    seen = serializers.BooleanField()
    note = serializers.CharField()
    evidence = EvidenceSerializer(many=True, required=False)


class AllegationSerializer(serializers.Serializer[Any]):
    """What is alleged between two entries of the graph. Not an edge."""

    child = serializers.CharField(source="child.slug")
    parent = serializers.CharField(source="parent.slug")  # type: ignore[assignment]  # a field of that name
    dispute = serializers.CharField(source="dispute.slug")
    title = serializers.CharField(source="dispute.title")
    claimant = serializers.CharField(source="dispute.claimant")
    standing = serializers.CharField(source="dispute.standing")


class LineageSerializer(serializers.Serializer[Any]):
    """The graph around one entry."""

    root = serializers.CharField()  # type: ignore[assignment]  # a field of that name
    depth = serializers.IntegerField()
    direction = serializers.CharField()
    truncated = serializers.BooleanField(help_text="whether there are more entries than are listed")
    nodes = NodeSerializer(many=True)
    edges = EdgeSerializer(many=True)
    alleged = AllegationSerializer(many=True)


class ModelLineage(Conditional):
    """GET models/{org}/{name}/lineage/"""

    @extend_schema(
        operation_id="models_lineage",
        parameters=[LineageParameters],
        responses=LineageSerializer,
        tags=["models"],
    )
    def get(self, request: Request, org: str, name: str) -> Response:
        """Ancestors and descendants within ``depth`` steps. Disputed edges are marked by their status."""
        given = LineageParameters.read(request)
        model = catalog.get_model(f"{org}/{name}")
        around = selectors.neighborhood(model, depth=given["depth"], direction=given["direction"])
        alleged = selectors.allegations(around)
        return Response(
            {
                "root": model.slug,
                "depth": given["depth"],
                "direction": given["direction"],
                "truncated": around.truncated,
                "nodes": NodeSerializer(_nodes(around), many=True).data,
                "edges": _edges(around, with_evidence=given["evidence"]),
                "alleged": AllegationSerializer(alleged, many=True).data,
            }
        )


def _nodes(around: Neighborhood) -> list[dict[str, Any]]:
    found = [
        {
            "id": model.slug,
            "title": model.title,
            "kind": model.kind,
            "level": around.levels[pk],
            "license": model.license,
            "parameters": model.parameters,
        }
        for pk, model in around.models.items()
    ]
    return sorted(found, key=lambda node: (node["level"], node["id"].lower()))


def _edges(around: Neighborhood, *, with_evidence: bool) -> list[dict[str, Any]]:
    edges = []
    for edge in around.edges:
        row = {
            "child": around.models[edge.child_id].slug,
            "parent": around.models[edge.parent_id].slug,
            "kind": edge.kind,
            "methods": edge.methods,
            "role": edge.role,
            "stage": edge.stage,
            "accessed_via": edge.accessed_via,
            "outputs_made": edge.outputs_made,
            "status": edge.status,
            "seen": edge.seen,
            "note": edge.note,
        }
        if with_evidence:
            row["evidence"] = EvidenceSerializer(edge.evidence.all(), many=True).data
        edges.append(row)
    return edges


routes = [path("models/<str:org>/<str:name>/lineage/", ModelLineage.as_view(), name="model-lineage")]
