"""Scores from somebody's result file into a catalog: that of this machine, or through a server's API."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer


def bring(path: Path, model: str, source: str, source_url: str, *, to_server: bool, as_json: bool) -> None:
    """Imports the file and prints what was taken from it."""
    if not source:
        raise typer.BadParameter("say with --source who measured these scores")
    done = (_send if to_server else _store)(path, model, source, source_url)
    if as_json:
        print(json.dumps(done, ensure_ascii=False))
        return
    print(f"{done['model']}: {len(done['scores'])} scores imported from {done['source']} ({done['format']})")


def _send(path: Path, model: str, source: str, source_url: str) -> dict[str, Any]:
    from zoo.cli.submit import connected

    body = {"content": path.read_text("utf-8", "replace"), "source": source}
    with connected() as api:
        return api.post(f"models/{model}/imports/", body | ({"source_url": source_url} if source_url else {}))


def _store(path: Path, model: str, source: str, source_url: str) -> dict[str, Any]:
    from zoo.cli.token import _set_up

    _set_up()
    from django.utils import timezone

    from zoo.catalog.selectors import get_model
    from zoo.publishing import importing

    file = importing.bring(
        model=get_model(model),
        content=path.read_bytes(),
        source=source,
        source_url=source_url,
        acting_user=None,
        now=timezone.now(),
    ).file
    shown = [{"task": row.task, "metric": row.metric, "value": row.value} for row in file.scores.all()]
    return {"model": model, "id": str(file.pk), "format": file.format, "source": file.source, "scores": shown}
