"""Answers a command that was answered before, from its own document, without reading a model or starting a process.

The document is kept with all that it was made of: the arguments, the files of the models and of the runs, the code.
Where anything of that has changed, intake looks again; so it does at models by id, but for the shipped ones, since an
id may mean something else tomorrow.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from evaluation.demo import shipped
from evaluation.formats.unchanged import Finding, finding

FOLDER = "documents"
SETTINGS = ("ZOO_DATASETS_DIR", "ZOO_MODELS_DIR", "HF_HUB_OFFLINE")


def question(
    arguments: Mapping[str, Any], models: Iterable[str | None], home: Path, *, now: float
) -> Finding | None:
    """Where the document of a command is kept, asked at ``now`` (s); None where one of the models is an id.

    Raises OSError of a model's folder.
    """
    folders = [_folder(model) for model in models if model is not None]
    if None in folders:
        return None
    settings = {name: os.environ.get(name) for name in SETTINGS}
    about = json.dumps({**arguments, **settings}, sort_keys=True, default=str)
    name = hashlib.sha256(about.encode()).hexdigest()[:32]
    return finding(home / FOLDER / f"{name}.json", about, filter(None, folders), now=now)


def _folder(model: str) -> Path | None:
    """The folder that a directory or the id of a shipped model names; None for other ids."""
    path = Path(model).expanduser()
    if path.is_dir():
        return path.resolve()
    return shipped.model_directory(model) if model in shipped.SHIPPED else None
