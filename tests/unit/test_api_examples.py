"""Each example of the API's document is one that its schema allows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from zoo.api.schema import examples

DOCUMENT: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parents[2] / "docs" / "openapi.yaml").read_text("utf-8")
)


@pytest.mark.parametrize("name", sorted(examples()))
def test_an_example_is_in_the_document_and_allowed_by_its_schema(name: str) -> None:
    (body,) = [
        operation["requestBody"]["content"]["application/json"]
        for methods in DOCUMENT["paths"].values()
        for operation in methods.values()
        if operation["operationId"] == name
    ]
    assert body["example"] == examples()[name]
    schema = {"$ref": body["schema"]["$ref"], "components": DOCUMENT["components"]}
    jsonschema.Draft202012Validator(schema).validate(body["example"])
