"""REST for what can be measured: the suites with their tasks, and the names of tasks that the pinned harness has.

Both are data of this version of the software; no database is asked.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal, NamedTuple

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from evaluation.suites import harness_tasks, loader
from evaluation.suites.schema import Suite
from zoo.api import pages
from zoo.api.conditional import Conditional
from zoo.api.parameters import QuerySerializer
from zoo.core.errors import Invalid, NotFound

PAGE_SIZE = 50


class SuiteNotFound(NotFound):
    """No suite has that name, or not in that version."""

    code = "unknown_suite"


class TaskKind(NamedTuple):
    """A name that a submission may list, and whether it is one task, a group or a tag."""

    name: str
    kind: Literal["task", "group", "tag"]


class EstimateSerializer(serializers.Serializer[Any]):
    """What the suite asks of a model, counted once with a common tokenizer. Preflight makes time and memory of it."""

    requests = serializers.IntegerField()
    tokens = serializers.IntegerField(help_text="tokens run through the model, without those it writes")
    generated_tokens = serializers.IntegerField(help_text="tokens that the model writes, one after another")
    longest_tokens = serializers.IntegerField(
        help_text="the longest sequence: with the batch it decides memory"
    )


class SuiteRowSerializer(serializers.Serializer[Any]):
    """A suite in a list, in its newest version."""

    name = serializers.CharField()
    version = serializers.CharField()
    versions = serializers.ListField(child=serializers.CharField(), help_text="oldest first")
    title = serializers.CharField()
    protocol = serializers.CharField()
    ranked = serializers.BooleanField(help_text="whether complete results may be ranked")
    capabilities = serializers.ListField(child=serializers.CharField())
    tasks_count = serializers.IntegerField()
    estimate = EstimateSerializer()
    url = serializers.CharField()


class SuiteTaskSerializer(serializers.Serializer[Any]):
    """A task of a suite and how it counts."""

    name = serializers.CharField()
    title = serializers.CharField()
    capability = serializers.CharField()
    groups = serializers.ListField(child=serializers.CharField())
    weight = serializers.FloatField(help_text="its share within its capability")
    num_fewshot = serializers.IntegerField()
    metric = serializers.CharField()
    filter = serializers.CharField()
    chance = serializers.FloatField(
        allow_null=True,
        help_text="score of guessing; null: as the choices of each document say, or not defined",
    )
    items = serializers.IntegerField(allow_null=True, help_text="number of documents; null: all, not stated")
    source = serializers.CharField(  # type: ignore[assignment]  # a field of that name
        help_text="form of the items: choice, text, harness, answer, finetune"
    )
    draws = serializers.IntegerField(allow_null=True, help_text="answers drawn for each; null: one, greedily")


class SuiteSerializer(SuiteRowSerializer):
    """A suite whole."""

    description = serializers.CharField()
    license = serializers.CharField()
    apply_chat_template = serializers.BooleanField()
    tasks = SuiteTaskSerializer(many=True)


class HarnessTaskSerializer(serializers.Serializer[Any]):
    """A name of the pinned harness."""

    name = serializers.CharField()
    kind = serializers.CharField(help_text="task, group or tag")
    tasks_count = serializers.IntegerField(help_text="single tasks below the name")
    capability = serializers.CharField(allow_null=True)
    output_type = serializers.CharField(
        allow_null=True, help_text="null: of several, or known to its code alone"
    )
    dataset = serializers.CharField(allow_null=True)
    refused = serializers.CharField(allow_null=True, help_text="code of the refusal; null: can be submitted")


class NoParameters(QuerySerializer):
    """A list without parameters."""


class SuiteParameters(QuerySerializer):
    """Which version."""

    version = serializers.CharField(required=False, max_length=10, help_text="the newest if not given")


class TaskParameters(pages.PageParameters):
    """Which names."""

    q = serializers.CharField(required=False, max_length=100, help_text="part of the name, in any case")


class Suites(Conditional):
    """GET suites/"""

    permission_classes = [AllowAny]
    max_age = 60
    paged = False

    @extend_schema(
        operation_id="suites_list",
        responses=SuiteRowSerializer(many=True),
        tags=["suites"],
    )
    def get(self, request: Request) -> Response:
        """Every suite in its newest version, in alphabetical order."""
        NoParameters.read(request)
        rows = [_row(request, loader.load(name)) for name in loader.names()]
        return Response({"next": None, "previous": None, "results": SuiteRowSerializer(rows, many=True).data})


class SuiteDetail(Conditional):
    """GET suites/{name}/"""

    permission_classes = [AllowAny]
    max_age = 60

    @extend_schema(
        operation_id="suites_read", parameters=[SuiteParameters], responses=SuiteSerializer, tags=["suites"]
    )
    def get(self, request: Request, name: str) -> Response:
        """One suite with its tasks: shots, metric, chance, capability, and what it asks of a model."""
        version = SuiteParameters.read(request).get("version")
        try:
            suite = loader.load(name, version)
        except loader.UnknownSuite as error:
            known = ", ".join(loader.versions(name) or loader.names())
            raise SuiteNotFound(f"{error}. Known: {known}.") from error
        return Response(SuiteSerializer(_whole(request, suite)).data)


class Tasks(Conditional):
    """GET tasks/"""

    permission_classes = [AllowAny]
    max_age = 60

    @extend_schema(
        operation_id="tasks_list",
        parameters=[TaskParameters],
        responses=HarnessTaskSerializer(many=True),
        tags=["suites"],
    )
    def get(self, request: Request) -> Response:
        """Tasks, groups and tags of the pinned harness by name: what ``tasks`` of a submission may list."""
        given = TaskParameters.read(request)
        word = given.get("q", "").casefold()
        found = [one for one in _names() if word in one.name.casefold()]
        size = given.get("page_size", PAGE_SIZE)
        start = _position(given.get("cursor"), len(found))
        rows = [_task_row(one) for one in found[start : start + size]]
        return pages.answer(
            request,
            list(HarnessTaskSerializer(rows, many=True).data),
            next_cursor=str(start + size) if start + size < len(found) else "",
            previous_cursor=str(max(start - size, 0)) if start else "",
            harness_version=harness_tasks.index().harness_version,
        )


def _row(request: Request, suite: Suite) -> dict[str, Any]:
    return {
        "name": suite.name,
        "version": suite.version,
        "versions": loader.versions(suite.name),
        "title": suite.title,
        "protocol": suite.protocol,
        "ranked": suite.ranked,
        "capabilities": [capability.name for capability in suite.capabilities],
        "tasks_count": len(suite.tasks),
        "estimate": suite.estimate.model_dump(),
        "url": request.build_absolute_uri(f"/api/v1/suites/{suite.name}/"),
    }


def _whole(request: Request, suite: Suite) -> dict[str, Any]:
    kept = {
        "name",
        "title",
        "capability",
        "groups",
        "weight",
        "num_fewshot",
        "metric",
        "filter",
        "chance",
        "items",
    }
    tasks = [
        task.model_dump(include=kept)
        | {"source": task.source.form, "draws": task.sampling.draws if task.sampling else None}
        for task in suite.tasks
    ]
    more = suite.model_dump(include={"description", "license", "apply_chat_template"})
    return {**_row(request, suite), **more, "tasks": tasks}


@lru_cache(maxsize=1)
def _names() -> tuple[TaskKind, ...]:
    """Every name once, sorted; a name that is a task and a tag is taken for the task, as the harness does."""
    index = harness_tasks.index()
    kinds: dict[str, TaskKind] = {name: TaskKind(name, "tag") for name in index.tags}
    kinds |= {name: TaskKind(name, "group") for name in index.groups}
    kinds |= {name: TaskKind(name, "task") for name in index.tasks}
    return tuple(kinds[name] for name in sorted(kinds))


def _position(cursor: str | None, length: int) -> int:
    """Where the page starts. Raises Invalid for what no list gave."""
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 10 and int(cursor) < max(length, 1)):
        raise Invalid("this cursor was not given by this list", field="cursor")
    return int(cursor)


def _task_row(one: TaskKind) -> dict[str, Any]:
    leaves = harness_tasks.index().leaves(one.name)
    types = {leaf.output_type for leaf in leaves}
    datasets = {leaf.dataset for leaf in leaves}
    return {
        "name": one.name,
        "kind": one.kind,
        "tasks_count": len(leaves),
        "capability": loader.capability_of(one.name),
        "output_type": types.pop() if len(types) == 1 else None,
        "dataset": datasets.pop() if len(datasets) == 1 else None,
        "refused": _refusal(leaves),
    }


def _refusal(leaves: tuple[harness_tasks.HarnessTask, ...]) -> str | None:
    """The code by which preflight refuses the name, if it does."""
    for leaf in leaves:
        if leaf.runs_code:
            return "task_runs_code"
        if leaf.multimodal:
            return "task_needs_images"
    return None


routes = [
    path("suites/", Suites.as_view(), name="suites"),
    path("suites/<str:name>/", SuiteDetail.as_view(), name="suite"),
    path("tasks/", Tasks.as_view(), name="tasks"),
]
