"""What the OpenAPI document says about authentication, and what it must not say. Loaded when the app is ready."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

EXAMPLES = Path(__file__).with_name("examples.yaml")


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


@lru_cache(maxsize=1)
def examples() -> dict[str, Any]:
    """Examples of request bodies by operation, from the file beside this one."""
    found: dict[str, Any] = yaml.safe_load(EXAMPLES.read_text("utf-8"))
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
    return result
