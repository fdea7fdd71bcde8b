"""Remembers what was found out about files, for as long as they and the code that found it out stay as they were.

Files are compared as git compares its index: by size, inode and times, without reading them. What changed so shortly
before it was looked at that a second change might have the same time is not remembered.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

LIBRARIES = ("numpy", "scipy")
"""What computes beside our own code."""
SETTLED_SECONDS = 2.0
"""Age from which a change is told from a later one by its time on any file system."""

Looks = dict[str, list[int]]
"""Size, inode, times of change of content and of entry (ns) of each file, by its absolute path."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Where something found out ``about`` files is kept. ``sources`` are these as they were at ``looked_at`` (s)."""

    place: Path
    about: str
    folders: tuple[Path, ...]
    sources: Looks
    looked_at: float

    def recall(self) -> Any | None:
        """What was found before, if nothing of it has changed since; None where nothing was."""
        try:
            kept = json.loads(self.place.read_bytes())
            same = (
                kept["about"] == self.about
                and kept["code"] == _code()
                and kept["sources"] == self.sources
                and kept["results"] == _looks(map(Path, kept["results"]))
            )
            return kept["found"] if same else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, found: Any, results: Iterable[Path] = ()) -> None:
        """Keeps what was found, a JSON value, unless the sources have changed meanwhile or are too new to tell.

        ``results`` are folders of files that it was made of beside the sources. Raises OSError.
        """
        settled = (self.looked_at - SETTLED_SECONDS) * 1e9
        if self.sources != _of_folders(self.folders):
            return
        if any(max(times) > settled for _, _, *times in self.sources.values()):
            return
        kept = {
            "about": self.about,
            "code": _code(),
            "sources": self.sources,
            "results": _of_folders(results),
            "found": found,
        }
        self.place.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.place.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps(kept), encoding="utf-8")
        os.replace(temporary, self.place)


def finding(place: Path, about: str, folders: Iterable[Path], *, now: float) -> Finding:
    """A finding about all files that lie right in these folders now (s). Raises OSError of a folder."""
    chosen = tuple(folders)
    return Finding(place, about, chosen, _of_folders(chosen), now)


def _of_folders(folders: Iterable[Path]) -> Looks:
    return _looks(path for folder in folders for path in folder.iterdir() if path.is_file())


def _looks(paths: Iterable[Path]) -> Looks:
    found: Looks = {}
    for path in paths:
        facts = path.stat()
        found[str(path.absolute())] = [facts.st_size, facts.st_ino, facts.st_mtime_ns, facts.st_ctime_ns]
    return found


def _code() -> str:
    """Digest over our code and data as they lie on the disk, and the versions of what computes beside them."""
    lines = [f"{name} {_version(name)}" for name in LIBRARIES]
    for folder, inner, files in os.walk(Path(__file__).parents[1]):
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
