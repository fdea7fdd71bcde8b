"""Receiving a model's files: announce, send part by part or as an archive, complete; and removing what is old.

The web looks at names, sizes and digests alone. What is in the files is for intake, in a worker's own process.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import BinaryIO
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F

from evaluation.contract import digest_of
from evaluation.formats.errors import FormatError
from evaluation.formats.files import Listed, Selection, select
from evaluation.formats.folder import kinds_of
from evaluation.formats.manifest import Manifest, ManifestFile
from evaluation.formats.names import check_model_id
from zoo.accounts.models import Scope, User
from zoo.core import storage
from zoo.core.errors import Conflict, Forbidden, Invalid, TooMany
from zoo.core.models import record
from zoo.runs.selectors import is_wanted
from zoo.uploads.models import Upload, UploadPart
from zoo.uploads.selectors import LIVE, file_of, upload_of, uploads_of, used_bytes

ORG = "uploads"
PART_BYTES = 32 << 20
"""Each part but a file's last has exactly so many bytes."""
OPEN_LIVES = timedelta(days=1)
MOST_OPEN = 10


class BadUpload(Invalid):
    """The files that were announced or sent are none that a model may have."""

    code = "bad_upload"


class UploadQuota(TooMany):
    """The person's uploads take all the room that one may have."""

    code = "upload_quota_exceeded"


class MayNotUpload(Forbidden):
    """The account may not send files."""

    code = "may_not_upload"


class UploadInUse(Conflict):
    """A run that has not ended needs the files."""

    code = "upload_in_use"


class PartsMissing(Conflict):
    """The upload cannot be completed yet."""

    code = "parts_missing"


def check_may_upload(user: User, size: int) -> None:
    """Whether the person may send so many bytes now. Raises MayNotUpload, UploadQuota."""
    if not user.may(Scope.SUBMIT):
        raise MayNotUpload("your account may not upload", remedy="Ask an operator for the role 'submit'.")
    if used_bytes(user) + size > settings.ZOO_UPLOAD_BYTES:
        raise UploadQuota(
            f"your uploads may take {settings.ZOO_UPLOAD_BYTES} bytes in all",
            remedy="Remove one that you do not need any more.",
            retry_after=3600,
        )


def open_upload(*, label: str, files: Sequence[Listed], acting_user: User, now: datetime) -> Upload:
    """Announces a model's files. Announcing the same ones again gives the upload that is there.

    Raises BadUpload for files that no model has here, MayNotUpload, UploadQuota.
    """
    selection = _selected(files)
    manifest = _manifest(selection)
    # A name of its own for each set of files, cards included: what is announced again is the same to the last byte.
    reference = _reference(label, digest_of(manifest.model_dump(mode="json")))
    with transaction.atomic():
        # The row's lock makes what one person announces come one after the other, so that the quota holds.
        User.objects.filter(pk=acting_user.pk).update(role=F("role"))
        known = uploads_of(acting_user).filter(reference=reference).first()
        if known is not None:
            return known
        check_may_upload(acting_user, manifest.total_bytes)
        if uploads_of(acting_user).filter(state=Upload.State.OPEN).count() >= MOST_OPEN:
            raise UploadQuota(
                f"{MOST_OPEN} of your uploads are not complete, which is the most there are",
                remedy="Complete one, or remove one.",
                retry_after=3600,
            )
        made = Upload.objects.create(
            owner=acting_user,
            reference=reference,
            digest=manifest.digest,
            weights_format=selection.weights_format.value,
            files=manifest.model_dump(mode="json"),
            total_bytes=manifest.total_bytes,
            created_at=now,
            touched_at=now,
        )
        _note("upload.opened", made, acting_user, now)
        return made


def _selected(files: Sequence[Listed]) -> Selection:
    """All of the files as intake would choose them; one that it would leave is refused, not silently dropped."""
    if any(file.size is None or file.sha256 is None for file in files):
        raise BadUpload("each file needs its size and its digest", field="files")
    try:
        selection = select(files)
    except FormatError as error:
        several = error.code == "gguf_ambiguous"
        remedy = "Send one of them; another is an upload of its own." if several else error.remedy
        raise BadUpload(error.message, remedy=remedy, field="files", reason=error.code) from error
    left = sorted({file.name for file in files} - set(selection.names))
    if left or len(selection.names) != len(files):
        raise BadUpload(
            f"no model needs {left[0][:100]!r} here" if left else "a file is named twice",
            remedy="Send the configuration, the tokenizer, safetensors or one GGUF file, and the card.",
            field="files",
        )
    return selection


def _manifest(selection: Selection) -> Manifest:
    kinds = kinds_of(selection)
    chosen = sorted(chosen.file for chosen in selection.files)
    return Manifest(
        files=tuple(
            ManifestFile(name=file.name, kind=kinds[file.name], size=file.size or 0, sha256=file.sha256 or "")
            for file in chosen
        )
    )


def _reference(label: str, digest: str) -> str:
    if not 1 <= len(label) <= 60:
        raise BadUpload("a label has 1 to 60 characters", field="label")
    try:
        return check_model_id(f"{ORG}/{label}-{digest[:12]}")
    except FormatError as error:
        message = "a label has letters, digits, '-', '_' and '.'"
        raise BadUpload(message, remedy="Name it as a model is named.", field="label") from error


def put_part(
    *,
    upload_id: UUID,
    name: str,
    offset: int,
    sha256: str,
    source: BinaryIO,
    acting_user: User,
    now: datetime,
) -> None:
    """Stores one part of a file. Sending it again is harmless.

    Raises NotFound, BadUpload (a place off the grid, another size or digest than announced), Conflict when the
    upload is complete.
    """
    upload = upload_of(acting_user, upload_id)
    if upload.state != Upload.State.OPEN:
        raise Conflict("the upload is complete; nothing can be added")
    file = file_of(upload, name)
    if offset % PART_BYTES or not 0 <= offset < file.size:
        raise BadUpload(f"a part begins at a multiple of {PART_BYTES} within the file", field="offset")
    expected = min(PART_BYTES, file.size - offset)
    if expected == file.size and sha256 != file.sha256:
        raise BadUpload(f"{name} was announced with another digest", field="sha256")
    try:
        size = storage.put(source, sha256=sha256, max_bytes=expected)
    except storage.WrongDigest as error:
        raise BadUpload(f"the part is not the one that was announced: {error}", field="sha256") from error
    if size != expected:
        raise BadUpload(f"the part has {size} bytes and must have {expected}", field="offset")
    with transaction.atomic():
        UploadPart.objects.update_or_create(
            upload=upload, name=name, offset=offset, defaults={"size": size, "sha256": sha256}
        )
        Upload.objects.filter(pk=upload.pk).update(touched_at=now)


def complete(*, upload_id: UUID, acting_user: User, now: datetime) -> Upload:
    """Ends an upload whose parts are all there. Completing it again is harmless. Raises NotFound, PartsMissing."""
    upload = upload_of(acting_user, upload_id)
    if upload.state == Upload.State.COMPLETE:
        return upload
    there = {(part.name, part.offset) for part in upload.parts.all() if _is_stored(part)}
    missing = [
        f"{file.name} at {offset}"
        for file in upload.manifest.files
        for offset in range(0, file.size, PART_BYTES)
        if (file.name, offset) not in there
    ]
    if missing:
        raise PartsMissing(
            f"{len(missing)} part{'s are' if len(missing) > 1 else ' is'} missing, first {missing[0]}",
            remedy="Send what is missing, then complete it again.",
            missing=missing[:100],
        )
    with transaction.atomic():
        changed = Upload.objects.filter(pk=upload.pk, state=Upload.State.OPEN).update(
            state=Upload.State.COMPLETE, completed_at=now, touched_at=now
        )
        if changed:
            _note("upload.completed", upload, acting_user, now)
    return upload_of(acting_user, upload_id)


def _is_stored(part: UploadPart) -> bool:
    """Whether the store has it. Its row goes if not: it was removed with an older upload just when it came."""
    if storage.exists(part.sha256):
        return True
    part.delete()
    return False


def touch(*, reference: str, owner: User, now: datetime) -> None:
    """Somebody submitted it: it is kept from now on for as long as a new one."""
    Upload.objects.filter(owner=owner, reference=reference, state=Upload.State.COMPLETE).update(
        touched_at=now
    )


def remove(*, upload_id: UUID, acting_user: User, now: datetime) -> None:
    """Removes an upload with its files, for its owner. Raises NotFound, UploadInUse. Results stay."""
    upload = upload_of(acting_user, upload_id)
    if is_wanted(upload.reference):
        raise UploadInUse(
            "a run that has not ended needs these files", remedy="Cancel it, or wait for its end."
        )
    _remove(upload, acting_user, now)


def sweep(*, now: datetime) -> int:
    """Removes uploads that were never completed within a day, and complete ones that nobody submits any more."""
    kept = timedelta(days=settings.ZOO_UPLOAD_DAYS)
    count = 0
    for upload in Upload.objects.filter(state__in=LIVE).order_by("touched_at"):
        lives = OPEN_LIVES if upload.state == Upload.State.OPEN else kept
        if now - upload.touched_at > lives and not is_wanted(upload.reference):
            _remove(upload, None, now)
            count += 1
    return count


def _remove(upload: Upload, user: User | None, now: datetime) -> None:
    """The row stays and says what there was. Files that another upload has too stay as well."""
    digests = set(upload.parts.values_list("sha256", flat=True))
    with transaction.atomic():
        Upload.objects.filter(pk=upload.pk).update(state=Upload.State.REMOVED, removed_at=now)
        upload.parts.all().delete()
        _note("upload.removed", upload, user, now)
    for digest in sorted(digests):
        if not UploadPart.objects.filter(sha256=digest).exists():
            storage.remove(digest)


def _note(action: str, upload: Upload, user: User | None, now: datetime) -> None:
    detail = {"reference": upload.reference, "digest": upload.digest, "bytes": upload.total_bytes}
    record(action=action, subject=f"upload:{upload.pk}", acting_user=user, now=now, detail=detail)
