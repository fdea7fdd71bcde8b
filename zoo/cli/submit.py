"""``zoo submit``, ``zoo runs`` and ``zoo show``: the service from the command line, through its REST API.

With ``--json`` the document alone goes to stdout; everything else goes to stderr.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from zoo.cli.client import Api, ApiProblem, Unreachable

USAGE, FAILED, NO, UNDECIDED = 64, 70, 1, 2


@contextmanager
def connected() -> Iterator[Api]:
    """The server of the environment; turns what it says against a request into a sentence and an exit code."""
    api = Api.of_environment()
    try:
        yield api
    except ApiProblem as problem:
        print(f"zoo: {problem}", file=sys.stderr)
        if problem.status == 401:
            print("     Set ZOO_TOKEN; 'zoo token create --scope submit' makes one.", file=sys.stderr)
        raise typer.Exit(USAGE if problem.status < 500 else FAILED) from None
    except Unreachable as error:
        print(f"zoo: {error}", file=sys.stderr)
        raise typer.Exit(FAILED) from None
    finally:
        api.close()


def submit(
    student: Annotated[str, typer.Argument(help="org/name or org/name@revision")],
    teacher: Annotated[str | None, typer.Option(help="Default: the one the catalog knows.")] = None,
    suite: Annotated[str | None, typer.Option(help="name or name@version")] = None,
    tasks: Annotated[str | None, typer.Option(help="Names, comma separated.")] = None,
    gguf_file: Annotated[
        str | None, typer.Option("--gguf_file", "--gguf-file", help="The student's GGUF file, of several.")
    ] = None,
    teacher_gguf_file: Annotated[
        str | None,
        typer.Option(
            "--teacher_gguf_file", "--teacher-gguf-file", help="The teacher's GGUF file, of several."
        ),
    ] = None,
    num_fewshot: Annotated[int | None, typer.Option("--num_fewshot")] = None,
    limit: Annotated[
        int | None, typer.Option(help="The first n documents of each task; never ranked.")
    ] = None,
    batch_size: Annotated[int | None, typer.Option("--batch_size")] = None,
    dtype: Annotated[str | None, typer.Option()] = None,
    seed: Annotated[int | None, typer.Option()] = None,
    apply_chat_template: Annotated[bool, typer.Option("--apply_chat_template")] = False,
    noise_floor: Annotated[
        bool, typer.Option("--noise-floor", help="Run the teacher again at another batch size.")
    ] = False,
    engine: Annotated[str | None, typer.Option(help="harness, causal, masked or vllm")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the end and show the comparison.")] = False,
    require_retention: Annotated[float | None, typer.Option("--require-retention", min=0, max=1.5)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The document on stdout.")] = False,
) -> None:
    """Submit a student to a zoo to be measured against its teacher."""
    if bool(suite) == bool(tasks):
        raise typer.BadParameter("name --suite or --tasks, one of the two")
    given: dict[str, Any] = {
        "student": student,
        "teacher": teacher,
        "gguf_file": gguf_file,
        "teacher_gguf_file": teacher_gguf_file,
        "suite": suite,
        "tasks": [name for name in tasks.split(",") if name] if tasks else None,
        "num_fewshot": num_fewshot,
        "limit": limit,
        "batch_size": batch_size,
        "dtype": dtype,
        "seed": seed,
        "apply_chat_template": apply_chat_template or None,
        "noise_floor": noise_floor or None,
        "engine": engine,
    }
    with connected() as api:
        made = api.post("submissions/", {name: value for name, value in given.items() if value is not None})
        print(f"submitted: {made['page_url']}", file=sys.stderr)
        if not wait:
            _print(made, as_json)
            return
        document = waited(api, made["id"])
    show_document(document, as_json)
    raise typer.Exit(_code(document, require_retention))


def waited(api: Api, submission: str) -> dict[str, Any]:
    """Follows a submission and gives its comparison (alone: the submission). Exits with 70 when it fails."""
    from zoo.cli.tables import Bars

    with Bars() as bars:
        done = api.follow(submission, tell=lambda found, runs: tell(bars, runs))
    if done["state"] != "succeeded":
        reason = done["reason"] or {}
        print(f"zoo: {done['state']}: {reason.get('message', '')}", file=sys.stderr)
        if reason.get("remedy"):
            print(f"     {reason['remedy']}", file=sys.stderr)
        raise typer.Exit(FAILED)
    if done["comparison"] is None:
        return done
    return api.get(f"comparisons/{done['comparison']}/")


def tell(bars: Any, runs: dict[str, dict[str, Any]]) -> None:
    """Shows the progress of runs on bars."""
    from evaluation.contract import Progress

    for role, run in runs.items():
        if run["progress"] is not None and run["state"] in ("fetching", "running"):
            bars.tell(role.removesuffix("_run"), Progress.model_validate(run["progress"]))


def show_document(document: dict[str, Any], as_json: bool) -> None:
    """Prints a comparison as a table or as JSON; anything else as JSON."""
    if as_json or "tasks" not in document:
        _print(document, True)
        return
    from zoo.cli.tables import show as show_table

    show_table(document)


def _code(document: dict[str, Any], required: float | None) -> int:
    """0 kept or nothing required; 1 not kept; 2 undecided or undefined."""
    if required is None:
        return 0
    retention = (document.get("overall") or {}).get("retention") or {}
    if retention.get("value") is None:
        return UNDECIDED
    if retention["ci_low"] >= required:
        return 0
    return NO if retention["ci_high"] < required else UNDECIDED


def runs(
    state: Annotated[str | None, typer.Option(help="Only runs in this state.")] = None,
    model: Annotated[str | None, typer.Option(help="Only runs of this model.")] = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """List the newest runs of a zoo."""
    import urllib.parse

    query = urllib.parse.urlencode({k: v for k, v in (("state", state), ("model", model)) if v})
    with connected() as api:
        page = api.get(f"runs/?{query}")
    if as_json:
        _print(page, True)
        return
    for run in page["results"]:
        what = run["suite"] or "tasks"
        print(f"{run['id']}  {run['state']:<10} {run['model']}  {what}")


def show(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="of a submission, a run or a comparison")],
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Show a submission, a run or a comparison of a zoo."""
    with connected() as api:
        for kind in ("comparisons", "submissions", "runs"):
            try:
                document = api.get(f"{kind}/{identifier}/")
            except ApiProblem as problem:
                if problem.status == 404 and kind != "runs":
                    continue
                raise
            if kind == "submissions" and document["comparison"] and not as_json:
                document = api.get(f"comparisons/{document['comparison']}/")
            show_document(document, as_json)
            return


def _print(document: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(document, indent=1))
    else:
        print(document["id"])
