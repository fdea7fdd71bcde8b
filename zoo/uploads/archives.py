"""A model that comes as one archive: unpacked by a process of its own, then stored as if it had come part by part."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from evaluation.formats import unpack
from evaluation.formats.errors import FormatError
from evaluation.formats.files import Listed
from evaluation.formats.folder import list_folder, open_plain
from evaluation.formats.uploads import receive
from zoo.accounts.models import User
from zoo.uploads.models import Upload
from zoo.uploads.selectors import used_bytes
from zoo.uploads.services import PART_BYTES, BadUpload, check_may_upload, complete, open_upload, put_part

MAX_ARCHIVE_BYTES = 2 << 30
"""Larger models come part by part, which can go on where it broke off."""
UNPACK_SECONDS = 900
LEFT_OVER_SECONDS = 24 * 3600
BLOCK = 1 << 20


def receive_archive(
    *, label: str, source: BinaryIO, declared: int | None, acting_user: User, now: datetime
) -> Upload:
    """Takes a zip or tar of a model's files and gives the complete upload; on a refusal nothing stays.

    Raises BadUpload (an archive or files that are not taken), MayNotUpload, UploadQuota.
    """
    check_may_upload(acting_user, declared or 0)
    with _workshop() as folder:
        archive, model = folder / "archive", folder / "model"
        model.mkdir()
        try:
            receive(_blocks(source), archive, declared=declared, max_bytes=MAX_ARCHIVE_BYTES)
        except FormatError as error:
            raise BadUpload(error.message, remedy=error.remedy, reason=error.code) from error
        _unpack(archive, model, most=settings.ZOO_UPLOAD_BYTES - used_bytes(acting_user))
        archive.unlink()
        listed = [Listed(name, size, _digest(model, name)) for name, size, _ in list_folder(model)]
        upload = open_upload(label=label, files=listed, acting_user=acting_user, now=now)
        if upload.state == Upload.State.OPEN:
            _store(upload, model, acting_user, now)
        return complete(upload_id=upload.pk, acting_user=acting_user, now=now)


def _blocks(source: BinaryIO) -> Iterator[bytes]:
    while block := source.read(BLOCK):
        yield block


def _unpack(archive: Path, model: Path, *, most: int) -> None:
    command = [sys.executable, "-m", unpack.__name__, str(archive), str(model), str(most)]
    variables = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(settings.BASE_DIR)}
    try:
        done = subprocess.run(
            command, env=variables, cwd=model, capture_output=True, text=True, timeout=UNPACK_SECONDS
        )
        said = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError) as error:
        raise BadUpload("the archive could not be unpacked", remedy="Pack it anew as a plain zip.") from error
    if done.returncode != unpack.EXIT_DONE:
        raise BadUpload(said["message"], remedy=said["remedy"], reason=said["code"])


def _digest(folder: Path, name: str) -> str:
    with open_plain(folder, name) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _store(upload: Upload, folder: Path, user: User, now: datetime) -> None:
    for file in upload.manifest.files:
        with open_plain(folder, file.name) as opened:
            for offset in range(0, file.size, PART_BYTES):
                part = opened.read(PART_BYTES)
                put_part(
                    upload_id=upload.pk,
                    name=file.name,
                    offset=offset,
                    sha256=hashlib.sha256(part).hexdigest(),
                    source=io.BytesIO(part),
                    acting_user=user,
                    now=now,
                )


@contextmanager
def _workshop() -> Iterator[Path]:
    """A folder that is gone afterwards."""
    place = settings.ZOO_HOME / "incoming"
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(prefix="upload-", dir=place) as name:
        yield Path(name)


def sweep_workshops(*, now: datetime) -> int:
    """Removes what processes that died left while an archive came. Gives how many there were."""
    count = 0
    place = settings.ZOO_HOME / "incoming"
    for folder in place.iterdir() if place.is_dir() else ():
        if now.timestamp() - folder.stat().st_mtime > LEFT_OVER_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)
            count += 1
    return count
