"""``zoo verify RELEASE``: checks a release of any server, from the outside, and recomputes it from its samples."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import httpx
import typer

from zoo.core.errors import Invalid

FAILED = 70


def verify(
    release: Annotated[str, typer.Argument(help="The id of a release.")],
    url: Annotated[str, typer.Option(envvar="ZOO_URL", help="The server.")] = "http://127.0.0.1:8000",
    key: Annotated[
        Path | None, typer.Option(help="The instance's public key, kept by you; else the server's.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")] = False,
) -> None:
    """Check a release: signature, digest, chain, and its numbers recomputed from the samples."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "zoo.settings.local")
    from zoo.publishing import verifying

    base = f"{url.rstrip('/')}/api/v1/releases"
    with httpx.Client(timeout=60) as client:
        document = _get(client, f"{base}/{release}/").json()
        public_key = key.read_text() if key else _get(client, f"{base}/key/").json()["public_key"]
        results = _get(client, f"{base}/{release}/results/").json()
        samples = {
            side: _get(client, f"{base}/{release}/samples/{side}/").content for side in ("student", "teacher")
        }
    findings = verifying.check(document, public_key=public_key, results=results, samples=samples)
    if as_json:
        print(json.dumps([finding._asdict() for finding in findings], indent=2))
    for finding in findings:
        mark = "ok " if finding.holds else "NO "
        print(f"{mark} {finding.check}" + ("" if finding.holds else f": {finding.detail}"), file=sys.stderr)
    if key is None:
        print(
            "The key came from the server itself: keep a copy, and check against it with --key.",
            file=sys.stderr,
        )
    raise typer.Exit(0 if all(finding.holds for finding in findings) else 1)


def _get(client: httpx.Client, address: str) -> httpx.Response:
    try:
        response = client.get(address)
    except httpx.HTTPError as error:
        raise Invalid(
            f"the server does not answer: {error}", remedy="Set ZOO_URL, or start it: zoo up."
        ) from error
    if response.status_code == 404:
        raise Invalid("the server has no such release", remedy="GET /api/v1/releases/ lists them.")
    if response.is_error:
        raise Invalid(f"the server answered {response.status_code} for {address}")
    return response
