"""How the OpenAPI document is made: who may ask, what a list looks like, and which problems an answer can be.

Loaded when the app is ready. ``make schemathesis`` holds the document and the living API to each other.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import yaml
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from rest_framework.permissions import SAFE_METHODS

from zoo.core.problems import CONTENT_TYPE

EXAMPLES = Path(__file__).with_name("examples.yaml")
ANSWERS = Path(__file__).with_name("answers.yaml")


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Access tokens: ``Authorization: Token zoo_...``."""

    target_class = "zoo.api.auth.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "An access token of yours: `Token zoo_...`. Reading needs none.",
        }


class WorkerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """What evaluation workers show: a worker token to claim with, then the token of the lease."""

    target_class = "zoo.api.worker.WorkerAuthentication"
    name = "worker"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "For evaluation workers alone.",
        }


class Listed:
    """The frame of every list, for the generator: it asks a paginator, and the domain pages by itself."""

    def __init__(self, *, paged: bool) -> None:
        self._paged = paged

    def get_schema_operation_parameters(self, view: object) -> list[dict[str, Any]]:
        """Cursor and size of the page, where a list has more than one."""
        if not self._paged:
            return []
        size = {"type": "integer", "minimum": 1, "maximum": 100}
        return [_query("cursor", {"type": "string"}), _query("page_size", size)]

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """``{next, previous, results}`` around the rows."""
        address = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": address, "previous": address, "results": schema},
        }


def _query(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema}


class Described(AutoSchema):
    """Adds to each operation what all have in common and no view repeats."""

    def get_auth(self) -> list[dict[str, Any]]:
        """Reading is open unless the view says otherwise; so is what a view opens to anyone."""
        found: list[dict[str, Any]] = super().get_auth()
        of_machines = any("worker" in names for names in found)
        if of_machines:
            return [names for names in found if names]
        opened = self.method in SAFE_METHODS and getattr(self.view, "read_scope", None) is None
        return [*found, {}] if opened and {} not in found else found

    def _get_paginator(self) -> Listed:
        return Listed(paged=getattr(self.view, "paged", True))

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> dict[str, Any]:
        found: dict[str, Any] = super()._get_response_bodies(direction)
        from zoo.api.problems import ProblemSerializer

        self.resolve_serializer(ProblemSerializer, "response")
        return dict(sorted((found | {status: _problem(status) for status in self._problems()}).items()))

    def _problems(self) -> list[str]:
        """The statuses of problems that this operation can answer with."""
        # 404 also of lists: a parameter may name what is not there.
        found = ["400", "401", "404", "406", "429"]
        if self.method not in SAFE_METHODS:
            found += ["403", "409", "413", "415"]
        elif getattr(self.view, "read_scope", None) is not None:
            found.append("403")
        return found


PROBLEMS = {
    "400": "Some of the input is not right.",
    "401": "The token is not good.",
    "403": "The token may not do this.",
    "404": "There is no such thing.",
    "406": "The answer has no such type.",
    "409": "This does not fit the state of things.",
    "413": "The body is too large.",
    "415": "The body is of another type.",
    "429": "Too many requests, or a quota is used up.",
}


def _problem(status: str) -> dict[str, str]:
    return {"$ref": f"#/components/responses/Problem{status}"}


def add_problems(result: dict[str, Any], generator: object, request: object, public: bool) -> dict[str, Any]:
    """Puts the answers of all problems beside the schemas. Django calls it last, for the whole document."""
    content = {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    result["components"]["responses"] = {
        f"Problem{status}": {"description": words, "content": content} for status, words in PROBLEMS.items()
    }
    return result


@lru_cache(maxsize=1)
def examples() -> dict[str, Any]:
    """Examples of request bodies by operation, from the file beside this one."""
    found: dict[str, Any] = yaml.safe_load(EXAMPLES.read_text("utf-8"))
    return found


@lru_cache(maxsize=1)
def answers() -> dict[str, Any]:
    """Examples of answers by operation, as a real server gave them; ``tests/contract/answers.py`` writes the file."""
    found: dict[str, Any] = yaml.safe_load(ANSWERS.read_text("utf-8"))
    return found


def with_examples(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Puts the examples into the document. Raises KeyError for one of an operation that is not there."""
    operations = {
        operation["operationId"]: operation
        for methods in result["paths"].values()
        for operation in methods.values()
    }
    for name, example in examples().items():
        operations[name]["requestBody"]["content"]["application/json"]["example"] = example
    for name, example in answers().items():
        for status, answer in operations[name]["responses"].items():
            if status.startswith("2"):
                answer["content"]["application/json"]["example"] = example
    return result
