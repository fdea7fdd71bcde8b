"""``zoo verify RELEASE``: checks a release of any server, from the outside, and recomputes it from its samples."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

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
    """Check a release: signature, digest, chain to its head, recorded results, and the numbers from the samples."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "zoo.settings.local")
    from zoo.publishing import verifying

    api = f"{url.rstrip('/')}/api/v1"
    base = f"{api}/releases"
    with httpx.Client(timeout=60) as client:
        document = _get(client, f"{base}/{release}/").json()
        end = _get(client, f"{base}/key/").json()
        findings = verifying.check(
            document,
            public_key=key.read_text() if key else end["public_key"],
            results=_get(client, f"{base}/{release}/results/").json(),
            previous=_previous(client, api, document["document"]["evidence"]),
            samples={
                side: _get(client, f"{base}/{release}/samples/{side}/").content for side in verifying.SIDES
            },
            later=_later(client, base, document["sequence"]),
            head=end["head"],
        )
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


def _previous(client: httpx.Client, api: str, evidence: dict[str, Any]) -> dict[str, str]:
    """The hash before each side's recorded result, in the chain of results."""
    found = {}
    for side, known in evidence.items():
        result = _get(client, f"{api}/runs/{known['run']}/").json()["result"]
        found[side] = str(result["previous_hash"])
    return found


def _later(client: httpx.Client, base: str, sequence: int) -> list[dict[str, Any]]:
    """The rows of the releases after one; the list begins with the newest."""
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = _get(client, f"{base}/?page_size=100{cursor}").json()
        found += [row for row in page["results"] if row["sequence"] > sequence]
        following = httpx.URL(page["next"] or "").params.get("cursor")
        if not following or page["results"][-1]["sequence"] <= sequence:
            return found
        cursor = f"&cursor={quote(following)}"


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
