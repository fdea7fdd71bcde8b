"""Reads about uploads. Somebody else's upload does not exist for whoever asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple
from uuid import UUID

from django.db.models import QuerySet, Sum

from evaluation.contract import PairSpec
from evaluation.formats.manifest import ManifestFile
from zoo.accounts.models import User
from zoo.core import storage
from zoo.core.errors import NotFound
from zoo.runs.lifecycle import HELD
from zoo.runs.models import Run
from zoo.runs.queue import Lease, LeaseLost
from zoo.uploads.models import Upload, UploadPart

LIVE = (Upload.State.OPEN, Upload.State.COMPLETE)
BLOCK = 1 << 20


class Progress(NamedTuple):
    """How much of a file has come: its bytes, and where the parts that are there begin."""

    received: int
    offsets: tuple[int, ...]


def uploads_of(user: User) -> QuerySet[Upload]:
    """A person's uploads whose files are here or coming, the newest first."""
    return Upload.objects.filter(owner=user, state__in=LIVE)


def upload_of(user: User, upload_id: UUID) -> Upload:
    """One of them. Raises NotFound."""
    found = uploads_of(user).filter(pk=upload_id).first()
    if found is None:
        raise NotFound("you have no such upload")
    return found


def by_reference(user: User, reference: str) -> Upload | None:
    """The complete upload that its owner calls so."""
    return Upload.objects.filter(owner=user, reference=reference, state=Upload.State.COMPLETE).first()


def upload_for(lease: Lease, digest: str) -> Upload:
    """An upload that a held run measures, for the worker that holds it, whoever sent it.

    Raises LeaseLost, and NotFound where the run needs no such upload or it is gone.
    """
    run = Run.objects.filter(pk=lease.run_id, token=lease.token, state__in=sorted(HELD)).first()
    if run is None:
        raise LeaseLost("this worker no longer holds the run", remedy="Stop, and claim again.")
    spec = run.parsed_spec
    sources = [spec.student, spec.teacher] if isinstance(spec, PairSpec) else [spec.model]
    found = Upload.objects.filter(digest=digest, state=Upload.State.COMPLETE).first()
    if found is None or digest not in {source.digest for source in sources}:
        raise NotFound("this run has no such files", remedy="Upload the model again and submit it anew.")
    return found


def used_bytes(user: User) -> int:
    """Bytes of all uploads of a person, announced ones too."""
    return uploads_of(user).aggregate(total=Sum("total_bytes"))["total"] or 0


def progress(upload: Upload) -> dict[str, Progress]:
    """What has come, by file."""
    found: dict[str, list[UploadPart]] = {}
    for part in upload.parts.all():
        found.setdefault(part.name, []).append(part)
    return {
        name: Progress(sum(part.size for part in parts), tuple(part.offset for part in parts))
        for name, parts in found.items()
    }


def file_of(upload: Upload, name: str) -> ManifestFile:
    """An announced file. Raises NotFound."""
    for file in upload.manifest.files:
        if file.name == name:
            return file
    raise NotFound("the upload has no file of that name")


def content(upload: Upload, name: str) -> Iterator[bytes]:
    """The bytes of a file, block by block. Raises FileNotFoundError."""
    for part in upload.parts.filter(name=name).order_by("offset"):
        with storage.open_artifact(part.sha256) as file:
            while block := file.read(BLOCK):
                yield block


def beginning(upload: Upload, name: str) -> BinaryIO:
    """A file's first part, to be read and closed: configurations and headers lie in it whole. Raises NotFound."""
    first = upload.parts.filter(name=name, offset=0).first()
    if first is None:
        raise NotFound("the upload has no file of that name")
    return storage.open_artifact(first.sha256)
