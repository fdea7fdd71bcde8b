"""Brings a model that somebody uploaded to this machine, so that intake can look at it like at any other folder.

The supervisor only writes bytes under names that it checked; what they hold is intake's question, in its own process.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from evaluation import isolation
from evaluation.contract import Failure, Fault, ModelSource, Progress, Stage
from evaluation.exchange import Claim
from evaluation.formats.errors import FormatError
from evaluation.formats.manifest import Manifest
from evaluation.formats.names import check_file_name
from evaluation.intake.store import Store
from evaluation.runners.base import RunFailed
from evaluation.supervision.settings import WorkerSettings
from evaluation.zoo_client import Refused, Unreachable, ZooClient

PREFIX = "uploads/"


def bring(
    source: ModelSource,
    settings: WorkerSettings,
    client: ZooClient,
    claim: Claim,
    *,
    tell: Callable[[Progress], None],
    must_stop: Callable[[], bool],
) -> Path | None:
    """The folder with the files of an upload; None when this machine has let the model in before.

    What a failed try left is taken up again, file by file. Raises RunFailed.
    """
    digest = source.digest
    if digest is None or Store(settings.home / "models").find(digest) is not None:
        return None
    folder = settings.home / "worker" / "uploads" / digest
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        manifest = client.uploaded_files(claim, digest)
        _room(settings, manifest)
        done = 0
        for file in manifest.files:
            path = folder / check_file_name(file.name)
            if not path.is_file() or path.stat().st_size != file.size:
                _one(client, claim, digest, path, file.sha256, _Meter(tell, done, manifest, must_stop))
            done += file.size
    except Unreachable as error:
        raise RunFailed(
            _platform("upload_unreachable", f"The uploaded files did not arrive: {error}.")
        ) from error
    except (Refused, FormatError) as error:
        message = "The uploaded files are not there any more."
        remedy = "Upload the model again and submit it anew."
        failure = Failure(code="upload_gone", fault=Fault.SUBMITTER, message=message, remedy=remedy)
        raise RunFailed(failure) from error
    return folder


def forget(folder: Path) -> None:
    """Removes what was brought; intake has its own copy."""
    shutil.rmtree(folder, ignore_errors=True)


class _Meter:
    """Tells how far it is, and stops when the run must stop."""

    def __init__(
        self,
        tell: Callable[[Progress], None],
        done: int,
        manifest: Manifest,
        must_stop: Callable[[], bool],
    ) -> None:
        self._tell, self._done, self._total, self._must_stop = tell, done, manifest.total_bytes, must_stop

    def __call__(self, count: int) -> None:
        if self._must_stop():
            raise RunFailed(isolation.CANCELLED)
        self._done += count
        self._tell(Progress(stage=Stage.FETCHING, done=self._done, total=self._total))


def _one(client: ZooClient, claim: Claim, digest: str, path: Path, sha256: str, advance: _Meter) -> None:
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    found = client.download_upload(claim, digest, path.name, part, advance=advance)
    if found != sha256:
        part.unlink()
        raise RunFailed(
            Failure(
                code="digest_mismatch",
                fault=Fault.SUBMITTER,
                message=f"{path.name} has the digest {found} and was announced with {sha256}.",
                remedy="Upload the model again.",
            )
        )
    part.rename(path)


def _room(settings: WorkerSettings, manifest: Manifest) -> None:
    """Twice the size: what is brought and intake's copy lie beside each other for a moment."""
    if not Store(settings.home / "models").has_room_for(2 * manifest.total_bytes):
        raise RunFailed(
            _platform("disk_full", f"The worker has no room for {manifest.total_bytes} bytes of model.")
        )


def _platform(code: str, message: str) -> Failure:
    remedy = "It is tried again on its own; if this repeats, an operator should look at the worker."
    return Failure(code=code, fault=Fault.PLATFORM, message=message, remedy=remedy)
