"""Each example of the API's document is one that its schema allows, and tells of no field that the schema does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from zoo.api.schema import answers, examples

DOCUMENT: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parents[2] / "docs" / "openapi.yaml").read_text("utf-8")
)
OPERATIONS: dict[str, dict[str, Any]] = {
    operation["operationId"]: operation
    for methods in DOCUMENT["paths"].values()
    for operation in methods.values()
}
OF_RESOURCES = {
    "models",
    "submissions",
    "runs",
    "comparisons",
    "license",
    "releases",
    "suites",
    "leaderboard",
}


def check(body: dict[str, Any]) -> None:
    """The example is allowed by the schema beside it, and has no field that the schema leaves out."""
    schema = body["schema"] | {"components": DOCUMENT["components"]}
    jsonschema.Draft202012Validator(schema).validate(body["example"])
    assert list(untold(body["example"], body["schema"])) == []


def untold(value: Any, schema: dict[str, Any], where: str = "") -> Iterator[str]:
    """Fields of the value that the schema does not name, where it names fields at all."""
    schemas = list(resolved(schema))
    named: dict[str, Any] = {}
    for one in schemas:
        named |= one.get("properties", {})
    if isinstance(value, dict) and named:
        for field, inner in value.items():
            if field in named:
                yield from untold(inner, named[field], f"{where}.{field}")
            elif not any(one.get("additionalProperties") for one in schemas):
                yield f"{where}.{field}"
    if isinstance(value, list):
        for inner in value:
            for one in schemas:
                yield from untold(inner, one.get("items", {}), f"{where}[]")


def resolved(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schema, and what it refers to and is composed of."""
    yield schema
    if "$ref" in schema:
        yield from resolved(DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    for composed in ("allOf", "oneOf", "anyOf"):
        for one in schema.get(composed, []):
            yield from resolved(one)


@pytest.mark.parametrize("name", sorted(examples()))
def test_a_question_is_in_the_document_and_allowed_by_its_schema(name: str) -> None:
    body = OPERATIONS[name]["requestBody"]["content"]["application/json"]
    assert body["example"] == examples()[name]
    check(body)


@pytest.mark.parametrize("name", sorted(answers()))
def test_an_answer_is_in_the_document_and_what_its_schema_says(name: str) -> None:
    (body,) = [
        answer["content"]["application/json"]
        for status, answer in OPERATIONS[name]["responses"].items()
        if status.startswith("2")
    ]
    assert body["example"] == answers()[name]
    check(body)


def test_every_main_resource_has_an_answer_and_a_list_with_rows() -> None:
    assert {name.split("_")[0] for name in answers()} >= OF_RESOURCES
    for name, answer in answers().items():
        if "results" in answer and "next" in answer:
            assert answer["results"], name


def test_a_field_that_the_schema_does_not_name_is_noticed() -> None:
    body = OPERATIONS["status_retrieve"]["responses"]["200"]["content"]["application/json"]
    assert list(untold(answers()["status_retrieve"] | {"color": "red"}, body["schema"])) == [".color"]
