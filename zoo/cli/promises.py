"""What an OpenAPI document promises to clients, one line a promise, so that a broken one is a line that is gone. Pure.

A line says that an operation is there, takes a parameter or a field, or answers with a field of a type. Lines with
``needs`` are what a client must send: for an operation that was there before, a new one of these breaks clients too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

METHODS = ("get", "post", "put", "patch", "delete")
_DEEPEST = 8


def promises(document: dict[str, Any]) -> set[str]:
    """Every promise of a document."""
    return {
        line
        for path, operations in document.get("paths", {}).items()
        for method in METHODS
        if method in operations
        for line in _operation(f"{method.upper()} {path}", operations[method], document)
    }


def broken(before: set[str], after: set[str]) -> list[str]:
    """What a client that relied on the earlier promises would miss, as sentences."""
    found = [f"no longer: {line}" for line in before - after if " needs " not in line]
    known = {_operation_of(line) for line in before}
    found += [
        f"new demand: {line}" for line in after - before if " needs " in line and _operation_of(line) in known
    ]
    return sorted(found)


def _operation_of(line: str) -> str:
    return " ".join(line.split(" ")[:2])


def _operation(name: str, operation: dict[str, Any], document: dict[str, Any]) -> Iterator[str]:
    yield f"{name} is there"
    for parameter in operation.get("parameters", []):
        yield f"{name} takes {parameter['in']} {parameter['name']}"
        if parameter.get("required") and parameter["in"] != "path":
            yield f"{name} needs {parameter['in']} {parameter['name']}"
        for value in _choices(parameter.get("schema", {}), document):
            yield f"{name} takes {parameter['in']} {parameter['name']}={value}"
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if body is not None:
        yield from _taken(name, "body", body, document, ())
    for status, answer in operation.get("responses", {}).items():
        if status.startswith("2"):
            for kind, content in answer.get("content", {"nothing": {}}).items():
                yield f"{name} answers {status} {kind}"
                yield from _given(f"{name} answers {status}", "body", content.get("schema", {}), document, ())


def _taken(
    name: str, path: str, schema: dict[str, Any], document: dict[str, Any], seen: tuple[str, ...]
) -> Iterator[str]:
    schema, seen = _resolved(schema, document, seen)
    if len(seen) > _DEEPEST:
        return
    for field, inner in schema.get("properties", {}).items():
        yield f"{name} takes {path}.{field}"
        if field in schema.get("required", []):
            yield f"{name} needs {path}.{field}"
        for value in _choices(inner, document):
            yield f"{name} takes {path}.{field}={value}"
        yield from _taken(name, f"{path}.{field}", inner, document, (*seen, ""))
    if "items" in schema:
        yield from _taken(name, f"{path}[]", schema["items"], document, (*seen, ""))


def _given(
    name: str, path: str, schema: dict[str, Any], document: dict[str, Any], seen: tuple[str, ...]
) -> Iterator[str]:
    schema, seen = _resolved(schema, document, seen)
    kind = _type(schema)
    if kind:
        yield f"{name} {path}: {kind}"
    if len(seen) > _DEEPEST:
        return
    for field, inner in schema.get("properties", {}).items():
        yield from _given(name, f"{path}.{field}", inner, document, (*seen, ""))
    if "items" in schema:
        yield from _given(name, f"{path}[]", schema["items"], document, (*seen, ""))


def _type(schema: dict[str, Any]) -> str:
    kind = schema.get("type", "")
    named = "|".join(sorted(kind)) if isinstance(kind, list) else str(kind)
    return named + (f" {schema['format']}" if named and schema.get("format") else "")


def _choices(schema: dict[str, Any], document: dict[str, Any]) -> list[str]:
    schema, _ = _resolved(schema, document, ())
    if "items" in schema:
        schema, _ = _resolved(schema["items"], document, ())
    return [str(value) for value in schema.get("enum", []) if value is not None]


def _resolved(
    schema: dict[str, Any], document: dict[str, Any], seen: tuple[str, ...]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The schema behind references, those of one alternative and those beside null."""
    for _ in range(_DEEPEST):
        alternatives = [
            one
            for name in ("allOf", "oneOf", "anyOf")
            for one in schema.get(name, [])
            if one.get("type") != "null"
        ]
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            if name in seen:
                return {}, seen
            seen = (*seen, name)
            schema = document["components"]["schemas"][name]
        elif len(alternatives) == 1:
            schema = alternatives[0]
        else:
            break
    return schema, seen
