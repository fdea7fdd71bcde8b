"""``zoo proposals`` and ``zoo decide``: what curators do with drafts, over a server's REST API.

``decide`` needs a token of the scope ``curate``. With ``--json`` the document alone goes to stdout.
"""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from zoo.cli.client import Api
from zoo.cli.propose import draft_of_file, fact_of, resemblances
from zoo.cli.submit import connected

STATES = ("open", "accepted", "amended", "declined")
VERDICTS = ("accept", "amend", "decline")
Document = dict[str, Any]

proposals = typer.Typer(no_args_is_help=True, help="Look at what people proposed for the catalog.")


@proposals.command("list")
def list_(
    state: Annotated[str, typer.Option(help="open, accepted, amended or declined; all: every one.")] = "open",
    limit: Annotated[int, typer.Option(min=1, help="How many at most, newest first.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON list on stdout.")] = False,
) -> None:
    """List proposals, newest first: those that wait for a curator, unless another state is asked for."""
    if state not in (*STATES, "all"):
        raise typer.BadParameter(f"a state is one of {', '.join(STATES)}, or all", param_hint="--state")
    asked = None if state == "all" else state
    with connected() as api:
        parameters = {"state": asked, "page_size": min(limit, 100)}
        rows = list(islice(api.listed("proposals/", parameters), limit))
    if as_json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    for row in rows:
        print(f"{row['id']}  {row['state']:<8}  {row['kind']:<10}  {_about(row)}  by {row['proposed_by']}")
    if not rows:
        print("no proposal" if state == "all" else f"no proposal is {state}")


@proposals.command()
def show(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="Of a proposal, as 'list' prints it.")],
    as_json: Annotated[bool, typer.Option("--json", help="The proposal as JSON on stdout.")] = False,
) -> None:
    """Show one proposal: its draft, its reason, what it resembles, and how it was decided."""
    with connected() as api:
        _print(_get(api, identifier), as_json)


def decide(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="Of a proposal.")],
    verdict: Annotated[str, typer.Argument(help="accept, amend or decline.")],
    reason: Annotated[str, typer.Option(help="Why; declining and amending need it.")] = "",
    fact: Annotated[list[str], typer.Option(help="Amend: field=value in place of what the draft says.")] = [],  # noqa: B006
    drop: Annotated[list[str], typer.Option(help="Amend: a field that the draft should not set.")] = [],  # noqa: B006
    file: Annotated[
        Path | None, typer.Option(help="Amend: the whole draft, as YAML or JSON, instead.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The decided proposal as JSON on stdout.")] = False,
) -> None:
    """Accept, amend or decline a proposal. ZOO_URL and ZOO_TOKEN say where and as whom."""
    _refuse_contradictions(verdict, reason, changes=bool(fact or drop or file))
    body: Document = {"decision": verdict, "reason": reason}
    with connected() as api:
        if verdict == "amend":
            found = draft_of_file(file) if file else _get(api, identifier)["draft"]
            body["draft"] = _amended(found, fact, drop)
        done = api.post(f"proposals/{identifier}/decision/", body)
    if as_json:
        print(json.dumps(done, indent=1, ensure_ascii=False))
    else:
        print(f"proposal {done['id']} is {done['state']}: {done['html_url']}")


def _refuse_contradictions(verdict: str, reason: str, *, changes: bool) -> None:
    if verdict not in VERDICTS:
        raise typer.BadParameter(f"a verdict is one of {', '.join(VERDICTS)}, not {verdict!r}")
    if verdict != "accept" and not reason.strip():
        raise typer.BadParameter(f"say why with --reason: who proposed it reads it ({verdict} needs one)")
    if verdict == "amend" and not changes:
        raise typer.BadParameter(
            "say what to change: --fact field=value, --drop field, or --file with a draft"
        )
    if verdict != "amend" and changes:
        raise typer.BadParameter(f"--fact, --drop and --file belong to amend, not to {verdict}")


def _amended(draft: Document, facts: list[str], drop: list[str]) -> Document:
    kept = dict(draft.get("facts", {}))
    for field in drop:
        if field not in kept:
            raise typer.BadParameter(f"the draft sets no {field!r}; it sets {', '.join(kept) or 'no fact'}")
        del kept[field]
    return {**draft, "facts": kept | dict(fact_of(text) for text in facts)}


def _get(api: Api, identifier: str) -> Document:
    return api.get(f"proposals/{identifier}/")


def _about(row: Document) -> str:
    return str(row["model"] or row["draft"].get("id"))


def _print(row: Document, as_json: bool) -> None:
    if as_json:
        print(json.dumps(row, indent=1, ensure_ascii=False))
        return
    print(f"{row['kind']} {_about(row)}: {row['state']}")
    print(f"  proposed      {row['proposed_at'][:10]} by {row['proposed_by']}: {row['reason']}")
    for line in _draft_lines(row["amended_draft"] or row["draft"]):
        print(f"  {line}")
    for line in resemblances(row):
        print(f"  {line}")
    if row["decided_at"]:
        print(
            f"  decided       {row['decided_at'][:10]} by {row['decided_by']}: {row['decision'] or 'no reason given'}"
        )
    print(f"  page          {row['html_url']}")


def _draft_lines(draft: Document) -> list[str]:
    named = [(field, value) for field, value in draft.get("facts", {}).items()]
    for edge in draft.get("edges", []):
        methods = f" ({', '.join(edge['methods'])})" if edge.get("methods") else ""
        withdrawn = "withdraw " if edge.get("withdraw") else ""
        named.append((edge["kind"], f"{withdrawn}{edge['parent']}{methods}"))
    named.append(("tensors", draft.get("tensors_digest")))
    named.append(("files", ", ".join(draft.get("file_digests") or [])))
    named.append(("source", " ".join(filter(None, (draft["source"], draft.get("source_url"))))))
    return [f"{name:13} {value}" for name, value in named if value]
