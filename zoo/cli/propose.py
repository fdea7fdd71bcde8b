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

Draft = dict[str, Any]


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
    from_: Annotated[
        str,
        typer.Option(
            "--from",
            help="A directory, a card or a hub id: facts, parents and the digests that find a copy are read from it.",
        ),
    ] = "",
    source_url: Annotated[str, typer.Option(help="Its address.")] = "",
    file: Annotated[Path | None, typer.Option(help="The whole draft as YAML or JSON instead.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The proposal as JSON on stdout.")] = False,
) -> None:
    """Propose a model or a correction. ZOO_URL and ZOO_TOKEN say where and as whom."""
    draft = draft_of_file(file) if file else _draft(title, kind, fact, edge)
    if from_:
        draft = _joined(_read(from_, model), draft)
    draft |= {"source": source} | ({"source_url": source_url} if source_url else {})
    body: Draft = {"draft": draft, "reason": reason}
    if correct:
        body["model"] = model
    else:
        draft["id"] = model
    api = Api.of_environment()
    try:
        if from_:
            draft["edges"] = _known(api, draft["edges"])
        made = api.post("proposals/", body)
    except (ApiProblem, Unreachable) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(FAILED) from error
    finally:
        api.close()
    if as_json:
        print(json.dumps(made, ensure_ascii=False))
        return
    print(f"proposal {made['id']} is {made['state']}: {made['html_url']}")
    for line in resemblances(made):
        print(f"  {line}")


def resemblances(proposal: Draft) -> list[str]:
    """What a proposal may already be, a line for each."""
    return [
        f"resembles {row['model']} ({', '.join(row['why']).replace('_', ' ')})"
        for row in proposal.get("resembles", [])
    ]


def draft_of_file(path: Path) -> Draft:
    """A whole draft. Raises BadParameter where the file holds none."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise typer.BadParameter(f"{path} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise typer.BadParameter(f"{path} must hold keys and values")
    return found


def fact_of(text: str) -> tuple[str, str | int]:
    """``field=value``; digits alone are a number. Raises BadParameter."""
    field, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"a fact is written field=value, not {text!r}")
    return field.strip(), int(value) if value.strip().isdecimal() else value.strip()


def _draft(title: str, kind: str, facts: list[str], edges: list[str]) -> Draft:
    return {
        "title": title,
        "kind": kind,
        "facts": dict(fact_of(text) for text in facts),
        "edges": [_edge(text) for text in edges],
    }


def _read(ref: str, model: str) -> Draft:
    """What the files say. Only small files and headers of a hub's model are fetched; a directory is digested."""
    from evaluation.formats.errors import FormatError
    from zoo.cli.import_ import describe
    from zoo.lineage.drafts import of_description
    from zoo.settings import env

    try:
        _, description = describe(ref, model, env.read().models_dir)
    except FormatError as error:
        print(f"{error.message} {error.remedy}".strip(), file=sys.stderr)
        raise typer.Exit(FAILED) from error
    for hint in description.card.hints if description.card else ():
        print(f"to confirm, and left out: {hint}", file=sys.stderr)
    return of_description(description, reference=model)


def _joined(read: Draft, given: Draft) -> Draft:
    """What was read from files, under what was said on the command line."""
    return {
        **read,
        **given,
        "facts": read["facts"] | given.get("facts", {}),
        "edges": [*read["edges"], *given.get("edges", [])],
    }


def _known(api: Api, edges: list[Draft]) -> list[Draft]:
    """The steps whose parent the server has; of the others it is said that they are left out."""
    kept = []
    for edge in edges:
        try:
            api.get(f"models/{edge['parent']}/")
        except ApiProblem as problem:
            if problem.status != 404:
                raise
            print(
                f"left out: {edge['kind']} {edge['parent']}, which the server has not; propose that one first",
                file=sys.stderr,
            )
        else:
            kept.append(edge)
    return kept


def _edge(text: str) -> Draft:
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
