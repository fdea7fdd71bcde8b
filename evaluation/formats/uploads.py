"""What strangers send, written as it comes: an archive, or a model's files one by one. Bounded; nothing half stays."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from evaluation.formats.errors import FormatError, shown
from evaluation.formats.files import MAX_FILES, MAX_TOTAL, rule_for
from evaluation.formats.names import check_file_name, collision_key


def receive(chunks: Iterator[bytes], path: Path, *, declared: int | None, max_bytes: int) -> int:
    """Writes what is sent to a new file and gives its size; on any refusal the file is gone again.

    Raises FormatError: ``upload_too_large``, or ``upload_size_differs`` when ``declared`` bytes were announced.
    """
    if declared is not None and declared > max_bytes:
        raise _upload_too_large(max_bytes)
    count = 0
    try:
        with create_new(path) as file:
            for chunk in chunks:
                count += len(chunk)
                if count > max_bytes:
                    raise _upload_too_large(max_bytes)
                if declared is not None and count > declared:
                    raise _differs(declared, "more")
                file.write(chunk)
        if declared is not None and count != declared:
            raise _differs(declared, f"{count}")
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return count


def receive_file(
    folder: Path, name: str, chunks: Iterator[bytes], *, declared: int | None, max_total: int = MAX_TOTAL
) -> int:
    """Receives one file of a model into the folder of its upload and gives its size.

    Raises FormatError: ``bad_file_name`` (also for one that is there already), ``file_not_taken`` for a name that no
    model's file has, ``too_many_files``, ``upload_too_large``, ``upload_size_differs``.
    """
    rule = rule_for(check_file_name(name))
    if rule is None:
        raise FormatError("file_not_taken", f"{shown(name)} is no file that a model needs here.")
    present = [entry for entry in os.scandir(folder) if entry.is_file(follow_symlinks=False)]
    if collision_key(name) in {collision_key(entry.name) for entry in present}:
        raise FormatError("bad_file_name", f"The upload has a file {shown(name)} already.")
    if len(present) >= MAX_FILES:
        raise FormatError("too_many_files", f"An upload may have {MAX_FILES} files.")
    left = max_total - sum(entry.stat(follow_symlinks=False).st_size for entry in present)
    return receive(chunks, folder / name, declared=declared, max_bytes=min(rule.max_bytes, left))


def create_new(path: Path) -> IO[bytes]:
    """Opens a file that is not there yet, for writing, through no link. Raises FileExistsError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, 0o600), "wb")


def _upload_too_large(limit: int) -> FormatError:
    return FormatError("upload_too_large", f"The upload is larger than {limit} bytes.")


def _differs(declared: int, sent: str) -> FormatError:
    return FormatError(
        "upload_size_differs",
        f"The upload announced {declared} bytes and had {sent}.",
        "Send the file again.",
    )
