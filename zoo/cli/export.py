"""``zoo export MODEL --format F``: a model in a format that other tools read, from a server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import httpx
import typer

from zoo.core.errors import Invalid


def export(
    model: Annotated[str, typer.Argument(help="A model's id, org/name.")],
    format: Annotated[
        str, typer.Option(help="card, model-index, eval-results, cyclonedx, spdx or json-ld.")
    ] = "card",
    output: Annotated[Path | None, typer.Option(help="A file; else stdout.")] = None,
    url: Annotated[str, typer.Option(envvar="ZOO_URL", help="The server.")] = "http://127.0.0.1:8000",
) -> None:
    """Write a model's card, scores or bill of materials."""
    address = f"{url.rstrip('/')}/api/v1/models/{model}/export/{format}/"
    try:
        response = httpx.get(address, timeout=30)
    except httpx.HTTPError as error:
        raise Invalid(
            f"the server does not answer: {error}", remedy="Set ZOO_URL, or start it: zoo up."
        ) from error
    if response.is_error:
        problem = response.json() if "json" in response.headers.get("content-type", "") else {}
        detail = problem.get("detail", f"the server answered {response.status_code}")
        raise Invalid(detail, remedy=problem.get("remedy", ""))
    if output is None:
        print(response.text)
    else:
        output.write_text(response.text, encoding="utf-8")
