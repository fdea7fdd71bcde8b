"""A change that would break a client of the API is noticed; one that only adds is not."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from zoo.cli.promises import broken, promises

DOCUMENT: dict[str, Any] = {
    "paths": {
        "/things/": {
            "get": {
                "parameters": [
                    {"in": "query", "name": "q", "schema": {"type": "string", "enum": ["a", "b"]}}
                ],
                "responses": {
                    "200": {
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}
                    }
                },
            },
            "post": {
                "requestBody": {
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/New"}}}
                },
                "responses": {"204": {}},
            },
        }
    },
    "components": {
        "schemas": {
            "Thing": {
                "type": "object",
                "properties": {
                    "id": {"type": "string"},
                    "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}},
                },
            },
            "New": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": {"type": "string"}, "note": {"type": "string"}},
            },
        }
    },
}
Change = Callable[[dict[str, Any]], Any]


def schemas(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["components"]["schemas"]
    return found


def get(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["paths"]["/things/"]["get"]
    return found


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda d: d["paths"].pop("/things/"), "no longer: GET /things/ is there"),
        (lambda d: d["paths"]["/things/"].pop("post"), "no longer: POST /things/ is there"),
        (lambda d: get(d)["parameters"].clear(), "no longer: GET /things/ takes query q"),
        (
            lambda d: get(d)["parameters"][0]["schema"]["enum"].remove("b"),
            "no longer: GET /things/ takes query q=b",
        ),
        (
            lambda d: get(d)["parameters"][0].update(required=True),
            "new demand: GET /things/ needs query q",
        ),
        (
            lambda d: schemas(d)["Thing"]["properties"].pop("id"),
            "no longer: GET /things/ answers 200 body.id: string",
        ),
        (
            lambda d: schemas(d)["Thing"]["properties"]["id"].update(type=["string", "null"]),
            "no longer: GET /things/ answers 200 body.id: string",
        ),
        (lambda d: schemas(d)["New"]["required"].append("note"), "new demand: POST /things/ needs body.note"),
        (
            lambda d: schemas(d)["New"]["properties"].pop("note"),
            "no longer: POST /things/ takes body.note",
        ),
    ],
)
def test_what_breaks_a_client_is_named(change: Change, told: str) -> None:
    after = copy.deepcopy(DOCUMENT)
    change(after)
    assert told in broken(promises(DOCUMENT), promises(after))


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["paths"].update({"/more/": copy.deepcopy(d["paths"]["/things/"])}),
        lambda d: get(d)["parameters"].append({"in": "query", "name": "size", "schema": {}}),
        lambda d: get(d)["parameters"][0]["schema"]["enum"].append("c"),
        lambda d: schemas(d)["Thing"]["properties"].update(more={"type": "string"}),
        lambda d: schemas(d)["New"]["required"].clear(),
    ],
)
def test_what_only_adds_or_asks_less_breaks_nobody(change: Change) -> None:
    after = copy.deepcopy(DOCUMENT)
    change(after)
    assert broken(promises(DOCUMENT), promises(after)) == []


def test_a_field_taken_from_the_shipped_document_is_noticed() -> None:
    """What ``make check`` compares: the promises that are kept in a file, and those of the document of today."""
    docs = Path(__file__).parents[2] / "docs"
    kept = set((docs / "openapi-promises.txt").read_text().splitlines())
    document = yaml.safe_load((docs / "openapi.yaml").read_text("utf-8"))
    assert broken(kept, promises(document)) == []
    del document["components"]["schemas"]["Submission"]["properties"]["student_run"]
    assert "no longer: POST /api/v1/submissions/ answers 202 body.student_run: string uuid" in broken(
        kept, promises(document)
    )
