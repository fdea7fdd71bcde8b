"""Answers a command that was answered before, from its own document, without reading a model or starting a process.

A document is kept with what it was made of: the arguments, every file of the models' folders and of the runs, and the
code that wrote it. Files are compared as git compares its index: by size, inode and times, and not at all when they
changed so shortly before they were read that a second change might have the same time. Where anything has changed,
intake looks again; so it does at models by id, but for the shipped ones: an id may mean something else tomorrow.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import evaluation
from evaluation.demo import shipped

FOLDER = "documents"
SETTINGS = ("ZOO_DATASETS_DIR", "ZOO_MODELS_DIR", "HF_HUB_OFFLINE")
LIBRARIES = ("numpy", "scipy")
"""What computes the numbers of a document, beside our own code."""
SETTLED_SECONDS = 2.0
"""Age from which a change is told from a later one by its time on any file system."""

Looks = dict[str, list[int]]
"""Size, inode, times of change of content and of entry (ns) of each file, by its absolute path."""


@dataclass(frozen=True, slots=True)
class Question:
    """A command's arguments, the models' folders as they were when it was asked, and where its document is kept."""

    place: Path
    arguments: str
    models: Looks
    asked_at: float
    """Seconds since the epoch."""

    def document(self) -> dict[str, Any] | None:
        """The document from before, if nothing that it was made of has changed since."""
        try:
            kept = json.loads(self.place.read_bytes())
            same = (
                kept["arguments"] == self.arguments
                and kept["code"] == _code()
                and kept["models"] == self.models
                and kept["runs"] == _looks(map(Path, kept["runs"]))
            )
            document = kept["document"] if same else None
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return document if isinstance(document, dict) else None

    def keep(self, document: Mapping[str, Any], runs: Iterable[Path]) -> None:
        """Keeps the document, unless a model's files have changed since, or so late before that nobody could tell."""
        if self.models != _of_folders(map(Path, {os.path.dirname(path) for path in self.models})):
            return
        settled = (self.asked_at - SETTLED_SECONDS) * 1e9
        if any(max(times) > settled for _, _, *times in self.models.values()):
            return
        kept = {
            "arguments": self.arguments,
            "code": _code(),
            "models": self.models,
            "runs": _of_folders(runs),
            "document": document,
        }
        self.place.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.place.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps(kept), encoding="utf-8")
        os.replace(temporary, self.place)


def question(
    arguments: Mapping[str, Any], models: Iterable[str | None], home: Path, *, now: float
) -> Question | None:
    """What is asked at ``now`` (s), of models in folders; None where one is an id. Raises OSError of a folder."""
    folders = [_folder(model) for model in models if model is not None]
    if None in folders:
        return None
    said = json.dumps(
        {**arguments, **{name: os.environ.get(name) for name in SETTINGS}}, sort_keys=True, default=str
    )
    name = hashlib.sha256(said.encode()).hexdigest()[:32]
    return Question(home / FOLDER / f"{name}.json", said, _of_folders(filter(None, folders)), now)


def _folder(model: str) -> Path | None:
    """The folder that a directory or the id of a shipped model names; None for other ids."""
    path = Path(model).expanduser()
    if path.is_dir():
        return path.resolve()
    return shipped.model_directory(model) if model in shipped.SHIPPED else None


def _of_folders(folders: Iterable[Path]) -> Looks:
    """All files of the folders; what lies deeper is no part of a model or a result."""
    return _looks(path for folder in folders for path in folder.iterdir() if path.is_file())


def _looks(paths: Iterable[Path]) -> Looks:
    found: Looks = {}
    for path in paths:
        facts = path.stat()
        found[str(path.absolute())] = [facts.st_size, facts.st_ino, facts.st_mtime_ns, facts.st_ctime_ns]
    return found


def _code() -> str:
    """Digest over our code and data as they lie on the disk, and the versions of what computes beside them."""
    root = Path(evaluation.__file__).parent
    lines = [f"{name} {_version(name)}" for name in LIBRARIES]
    for folder, inner, files in os.walk(root):
        inner[:] = sorted(name for name in inner if name != "__pycache__")
        for name in sorted(files):
            facts = os.stat(os.path.join(folder, name))
            lines.append(f"{folder}/{name} {facts.st_size} {facts.st_mtime_ns}")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"
