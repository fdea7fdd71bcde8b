"""``zoo upload``: sends a model's folder to a zoo, part by part, and prints the name to submit it by.

It can be stopped and started again: what has come is not sent twice.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from zoo.cli.client import Api
from zoo.cli.submit import USAGE, connected


def upload(
    folder: Annotated[Path, typer.Argument(help="with config.json, tokenizer, and safetensors or GGUF")],
    label: Annotated[str | None, typer.Option(help="How the model is called; default: the folder.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The document on stdout.")] = False,
) -> None:
    """Send a model's files to a zoo. Prints the name that 'zoo submit' takes."""
    from evaluation.formats.errors import FormatError
    from evaluation.formats.files import select
    from evaluation.formats.folder import list_folder

    if not folder.is_dir():
        raise typer.BadParameter(f"{folder} is no folder")
    try:
        selection = select(list_folder(folder))
    except FormatError as error:
        print(f"zoo: {error.message}\n     {error.remedy}", file=sys.stderr)
        raise typer.Exit(USAGE) from None
    if selection.skipped:
        print(f"left out: {', '.join(selection.skipped[:10])}", file=sys.stderr)
    files = [
        {"name": name, "size": (folder / name).stat().st_size, "sha256": _digest(folder / name)}
        for name in selection.names
    ]
    given = {"label": label or _label(folder), "files": files}
    with connected() as api:
        made = api.post("uploads/", given)
        if made["state"] == "open":
            _send(api, folder, made)
            made = api.post(f"uploads/{made['id']}/complete/")
    print(f"complete; submit it with: zoo submit {made['reference']} --suite demo", file=sys.stderr)
    print(json.dumps(made, indent=1) if as_json else made["reference"])


def _label(folder: Path) -> str:
    """The folder's name as a label may be."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", folder.resolve().name).strip("-")[:60] or "model"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _send(api: Api, folder: Path, made: dict[str, Any]) -> None:
    """Sends what has not come yet, with a bar."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    console = Console(stderr=True)
    columns = (
        "{task.description}",
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("uploading", total=made["total_bytes"])
        for file in made["files"]:
            progress.update(bar, description=file["name"])
            progress.advance(bar, file["received"])
            for offset, part in _missing(folder / file["name"], file, made["part_bytes"]):
                digest = hashlib.sha256(part).hexdigest()
                where = {"file": file["name"], "offset": offset, "sha256": digest}
                api.put(f"uploads/{made['id']}/parts/", part, where)
                progress.advance(bar, len(part))


def _missing(path: Path, file: dict[str, Any], part_bytes: int) -> Iterator[tuple[int, bytes]]:
    """The parts that have not come, by where they begin."""
    there = set(file["offsets"])
    with path.open("rb") as opened:
        for offset in range(0, file["size"], part_bytes):
            if offset not in there:
                opened.seek(offset)
                yield offset, opened.read(part_bytes)
