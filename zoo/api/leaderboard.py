"""``GET leaderboard/``: students of a suite with rank ranges and the Pareto front, as on the page."""

from __future__ import annotations

from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evaluation.scoring.values import plain
from zoo.api.fields import Choice
from zoo.api.parameters import QuerySerializer
from zoo.comparisons.leaderboard import COSTS, Asked, Board, Cell, Row, board


class LeaderboardQuery(QuerySerializer):
    """What can be asked for."""

    suite = serializers.CharField(
        required=False, max_length=160, help_text="name or name@version; by default the first, in its newest."
    )
    teacher = serializers.CharField(required=False, max_length=200)
    settings = serializers.CharField(
        required=False, max_length=8, help_text="key of the settings; by default those that most rows share."
    )
    x = Choice(
        required=False, choices=COSTS, default="parameters", help_text="the cost that the front is made with."
    )
    parameters__gte = serializers.FloatField(required=False, min_value=1)
    parameters__lte = serializers.FloatField(required=False, min_value=1)
    retention__gte = serializers.FloatField(required=False, min_value=0)
    verdict = serializers.MultipleChoiceField(
        required=False, choices=["allowed", "conditions", "prohibited", "unknown"]
    )


class RankSerializer(serializers.Serializer[Any]):
    best = serializers.IntegerField()
    worst = serializers.IntegerField()


class CostsSerializer(serializers.Serializer[Any]):
    parameters = serializers.IntegerField(allow_null=True)
    bytes = serializers.IntegerField(allow_null=True)
    latency = serializers.FloatField(allow_null=True, help_text="median seconds of one answer")
    memory = serializers.IntegerField(allow_null=True, help_text="bytes in use at the peak")


class CellSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    title = serializers.CharField()
    retention = serializers.DictField()
    verdict = serializers.CharField(allow_null=True)


class LeaderboardRowSerializer(serializers.Serializer[Any]):
    student = serializers.CharField()
    teacher = serializers.CharField()
    comparison = serializers.UUIDField()
    rank = RankSerializer(allow_null=True)
    unranked = serializers.CharField(allow_null=True, help_text="why there is no rank")
    retention = serializers.DictField()
    mean_of_tasks = serializers.DictField()
    verdict = serializers.CharField(allow_null=True)
    coverage = serializers.DictField(child=serializers.IntegerField())
    costs = CostsSerializer()
    on_front = serializers.BooleanField(allow_null=True)
    dominated_by = serializers.ListField(child=serializers.CharField())
    license = serializers.CharField(allow_null=True)
    license_verdict = serializers.CharField()
    capabilities = CellSerializer(many=True)
    tasks = CellSerializer(many=True)


class LeaderboardSerializer(serializers.Serializer[Any]):
    """The whole board: ranks make sense only together, so it has one page."""

    suite = serializers.DictField(allow_null=True)
    settings = serializers.DictField(allow_null=True)
    x = serializers.CharField()
    filtered_out = serializers.IntegerField()
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    results = LeaderboardRowSerializer(many=True)


class LeaderboardView(APIView):
    """Students ranked by what they keep of their teacher."""

    @extend_schema(
        operation_id="leaderboard",
        parameters=[LeaderboardQuery],
        responses=LeaderboardSerializer,
    )
    def get(self, request: Request) -> Response:
        """The leaderboard of one suite under one set of settings."""
        return Response(_document(board(_asked(LeaderboardQuery.read(request)))))


def _asked(query: dict[str, Any]) -> Asked:
    suite, _, version = query.get("suite", "").partition("@")
    return Asked(
        suite=suite,
        version=version,
        teacher=query.get("teacher", ""),
        settings=query.get("settings", ""),
        cost=query["x"],
        parameters_gte=_whole(query.get("parameters__gte")),
        parameters_lte=_whole(query.get("parameters__lte")),
        retention_gte=query.get("retention__gte"),
        verdicts=tuple(sorted(query.get("verdict", ()))),
    )


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _document(found: Board) -> dict[str, Any]:
    settings = found.settings
    return {
        "suite": found.suite._asdict() if found.suite else None,
        "settings": {**plain(settings), "key": settings.key} if settings else None,
        "x": found.cost,
        "filtered_out": found.filtered_out,
        "next": None,
        "previous": None,
        "results": [_row(row) for row in found.rows],
    }


def _row(row: Row) -> dict[str, Any]:
    entry = row.entry
    return {
        "student": entry.student,
        "teacher": entry.teacher,
        "comparison": str(entry.comparison_id),
        "rank": row.rank._asdict() if row.rank else None,
        "unranked": row.unranked or None,
        "retention": plain(entry.retention),
        "mean_of_tasks": plain(entry.mean_of_tasks),
        "verdict": entry.verdict or None,
        "coverage": {"tasks": entry.tasks_measured, "of": entry.tasks_of},
        "costs": plain(entry.costs),
        "on_front": row.on_front,
        "dominated_by": list(row.dominated_by),
        "license": row.license or None,
        "license_verdict": row.license_verdict,
        "capabilities": [_cell(cell) for cell in entry.capabilities],
        "tasks": [_cell(cell) for cell in entry.tasks],
    }


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "name": cell.name,
        "title": cell.title,
        "retention": plain(cell.retention),
        "verdict": cell.verdict or None,
    }


routes = [path("leaderboard/", LeaderboardView.as_view(), name="leaderboard")]
