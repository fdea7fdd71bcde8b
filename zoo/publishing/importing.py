"""Brings files of scores in, and reads what was brought: shown as *imported*, with who and where from.

Imported numbers never enter a measured one, a ranking or a retention.
"""

from __future__ import annotations

import hashlib
import io
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from evaluation.formats.errors import FormatError
from zoo.accounts.models import Scope, User
from zoo.catalog.models import Model
from zoo.catalog.services import publish_imported
from zoo.core import storage
from zoo.core.errors import Forbidden, Invalid, NotFound
from zoo.core.models import record
from zoo.publishing import imports
from zoo.publishing.models import ImportedFile, ImportedScore


class UnreadableScores(Invalid):
    """The file cannot be taken; ``data`` holds the parser's own code."""

    code = "unreadable_scores"


class ImportNotFound(NotFound):
    """There is no such imported file."""

    code = "import_not_found"


class NotYours(Forbidden):
    """Whoever brought a file, or a curator, may withdraw it."""

    code = "not_yours"


class Brought(NamedTuple):
    """The file, and whether it is new: the same bytes about the same model are taken once."""

    file: ImportedFile
    is_new: bool


def bring(
    *,
    model: Model,
    content: bytes,
    source: str,
    source_url: str = "",
    acting_user: User | None,
    now: datetime,
) -> Brought:
    """Stores a file with its scores. ``source`` says who measured it. Raises UnreadableScores, Invalid."""
    if not source.strip():
        raise Invalid("say who measured it", field="source")
    if source_url and not source_url.startswith(("https://", "http://")):
        raise Invalid("an address begins with https://", field="source_url")
    try:
        read = imports.read(content)
    except FormatError as error:
        raise UnreadableScores(
            error.message, remedy=error.remedy, field="content", problem=error.code
        ) from error
    sha256 = hashlib.sha256(content).hexdigest()
    storage.put(io.BytesIO(content), sha256=sha256, max_bytes=imports.MAX_BYTES)
    return _stored(model, read, content, sha256, source.strip(), source_url, acting_user, now)


@transaction.atomic
def _stored(
    model: Model,
    read: imports.File,
    content: bytes,
    sha256: str,
    source: str,
    source_url: str,
    acting_user: User | None,
    now: datetime,
) -> Brought:
    file, is_new = ImportedFile.objects.get_or_create(
        model=model,
        sha256=sha256,
        defaults={
            "format": read.format,
            "size": len(content),
            "source": source[:400],
            "source_url": source_url[:500],
            "printed_model": read.model,
            "printed_revision": read.revision,
            "harness_version": read.harness_version,
            "protocol": read.protocol,
            "limited": read.limited,
            "imported_by": acting_user,
            "imported_at": now,
        },
    )
    if not is_new:
        return Brought(file, False)
    ImportedScore.objects.bulk_create(
        [
            ImportedScore(
                file=file,
                task=score.task,
                task_version=score.task_version,
                metric=score.metric,
                filter=score.filter,
                value=score.value,
                stderr=score.stderr,
                n=score.n,
                num_fewshot=score.num_fewshot,
                higher_is_better=score.higher_is_better,
                date=score.date,
                source=score.source,
                note=score.note,
                order=place,
            )
            for place, score in enumerate(read.scores)
        ],
        batch_size=500,
    )
    publish_imported(model.pk, has=True)
    record(
        action="scores.imported",
        subject=f"model:{model.slug}",
        acting_user=acting_user,
        now=now,
        detail={"file": str(file.pk), "sha256": sha256, "source": source, "scores": len(read.scores)},
    )
    return Brought(file, True)


@transaction.atomic
def withdraw(*, file_id: UUID, reason: str, acting_user: User, now: datetime) -> ImportedFile:
    """Takes a file back; it stays on record with the reason. Raises ImportNotFound, NotYours, Invalid."""
    file = ImportedFile.objects.select_for_update().filter(pk=file_id).first()
    if file is None:
        raise ImportNotFound("there is no such imported file")
    if file.imported_by_id != acting_user.pk and not acting_user.may(Scope.CURATE):
        raise NotYours("only whoever brought it, or a curator, may withdraw it")
    if not reason.strip():
        raise Invalid("say why", field="reason")
    if file.withdrawn_at is None:
        file.withdrawn_at, file.withdrawn_reason = now, reason.strip()[:300]
        file.save(update_fields=["withdrawn_at", "withdrawn_reason"])
        publish_imported(file.model_id, has=standing(file.model).exists())
        record(
            action="scores.withdrawn",
            subject=f"model:{file.model.slug}",
            acting_user=acting_user,
            now=now,
            detail={"file": str(file.pk), "reason": reason},
        )
    return file


def imported_of(model: Model) -> QuerySet[ImportedFile]:
    """The files about a model with their scores, newest first, withdrawn ones too."""
    files = ImportedFile.objects.filter(model=model).select_related("imported_by", "model__organization")
    return files.prefetch_related("scores").order_by("-imported_at", "-id")


def standing(model: Model) -> QuerySet[ImportedFile]:
    """Those that were not withdrawn."""
    return imported_of(model).filter(withdrawn_at=None)
