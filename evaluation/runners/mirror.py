"""Finds data sets in a local mirror before the hub, and keeps ``datasets`` from mixing two mirrors up.

A mirror is laid out ``org/name``. ``datasets`` keys its cache by a data set's name, not by its content, so
two mirrors with one name would serve each other's rows; here every folder gets a cache named after the
digest of its files. ``install`` must run before the harness is imported.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from evaluation.runners.base import RunFailed, platform_failure

CHUNK = 1 << 20


def folder_digest(folder: Path) -> str:
    """SHA-256 (hex) over names and contents of all files below a folder, links followed, hidden ones left out."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if not path.is_file() or any(part.startswith(".") for part in relative.parts):
            continue
        digest.update(f"{relative.as_posix()}\x00{path.stat().st_size}\x00".encode())
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
    return digest.hexdigest()


class Mirror:
    """A folder of data sets, ``org/name``, with a cache for each by content."""

    def __init__(self, root: Path | None, cache: Path) -> None:
        self._root = root.resolve() if root is not None else None
        self._cache = cache / "datasets"
        self._digests: dict[Path, str] = {}
        self.used: dict[str, str] = {}
        """Digest of each data set that was read from the mirror, by name."""

    def find(self, name: str) -> Path | None:
        """The folder of a data set, or None. A name that leads out of the mirror is not found."""
        if self._root is None or not name or Path(name).is_absolute():
            return None
        folder = (self._root / name).resolve()
        return (
            folder if folder.is_dir() and folder.is_relative_to(self._root) and folder != self._root else None
        )

    def cache_of(self, folder: Path) -> Path:
        """The cache folder that belongs to the content of a data set."""
        if folder not in self._digests:
            self._digests[folder] = folder_digest(folder)
        return self._cache / self._digests[folder][:32]

    def arguments(self, path: str, options: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """What to load instead of ``path``: the mirror's folder with its own cache, or the same as asked."""
        folder = self.find(path)
        if folder is None:
            return path, options
        cache = self.cache_of(folder)
        self.used[path] = self._digests[folder]
        # A folder has no revision; asking for one would be refused.
        kept = {key: value for key, value in options.items() if key not in ("revision", "token")}
        return str(folder), kept | {"cache_dir": str(cache)}


def install(mirror: Mirror) -> None:
    """Makes ``datasets.load_dataset`` of this process look into the mirror first.

    Code that took the function out of the module before this call keeps the old one.
    """
    import datasets

    original: Callable[..., Any] = inspect.unwrap(datasets.load_dataset)

    @functools.wraps(original)
    def load_dataset(path: str, name: str | None = None, **options: Any) -> Any:
        found, adjusted = mirror.arguments(path, options)
        try:
            return original(found, name, **adjusted)
        except (ConnectionError, FileNotFoundError, datasets.exceptions.DatasetNotFoundError) as error:
            raise dataset_missing(path, name, error) from error
        except ValueError as error:
            if "BuilderConfig" not in str(error):
                raise
            raise dataset_missing(path, name, error) from error

    datasets.load_dataset = load_dataset


def dataset_missing(path: str, name: str | None, error: Exception) -> RunFailed:
    """The failure for a data set that is not on this machine."""
    return platform_failure(
        "dataset_missing",
        f"The data set '{path}'{f' ({name})' if name else ''} is not on this worker: {type(error).__name__}.",
        f"Put it into the folder that ZOO_DATASETS_DIR names, as {path}/, or let the worker fetch it.",
    )
