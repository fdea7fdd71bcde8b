"""A small disk for a fleet, so that it can be full: a file system in memory, where the machine lets one be mounted."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

SIZE = "1400m"
"""A worker takes no work with less than a gibibyte free."""
BLOCK = b"\0" * 4096


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """Mounts a small disk at the folder, and says whether it could. It needs root."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=755", "tmpfs", str(folder)]
    mounted = os.geteuid() == 0 and subprocess.run(command, capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=False)


def fill(folder: Path, seconds: float) -> None:
    """Takes every byte of the folder's disk for so long. Never called but on a small disk."""
    assert folder.is_mount(), "only a disk of our own is filled"
    ballast = folder / "ballast"
    try:
        with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(folder).free - len(BLOCK))
            file.seek(0, os.SEEK_END)
            while True:
                file.write(BLOCK)
        time.sleep(seconds)
    finally:
        ballast.unlink(missing_ok=True)
