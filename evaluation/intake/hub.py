"""A model on a hub: which commit a revision is, which files it has, and the files themselves. Speaks the hub's API.

Every file is written to a new file of ours, digested while it comes, resumed when the connection breaks, and
compared with what the hub says of it. Hub errors become codes: missing, gated, moved, revision gone.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from evaluation.contract import Fault
from evaluation.formats.bounded_json import Json, parse_object
from evaluation.formats.errors import FormatError, shown
from evaluation.formats.files import Chosen, Listed, too_large
from evaluation.formats.names import check_model_id, check_revision, is_commit
from evaluation.intake.network import MAX_JSON, Client, Unreachable, blocks

MAX_SIBLINGS = 20_000
TRIES = 5
FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 60.0


class HubFile(NamedTuple):
    """A file as the hub lists it: SHA-256 for large files, git's blob id for small ones."""

    listed: Listed
    blob_id: str | None


@dataclass(frozen=True, slots=True)
class HubModel:
    """A model at one commit."""

    name: str
    commit: str
    files: tuple[HubFile, ...]
    gated: bool


def resolve(client: Client, name: str, revision: str) -> HubModel:
    """Asks the hub for a model at a revision.

    Raises FormatError: ``model_missing``, ``model_gated``, ``model_moved``, ``revision_missing``, ``hub_answer``;
    Unreachable when the hub cannot be asked.
    """
    check_model_id(name)
    check_revision(revision)
    path = f"/api/models/{name}/revision/{quote(revision, safe='')}?blobs=true"
    status, headers, body = client.get(path)
    if status != 200:
        raise refusal(name, revision, status, {key.lower(): value for key, value in headers.items()})
    return _model(
        name, revision, parse_object(body, name="The hub's answer", max_bytes=MAX_JSON, max_values=2_000_000)
    )


def refusal(name: str, revision: str, status: int, headers: dict[str, str]) -> FormatError:
    """The hub's error as ours. The hub says 401 for what is missing as well as for what is private."""
    code = headers.get("x-error-code", "")
    if code == "GatedRepo" or status == 403:
        return FormatError(
            "model_gated",
            f"{name} is gated: its owner asks for consent before it may be fetched.",
            "Accept the conditions on the hub with the account of this zoo's HF_TOKEN, or ask an operator to.",
        )
    if code == "RevisionNotFound":
        return FormatError(
            "revision_missing",
            f"{name} has no revision {shown(revision)}, or has it no longer.",
            "Submit again with a commit that the hub lists.",
        )
    if code == "RepoNotFound" or status in (401, 404):
        return FormatError(
            "model_missing",
            f"The hub has no model {name}, or it is private.",
            "Check the spelling (org/name); for a private model the zoo needs an HF_TOKEN that may read it.",
        )
    message = f"The hub answered {status} for {name}."
    return FormatError("hub_answer", message, "Try again later.", fault=Fault.PLATFORM)


def _model(name: str, revision: str, document: dict[str, Json]) -> HubModel:
    commit, found, siblings = document.get("sha"), document.get("id"), document.get("siblings")
    if not isinstance(commit, str) or not is_commit(commit) or not isinstance(siblings, list):
        raise FormatError("hub_answer", f"The hub's answer about {name} names no commit or no files.")
    if isinstance(found, str) and found.lower() != name.lower():
        raise FormatError(
            "model_moved", f"The hub has moved {name} to {shown(found)}.", f"Submit {shown(found)} instead."
        )
    if is_commit(revision) and commit != revision:
        raise FormatError(
            "revision_missing", f"The hub answered with commit {commit} where {revision} was asked for."
        )
    if len(siblings) > MAX_SIBLINGS:
        raise FormatError("too_many_files", f"{name} has {len(siblings)} files on the hub.")
    files = tuple(file for sibling in siblings if (file := _file(sibling)) is not None)
    return HubModel(name, commit, files, bool(document.get("gated")))


def _file(sibling: Json) -> HubFile | None:
    if not isinstance(sibling, dict) or not isinstance(sibling.get("rfilename"), str):
        return None
    large = sibling.get("lfs")
    facts = large if isinstance(large, dict) else sibling
    size, digest = facts.get("size"), facts.get("sha256")
    blob = sibling.get("blobId")
    return HubFile(
        Listed(
            str(sibling["rfilename"]),
            size if type(size) is int and size >= 0 else None,
            digest if isinstance(digest, str) and len(digest) == 64 else None,
        ),
        blob if isinstance(blob, str) and len(blob) == 40 and not isinstance(large, dict) else None,
    )


def fetch(
    client: Client,
    model: HubModel,
    chosen: Chosen,
    folder: Path,
    *,
    advance: Callable[[int], None],
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Fetches one file into ``folder`` and gives its SHA-256 (hex). What an earlier try left is continued.

    ``advance`` is called with the number of bytes that came. Raises FormatError (``file_too_large``,
    ``wrong_digest``, ``cut_download``, ``address_refused``, ...); a file that is not right is removed.
    """
    name = chosen.file.name
    path = f"/{model.name}/resolve/{model.commit}/{quote(name)}"
    download = _Download(folder / f"{name}.part", chosen, advance)
    wait = FIRST_WAIT_SECONDS
    for left in reversed(range(TRIES)):
        try:
            download.go_on(client, path, model)
            break
        except Unreachable as error:
            if left == 0:
                message = f"{name} could not be fetched in {TRIES} tries: {error}."
                raise FormatError(
                    "cut_download", message, "Try again later.", fault=Fault.PLATFORM
                ) from error
            sleep(min(error.retry_after or wait, LONGEST_WAIT_SECONDS))
            wait *= 2
    blob_id = next((file.blob_id for file in model.files if file.listed.name == name), None)
    return download.finish(folder / name, blob_id)


class _Download:
    """A file that is coming: where it is kept, how far it is, and its digest so far."""

    def __init__(self, path: Path, chosen: Chosen, advance: Callable[[int], None]) -> None:
        self._path, self._chosen, self._advance = path, chosen, advance
        self._digest = hashlib.sha256()
        self._count = 0
        self._take_up()

    def _take_up(self) -> None:
        """Reads what an earlier process left, so that the digest covers it. A link there is removed."""
        if self._path.is_symlink() or (self._path.exists() and not self._path.is_file()):
            self._path.unlink()
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            while block := file.read(1 << 20):
                self._digest.update(block)
                self._count += len(block)
        self._advance(self._count)

    def go_on(self, client: Client, path: str, model: HubModel) -> None:
        """Fetches what is missing."""
        size = self._chosen.file.size
        if size is not None and self._count >= size:
            return
        with client.stream(path, start=self._count) as response:
            continues = _continues(response.headers.get("Content-Range", ""), self._count)
            if response.status_code == 416 or (response.status_code == 206 and not continues):
                self._start_over()
                raise Unreachable("the hub does not have the rest")
            if response.status_code not in (200, 206):
                headers = {key.lower(): value for key, value in response.headers.items()}
                raise refusal(model.name, model.commit, response.status_code, headers)
            if self._count and not continues:
                self._start_over()
            self._write(blocks(response, self._limit - self._count))
        if size is not None and self._count < size:
            raise Unreachable(f"it ended after {self._count} of {size} bytes")

    @property
    def _limit(self) -> int:
        size = self._chosen.file.size
        return self._chosen.max_bytes if size is None else min(size, self._chosen.max_bytes)

    def _write(self, source: Iterator[bytes]) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            with os.fdopen(os.open(self._path, flags, 0o600), "ab") as file:
                for block in source:
                    file.write(block)
                    self._digest.update(block)
                    self._count += len(block)
                    self._advance(len(block))
        except FormatError as error:
            self._path.unlink(missing_ok=True)
            if error.code == "answer_too_large":
                raise too_large(self._chosen.file.name, self._limit + 1, self._limit) from error
            raise

    def _start_over(self) -> None:
        self._path.unlink(missing_ok=True)
        self._advance(-self._count)
        self._digest, self._count = hashlib.sha256(), 0

    def finish(self, target: Path, blob_id: str | None) -> str:
        """Compares with what the hub says and gives the file its name."""
        digest = self._digest.hexdigest()
        told = self._chosen.file.sha256
        right = digest == told if told is not None else self._is_blob(blob_id)
        if not right:
            self._path.unlink(missing_ok=True)
            raise FormatError(
                "wrong_digest",
                f"{self._chosen.file.name} is not the file that the hub describes: its digest differs.",
                "Try again; if it repeats, the file on the hub or a proxy on the way is damaged.",
            )
        if not self._path.exists():
            self._path.touch(mode=0o600)
        os.replace(self._path, target)
        return digest

    def _is_blob(self, blob_id: str | None) -> bool:
        """Whether the file has the id that git gives it: SHA-1 over a header and the bytes. True without an id."""
        if blob_id is None:
            return True
        digest = hashlib.sha1(b"blob %d\0" % self._count, usedforsecurity=False)
        if self._path.exists():
            with self._path.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
        return digest.hexdigest() == blob_id


def _continues(content_range: str, start: int) -> bool:
    return content_range.startswith(f"bytes {start}-")
