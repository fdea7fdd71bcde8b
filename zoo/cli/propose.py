"""``zoo propose``: a draft of a new entry or a correction, sent to a server, where a curator decides."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from zoo.cli.client import Api, ApiProblem, Unreachable
from zoo.cli.main import FAILED


def propose(
    model: Annotated[str, typer.Argument(help="org/name: a new one, or with --correct one of the catalog.")],
    source: Annotated[str, typer.Option(help="The document that says so.")],
    reason: Annotated[str, typer.Option(help="What the curator should know.")],
    correct: Annotated[
        bool, typer.Option("--correct", help="Correct an entry instead of adding one.")
    ] = False,
    title: Annotated[str, typer.Option(help="How a new entry is called.")] = "",
    kind: Annotated[str, typer.Option(help="model, dataset or api.")] = "model",
    fact: Annotated[list[str], typer.Option(help="field=value, as often as needed.")] = [],  # noqa: B006
    edge: Annotated[
        list[str], typer.Option(help="kind=parent or kind=parent:method,method; -kind=parent withdraws.")
    ] = [],  # noqa: B006
    source_url: Annotated[str, typer.Option(help="Its address.")] = "",
    file: Annotated[Path | None, typer.Option(help="The whole draft as YAML or JSON instead.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The proposal as JSON on stdout.")] = False,
) -> None:
    """Propose a model or a correction. ZOO_URL and ZOO_TOKEN say where and as whom."""
    draft = _from_file(file) if file else _draft(title, kind, fact, edge)
    draft |= {"source": source} | ({"source_url": source_url} if source_url else {})
    body: dict[str, Any] = {"draft": draft, "reason": reason}
    if correct:
        body["model"] = model
    else:
        draft["id"] = model
    api = Api.of_environment()
    try:
        made = api.post("proposals/", body)
    except (ApiProblem, Unreachable) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(FAILED) from error
    finally:
        api.close()
    if as_json:
        print(json.dumps(made, ensure_ascii=False))
    else:
        print(f"proposal {made['id']} is {made['state']}: {made['html_url']}")


def _from_file(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise typer.BadParameter(f"{path} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise typer.BadParameter(f"{path} must hold keys and values")
    return found


def _draft(title: str, kind: str, facts: list[str], edges: list[str]) -> dict[str, Any]:
    return {
        "title": title,
        "kind": kind,
        "facts": dict(_fact(text) for text in facts),
        "edges": [_edge(text) for text in edges],
    }


def _fact(text: str) -> tuple[str, str | int]:
    field, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"a fact is written field=value, not {text!r}")
    return field.strip(), int(value) if value.strip().isdecimal() else value.strip()


def _edge(text: str) -> dict[str, Any]:
    kind, equals, rest = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"an edge is written kind=parent, not {text!r}")
    parent, _, methods = rest.partition(":")
    return {
        "kind": kind.strip().removeprefix("-"),
        "parent": parent.strip(),
        "methods": [method.strip() for method in methods.split(",") if method.strip()],
        "withdraw": kind.strip().startswith("-"),
    }
