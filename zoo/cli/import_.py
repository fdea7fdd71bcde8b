"""``zoo import REF``: a model into this site's catalog, or scores that others measured about one that is there.

Runs where the database is; scores may also go to a server. Weights are never loaded: of a hub's model only the small
files and the headers are read.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zoo.cli import scores
from zoo.cli.main import FAILED

if TYPE_CHECKING:
    from zoo.catalog.imports import Description
    from zoo.lineage.importing import Imported


def import_(
    ref: Annotated[
        str,
        typer.Argument(
            help="org/name[@revision] of a hub, a directory, a card (README.md), or a file of scores "
            "(lm-eval's results.json, .eval_results YAML)."
        ),
    ],
    id: Annotated[
        str, typer.Option(help="The id in the catalog, org/name; needed for a directory or a card.")
    ] = "",
    kind: Annotated[str, typer.Option(help="model, dataset or api; for new entries.")] = "model",
    source: Annotated[str, typer.Option(help="Of scores: who measured them.")] = "",
    source_url: Annotated[str, typer.Option(help="Of scores: where the file is from.")] = "",
    to_server: Annotated[
        bool, typer.Option("--to-server", help="Of scores: send them to the server of ZOO_URL.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The outcome as JSON on stdout.")] = False,
) -> None:
    """Record a model as it is published, or scores from somebody's result file."""
    if Path(ref).suffix.lower() in (".json", ".yaml", ".yml") and Path(ref).is_file():
        _need(id, ref)
        scores.bring(Path(ref), id, source, source_url, to_server=to_server, as_json=as_json)
        return
    from zoo.cli.token import _set_up

    _set_up()
    from django.conf import settings
    from django.utils import timezone

    from evaluation.formats.errors import FormatError
    from zoo.catalog.models import Kind
    from zoo.lineage.importing import record_model

    if kind not in Kind.values:
        raise typer.BadParameter(f"a kind is one of {', '.join(Kind.values)}")
    try:
        reference, described = describe(ref, id, settings.ZOO_MODELS_DIR)
        done = record_model(
            reference=reference, description=described, acting_user=None, now=timezone.now(), kind=Kind(kind)
        )
    except FormatError as error:
        print(f"{error.message} {error.remedy}".strip(), file=sys.stderr)
        raise typer.Exit(FAILED) from error
    if as_json:
        print(json.dumps(_document(done), ensure_ascii=False))
    else:
        _show(done)


def describe(ref: str, reference: str, mirror: Path | None) -> tuple[str, Description]:
    """The id in the catalog, and what the files say. A mirror (ZOO_MODELS_DIR) is looked up before the hub."""
    from zoo.catalog import imports, references
    from zoo.catalog.imports.hub import describe_hub

    path = Path(ref).expanduser()
    if path.is_file():
        _need(reference, ref)
        return reference, imports.describe_card(path.read_bytes())
    if path.is_dir():
        _need(reference, ref)
        return reference, imports.describe_folder(path.resolve())
    name, _, revision = ref.partition("@")
    parsed = references.parse(name)
    if mirror is not None and (mirror / parsed.organization / parsed.name).is_dir():
        return reference or name, imports.describe_folder(mirror / parsed.organization / parsed.name)
    return reference or name, describe_hub(name, revision or "main")


def _need(reference: str, ref: str) -> None:
    if not reference:
        raise typer.BadParameter(f"{ref} is a file or folder: say what it is called with --id org/name")


def _document(done: Imported) -> dict[str, object]:
    return {
        "model": done.model.slug,
        "revision": done.revision.label,
        "new_model": done.is_new_model,
        "new_revision": done.is_new_revision,
        "parameters": done.revision.parameters,
        "architecture": done.revision.architecture,
        "license": done.revision.license_declared,
        "tokenizer_digest": done.revision.tokenizer_digest,
        "tensors_digest": done.revision.tensors_digest,
        "resembles": [model.slug for model in done.resembling],
        "to_confirm": list(done.hints),
        "notes": list(done.notes),
    }


def _show(done: Imported) -> None:
    state = "recorded" if done.is_new_revision else "already known"
    print(f"{done.model.slug} at {done.revision.label}: {state}")
    for label, value in (
        ("parameters", f"{done.revision.parameters:,}" if done.revision.parameters else ""),
        ("architecture", done.revision.architecture),
        ("license", done.revision.license_declared),
        ("tokenizer", done.revision.tokenizer_digest),
    ):
        print(f"  {label:13} {value or 'unknown'}")
    for model in done.resembling:
        print(f"  resembles     {model.slug}")
    for hint in done.hints:
        print(f"  to confirm    {hint}")
    for note in done.notes:
        print(f"  note          {note}")
