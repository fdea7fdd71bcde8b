"""Models in folders of this machine: found in a directory or a mirror, read or copied while they are digested.

A symbolic link, a device or a pipe is never followed or opened.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Collection
from pathlib import Path
from typing import NamedTuple, Protocol

from evaluation.contract import ModelSource
from evaluation.formats.errors import FormatError
from evaluation.formats.files import rule_for, too_large
from evaluation.formats.folder import open_plain

BLOCK = 4 << 20


class Counter(Protocol):
    """What is told how far reading is."""

    def begin(self, file: str) -> None:
        """The next file."""

    def advance(self, count: int) -> None:
        """So many bytes more."""


class Taken(NamedTuple):
    """A file as it was published."""

    sha256: str
    size: int


def find(source: ModelSource, models_dir: str | None) -> Path | None:
    """The local folder of a source: the one it names, else ``org/name`` in the mirror if it is there.

    Raises FormatError (``directory_missing``) when a named folder is none.
    """
    if source.directory is not None:
        directory = Path(source.directory)
        if not directory.is_dir():
            raise FormatError(
                "directory_missing", f"There is no folder for {source.name} where it should be."
            )
        return directory.resolve()
    if models_dir is None:
        return None
    mirrored = Path(models_dir) / source.name
    return mirrored.resolve() if mirrored.is_dir() else None


def read(folder: Path, name: str, counter: Counter) -> Taken:
    """Digest and size of a file."""
    return _take(folder, name, counter, lambda block: None)


def copy(folder: Path, target: Path, name: str, counter: Counter) -> Taken:
    """Copies a file into a new one of the same name, and gives the digest of what was copied."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(target / name, flags, 0o600), "wb") as file:
        return _take(folder, name, counter, file.write)


def _take(folder: Path, name: str, counter: Counter, use: Callable[[bytes], object]) -> Taken:
    counter.begin(name)
    rule = rule_for(name)
    limit = rule.max_bytes if rule is not None else 0
    digest, count = hashlib.sha256(), 0
    with open_plain(folder, name) as file:
        while block := file.read(BLOCK):
            count += len(block)
            if count > limit:
                raise too_large(name, count, limit)
            digest.update(block)
            use(block)
            counter.advance(len(block))
    return Taken(digest.hexdigest(), count)


def replace(path: Path, content: bytes) -> None:
    """Puts other content in the place of a file."""
    temporary = path.with_name(path.name + ".new")
    temporary.write_bytes(content)
    os.replace(temporary, path)


def empty(folder: Path) -> None:
    """Removes everything in a folder of ours."""
    keep_only(folder, ())


def keep_only(folder: Path, names: Collection[str]) -> None:
    """Removes everything in a folder of ours but the named files."""
    for entry in list(os.scandir(folder)):
        if entry.name in names:
            continue
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)
