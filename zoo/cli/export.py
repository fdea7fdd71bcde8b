"""``zoo export MODEL --format F``: a model, or with ``--run`` a finished run, in a format that other tools read."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from zoo.cli.submit import connected


def export(
    model: Annotated[str, typer.Argument(help="A model's id, org/name; with --run the id of a run.")],
    format: Annotated[
        str,
        typer.Option(
            help="card, model-index, eval-results, cyclonedx, spdx or json-ld; "
            "of a run: lm-eval, lm-eval-samples, lm-eval-zip, every-eval-ever or every-eval-ever-samples."
        ),
    ] = "",
    run: Annotated[bool, typer.Option("--run", help="Export a run instead of a model.")] = False,
    task: Annotated[str | None, typer.Option(help="For lm-eval-samples: which task.")] = None,
    output: Annotated[Path | None, typer.Option(help="A file; else stdout.")] = None,
    url: Annotated[str | None, typer.Option(help="The server; else ZOO_URL.")] = None,
) -> None:
    """Write a model's card, scores or bill of materials, or a run in the harness's own files."""
    if url:
        os.environ["ZOO_URL"] = url
    kind, chosen = ("runs", format or "lm-eval") if run else ("models", format or "card")
    with connected() as api:
        body = api.fetch(f"{kind}/{model}/export/{chosen}/", {"task": task})
    if output is None:
        sys.stdout.buffer.write(body)
        sys.stdout.buffer.flush()
    else:
        output.write_bytes(body)
