"""A model that somebody uploaded, as a submission finds it. It is its owner's: nobody else can submit it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from evaluation.contract import ModelSource, WeightsFormat
from evaluation.formats import families, safetensors
from evaluation.formats.config import MAX_BYTES, read_config
from evaluation.formats.errors import FormatError
from evaluation.formats.families import Family
from evaluation.formats.files import Kind
from evaluation.formats.manifest import ManifestFile
from zoo.accounts.models import User
from zoo.submissions.resolving import Found, Unresolved
from zoo.uploads import selectors, services
from zoo.uploads.models import Upload

PREFIX = f"{services.ORG}/"


def resolve(reference: str, user: User | None) -> Found:
    """The upload of this name. Raises Unresolved: for another's, an incomplete and a removed one alike, and for a
    configuration or header that intake would refuse.
    """
    upload = selectors.by_reference(user, reference) if user is not None else None
    if upload is None:
        raise Unresolved(
            "unknown_model",
            f"You have no complete upload {reference[:100]}.",
            "Upload the files (again); GET /api/v1/uploads/ lists yours.",
        )
    try:
        return _found(upload)
    except FormatError as error:
        raise Unresolved(error.code, error.message, error.remedy) from error


def _found(upload: Upload) -> Found:
    weights = [file for file in upload.manifest.files if file.kind is Kind.WEIGHTS]
    gguf = upload.weights_format == WeightsFormat.GGUF
    source = ModelSource(
        name=upload.reference,
        revision=upload.digest,
        digest=upload.digest,
        weights_format=WeightsFormat(upload.weights_format),
        gguf_file=weights[0].name if gguf else None,
    )
    if gguf:
        return Found(source, None, total_bytes=upload.total_bytes, family=Family.CAUSAL)
    with selectors.beginning(upload, "config.json") as file:
        config = read_config(file.read(MAX_BYTES + 1))
    return Found(
        source,
        None,
        architecture=config.architecture,
        parameters=sum(_parameters(upload, file) for file in weights),
        vocabulary=config.vocabulary,
        total_bytes=upload.total_bytes,
        family=families.family_of(config.document),
    )


def _parameters(upload: Upload, file: ManifestFile) -> int:
    with selectors.beginning(upload, file.name) as opened:
        return safetensors.read_header(opened, file.size, name=file.name).parameters


def keep(sources: Iterable[ModelSource], *, user: User, now: datetime) -> None:
    """Notes that uploads were submitted: they are kept from now on for as long as new ones."""
    for source in sources:
        if source.name.startswith(PREFIX):
            services.touch(reference=source.name, owner=user, now=now)
