"""The artifact store: files addressed by their SHA-256 in a folder or behind any fsspec address.

Nothing is ever addressed by a path that a user gave. A file is there completely or not at all.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import uuid
from typing import BinaryIO, cast

import fsspec
from django.conf import settings

_DIGEST = re.compile(r"[0-9a-f]{64}")
_BLOCK = 1024 * 1024


class WrongDigest(ValueError):
    """The bytes that arrived are not the bytes that were announced."""


def put(source: BinaryIO, *, sha256: str, max_bytes: int) -> int:
    """Stores the stream under its digest and returns its size in bytes. Storing it again is harmless.

    Raises WrongDigest when the content is another or longer than ``max_bytes``; nothing is left behind then.
    """
    filesystem, target = _locate(sha256)
    filesystem.makedirs(target.rsplit("/", 1)[0], exist_ok=True)
    part = f"{target}.{uuid.uuid4().hex}.part"
    try:
        with filesystem.open(part, "wb") as sink:
            size, found = _copy(source, sink, max_bytes)
        if found != sha256:
            raise WrongDigest(f"announced {sha256}, received {found}")
        filesystem.mv(part, target)
    except BaseException:
        if filesystem.exists(part):
            filesystem.rm(part)
        raise
    return size


def open_artifact(sha256: str) -> BinaryIO:
    """Opens the stored file for reading. Raises FileNotFoundError."""
    filesystem, target = _locate(sha256)
    return cast(BinaryIO, filesystem.open(target, "rb"))


def exists(sha256: str) -> bool:
    """Whether the store holds the file."""
    filesystem, target = _locate(sha256)
    return bool(filesystem.exists(target))


def remove(sha256: str) -> None:
    """Removes the file, if it is there. Only for what no row names any more."""
    filesystem, target = _locate(sha256)
    with contextlib.suppress(FileNotFoundError):
        filesystem.rm(target)


def _locate(sha256: str) -> tuple[fsspec.AbstractFileSystem, str]:
    if not _DIGEST.fullmatch(sha256):
        raise ValueError("an artifact is addressed by its SHA-256 in hex")
    # Other processes write too: what a listing said a moment ago proves nothing.
    filesystem, root = fsspec.core.url_to_fs(settings.ZOO_ARTIFACTS, use_listings_cache=False)
    return filesystem, f"{root.rstrip('/')}/{sha256[:2]}/{sha256}"


def _copy(source: BinaryIO, sink: BinaryIO, max_bytes: int) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    while block := source.read(_BLOCK):
        size += len(block)
        if size > max_bytes:
            raise WrongDigest(f"longer than the {max_bytes} bytes allowed")
        digest.update(block)
        sink.write(block)
    return size, digest.hexdigest()
