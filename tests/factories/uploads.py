"""Makes uploads of the smallest model that ships."""

from __future__ import annotations

import hashlib
import io
from datetime import datetime

from evaluation.demo import shipped
from evaluation.formats.files import Listed
from zoo.accounts.models import User
from zoo.uploads import services
from zoo.uploads.models import Upload

SMALLEST = shipped.model_directory(shipped.SEQUENCE_STUDENT)
NAMES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")


def model_files() -> dict[str, bytes]:
    return {name: (SMALLEST / name).read_bytes() for name in NAMES}


def listed(content: dict[str, bytes]) -> list[Listed]:
    return [Listed(name, len(data), hashlib.sha256(data).hexdigest()) for name, data in content.items()]


def open_upload(owner: User, *, now: datetime, label: str = "mine") -> Upload:
    return services.open_upload(label=label, files=listed(model_files()), acting_user=owner, now=now)


def send(upload: Upload, name: str, data: bytes, *, now: datetime, offset: int = 0) -> None:
    services.put_part(
        upload_id=upload.pk,
        name=name,
        offset=offset,
        sha256=hashlib.sha256(data).hexdigest(),
        source=io.BytesIO(data),
        acting_user=upload.owner,
        now=now,
    )


def make_upload(owner: User, *, now: datetime, label: str = "mine") -> Upload:
    """A complete upload."""
    upload = open_upload(owner, now=now, label=label)
    for name, data in model_files().items():
        send(upload, name, data, now=now)
    return services.complete(upload_id=upload.pk, acting_user=owner, now=now)
