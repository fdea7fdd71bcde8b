"""Carries the journal of a run from one machine to the next, so that it goes on from its last finished task.

What a runner wrote is data: only plain files of the journal's folder are packed, through no link, and only
plain names are unpacked.
"""

from __future__ import annotations

import os
import stat
import tarfile
from pathlib import Path

from evaluation.exchange import MAX_JOURNAL_BYTES
from evaluation.runners.journal import FOLDER

MAX_FILES = 1000


def pack(output: Path, archive: Path) -> bool:
    """Packs the journal in a run's output folder; False when there is none, or it is too large to carry."""
    folder = output / FOLDER
    if not folder.is_dir() or folder.is_symlink():
        return False
    names = [name for name in sorted(os.listdir(folder)) if not name.endswith(".part")][:MAX_FILES]
    size = 0
    with tarfile.open(archive, "w:gz", compresslevel=3) as tar:
        for name in names:
            descriptor = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with os.fdopen(descriptor, "rb") as file:
                facts = os.fstat(descriptor)
                size += facts.st_size
                if not stat.S_ISREG(facts.st_mode) or size > MAX_JOURNAL_BYTES:
                    return False
                member = tarfile.TarInfo(name)
                member.size = facts.st_size
                tar.addfile(member, file)
    return archive.stat().st_size <= MAX_JOURNAL_BYTES


def unpack(archive: Path, output: Path) -> None:
    """Lays a packed journal into a run's output folder. Raises ValueError when it is not one of ours."""
    folder = output / FOLDER
    folder.mkdir(parents=True)
    size = 0
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for number, member in enumerate(tar):
                size += member.size
                plain = (
                    member.isreg() and member.name == os.path.basename(member.name) and member.name[:1] != "."
                )
                if not plain or number >= MAX_FILES or size > MAX_JOURNAL_BYTES:
                    raise ValueError("the journal holds something that does not belong there")
                tar.extract(member, folder, filter="data")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ValueError(f"the journal cannot be read: {error}") from error
