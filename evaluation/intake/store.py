"""The cache of models: one read-only folder per digest, put there whole or not at all.

Layout: ``models/<digest>/`` with the folder ``model`` and ``intake.json``; ``staging/`` for what is coming; ``known/``
says which digest a commit of a hub's model has, so that a known one needs no network.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from evaluation.contract import ModelSource, digest_of
from evaluation.formats.intake import REPORT_NAME, IntakeReport

MODEL_FOLDER = "model"
SPARE_BYTES = 512 << 20
"""Left free on the disk beside the model."""
IN_USE_SECONDS = 24 * 3600
"""A model asked for within this time may be in use by a run."""


@dataclass(frozen=True, slots=True)
class Store:
    """The cache below one folder."""

    root: Path

    @contextlib.contextmanager
    def locked(self, key: str) -> Iterator[Path]:
        """A staging folder that is ours alone while this holds; what a dead process left in it is still there."""
        locks = self._made("locks")
        with (locks / key).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            staging = self._made("staging") / key
            staging.mkdir(mode=0o700, exist_ok=True)
            yield staging

    def known(self, key: str) -> IntakeReport | None:
        """The report of a source that was let in before, if its folder is still whole."""
        path = self._made("known") / key
        if not path.is_file():
            return None
        return self.find(path.read_text()[:64])

    def find(self, digest: str) -> IntakeReport | None:
        """The report of the model with this digest, if it is here and its files have their sizes."""
        if len(digest) != 64 or not all(letter in "0123456789abcdef" for letter in digest):
            return None
        place = self.root / "models" / digest
        try:
            report = IntakeReport.model_validate_json((place / REPORT_NAME).read_bytes())
        except (OSError, ValidationError, ValueError):
            return None
        if report.manifest is None:
            return None
        for file in report.manifest.files:
            try:
                facts = os.lstat(place / MODEL_FOLDER / file.name)
            except OSError:
                return None
            whole = facts.st_size == file.size or file.stored_sha256 is not None
            if not stat.S_ISREG(facts.st_mode) or not whole:
                return None
        os.utime(place / REPORT_NAME)
        return self._at_home(report, digest)

    def keep(self, staging: Path, digest: str, key: str, report: IntakeReport) -> IntakeReport:
        """Moves the staged files to their place, read-only, and gives the report with that place."""
        place = self._made("models") / digest
        if self.find(digest) is None:
            # A broken entry is in nobody's use: runners were only ever given whole ones.
            _remove(place)
            moving = self.root / "models" / f".{digest}.{os.getpid()}"
            _remove(moving)
            moving.mkdir(mode=0o755)
            os.rename(staging, moving / MODEL_FOLDER)
            (moving / REPORT_NAME).write_bytes(report.model_dump_json(indent=1).encode())
            _make_read_only(moving)
            os.rename(moving, place)
        else:
            _remove(staging)
        known = self._made("known") / key
        temporary = known.with_name(f"{key}.{os.getpid()}.part")
        temporary.write_text(digest)
        os.replace(temporary, known)
        return self._at_home(report, digest)

    def _at_home(self, report: IntakeReport, digest: str) -> IntakeReport:
        """The report with the folder in this cache as the directory of its source."""
        directory = str(self.root / "models" / digest / MODEL_FOLDER)
        source = report.source.model_copy(update={"directory": directory, "digest": digest})
        return report.model_copy(update={"source": source})

    def has_room_for(self, count: int) -> bool:
        """Whether the disk can take so many bytes more."""
        return shutil.disk_usage(self._made("staging")).free > count + SPARE_BYTES

    def make_room_for(self, count: int, *, now: float) -> bool:
        """Removes models that nobody asked for within a day, oldest first, until the disk can take so many bytes."""
        for used, place in sorted((_last_use(place), place) for place in self._made("models").iterdir()):
            if self.has_room_for(count) or now - used < IN_USE_SECONDS:
                break
            _remove(place)
        return self.has_room_for(count)

    def _made(self, name: str) -> Path:
        folder = self.root / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def _last_use(place: Path) -> float:
    """When the model was last asked for, in seconds since the epoch; now for one that is just being put there."""
    try:
        return (place / REPORT_NAME).stat().st_mtime
    except OSError:
        return time.time()


def key_of(source: ModelSource, place: str) -> str:
    """Short name of a source: which model, which revision, which file, from where (32 hex digits)."""
    parts = {"name": source.name, "revision": source.revision, "gguf": source.gguf_file, "from": place}
    parts["format"] = source.weights_format.value
    return hashlib.sha256(digest_of(parts).encode()).hexdigest()[:32]


def _make_read_only(place: Path) -> None:
    """World-readable, so that a run under another user can read it, and writable for nobody."""
    for folder, folders, files in os.walk(place):
        for name in files:
            os.chmod(os.path.join(folder, name), 0o444)
        for name in folders:
            os.chmod(os.path.join(folder, name), 0o555)  # noqa: S103 (a run's user must get in)


def _remove(path: Path) -> None:
    """Removes a folder of ours, also one that was made read-only."""
    if not path.exists():
        return
    for folder, folders, _ in os.walk(path):
        for name in folders:
            os.chmod(os.path.join(folder, name), 0o700)
    shutil.rmtree(path)
