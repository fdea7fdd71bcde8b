"""A model on a hub, described without fetching its weights: the commit, the list of files, the small files, headers.

Speaks through ``huggingface_hub``. The revision is pinned to a commit first, and everything after is read at that
commit. Errors become NotOnHub, Gated and HubUnreachable.
"""

from __future__ import annotations

import io
import os
from dataclasses import replace
from typing import cast

from huggingface_hub import HfApi, get_session, hf_hub_url
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import hf_raise_for_status  # type: ignore[attr-defined]  # exported lazily

from evaluation.contract import WeightsFormat
from evaluation.formats import gguf, safetensors
from evaluation.formats.card import read_card
from evaluation.formats.config import read_config
from evaluation.formats.errors import FormatError
from evaluation.formats.files import Kind, Selection, select
from evaluation.formats.folder import facts_of_gguf
from evaluation.formats.tokenizer import read_tokenizer, tokenizer_digest
from zoo.catalog.imports.cards import read_facts
from zoo.catalog.imports.describe import Description, FileRow, listed_of, manifest_digest, with_facts
from zoo.core.errors import Conflict, Forbidden, NotFound

TIMEOUT_SECONDS = 30
MAX_FILES = 20_000
_GGUF_BEGINNINGS = (4 << 20, 16 << 20, gguf.MAX_HEADER)
# The errors of whatever HTTP client the library uses are bases of its own.
_TRANSPORT = cast("tuple[type[Exception], ...]", (HfHubHTTPError, *HfHubHTTPError.__bases__))


class NotOnHub(NotFound):
    """The hub has no such model or revision, or does not show it to this account."""

    code = "model_missing"


class Gated(Forbidden):
    """The owner asks for consent before anybody may read it."""

    code = "model_gated"


class HubUnreachable(Conflict):
    """The hub cannot be asked now, or may not be asked at all."""

    code = "hub_unreachable"


def describe_hub(repo: str, revision: str = "main") -> Description:
    """Describes ``repo`` at the commit that ``revision`` means now.

    Raises NotOnHub, Gated, HubUnreachable, or FormatError for what the files hold.
    """
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
        raise HubUnreachable(
            "this zoo works offline (HF_HUB_OFFLINE)", remedy="Put the model under ZOO_MODELS_DIR/org/name."
        )
    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None, token=os.environ.get("HF_TOKEN") or None)
    try:
        return _describe(api, repo, revision)
    except GatedRepoError as error:
        raise Gated(
            f"{repo} is gated", remedy="Accept its conditions on the hub with the account of this HF_TOKEN."
        ) from error
    except RevisionNotFoundError as error:
        raise NotOnHub(f"{repo} has no revision {revision[:80]!r}", field="revision") from error
    except RepositoryNotFoundError as error:
        raise NotOnHub(
            f"the hub has no model {repo}, or it is private",
            remedy="Check the spelling; a private model needs an HF_TOKEN that may read it.",
        ) from error
    except _TRANSPORT as error:
        raise HubUnreachable(f"the hub did not answer for {repo}: {type(error).__name__}") from error


def _describe(api: HfApi, repo: str, revision: str) -> Description:
    info = api.model_info(repo, revision=revision, files_metadata=True, timeout=TIMEOUT_SECONDS)
    if info.id.lower() != repo.lower():
        raise NotOnHub(f"the hub has moved {repo} to {info.id}", remedy=f"Import {info.id}.")
    commit = info.sha or ""
    siblings = info.siblings or []
    if len(siblings) > MAX_FILES:
        raise FormatError("too_many_files", f"{repo} has {len(siblings)} files on the hub.")
    files = tuple(
        FileRow(row.rfilename[:400], int(row.size or 0), row.lfs.sha256 if row.lfs else "")
        for row in siblings
    )
    top = tuple(row for row in files if "/" not in row.path)
    selection = select(listed_of(top))
    return _read(_Remote(api, repo, commit), selection, top)


class _Remote:
    """The files of one commit."""

    def __init__(self, api: HfApi, repo: str, commit: str) -> None:
        self.api, self.repo, self.commit = api, repo, commit

    def small(self, name: str, limit: int) -> bytes:
        """A small file whole. Raises FormatError (``file_too_large``)."""
        data = self._get(name, limit + 1, {})
        if len(data) > limit:
            raise FormatError("file_too_large", f"{name} has more than the {limit} bytes that it may have.")
        return data

    def beginning(self, name: str, count: int) -> bytes:
        """The first bytes of a file, by a range request; a server that ignores it is cut short."""
        return self._get(name, count, {"Range": f"bytes=0-{count - 1}"})

    def _get(self, name: str, most: int, headers: dict[str, str]) -> bytes:
        url = hf_hub_url(self.repo, name, revision=self.commit, endpoint=self.api.endpoint)
        if self.api.token:
            headers = {**headers, "Authorization": f"Bearer {self.api.token}"}
        data = bytearray()
        with get_session().stream(
            "GET", url, headers=headers, timeout=TIMEOUT_SECONDS, follow_redirects=True
        ) as answer:
            if answer.status_code >= 400:
                answer.read()
            hf_raise_for_status(answer)
            for piece in answer.iter_bytes():
                data += piece
                if len(data) >= most:
                    break
        return bytes(data[:most])


def _read(remote: _Remote, selection: Selection, files: tuple[FileRow, ...]) -> Description:
    card = remote.small("README.md", 4 << 20) if "README.md" in selection.names else b""
    found = Description(
        origin="hub",
        commit=remote.commit,
        files=tuple(row for row in files if row.path in selection.names),
        weights_format=str(selection.weights_format),
        card=read_facts(read_card(card)) if card else None,
    )
    found = replace(found, digest=manifest_digest(selection, found.files))
    if selection.weights_format is WeightsFormat.GGUF:
        return _with_gguf(found, remote, selection, card)
    config = read_config(remote.small("config.json", 1 << 20))
    tokenizer = remote.small("tokenizer.json", 64 << 20) if "tokenizer.json" in selection.names else b""
    sizes = {
        chosen.file.name: chosen.file.size or 0 for chosen in selection.files if chosen.kind is Kind.WEIGHTS
    }
    return replace(
        found,
        parameters=sum(_header(remote, name, size).parameters for name, size in sizes.items()),
        architecture=config.architecture,
        model_type=config.model_type,
        context_length=config.context_length,
        vocabulary=config.vocabulary,
        quantization=config.quantization or "",
        tokenizer_digest=tokenizer_digest(read_tokenizer(tokenizer)) if tokenizer else "",
        notes=config.notes,
    )


def _with_gguf(found: Description, remote: _Remote, selection: Selection, card: bytes) -> Description:
    """What the header of the GGUF file says, of which only the beginning is fetched."""
    name = selection.weights[0]
    size = next(chosen.file.size or 0 for chosen in selection.files if chosen.file.name == name)
    facts = facts_of_gguf(_gguf_header(remote, name, size), read_card(card) if card else None)
    return with_facts(found, facts)


def _gguf_header(remote: _Remote, name: str, size: int) -> gguf.Header:
    """The header of a GGUF file, which does not say how long it is: more is fetched until it is whole."""
    for count in _GGUF_BEGINNINGS:
        try:
            return gguf.read_header(io.BytesIO(remote.beginning(name, count)), size, name=name)
        except FormatError:
            if count >= min(size, gguf.MAX_HEADER):
                raise
    raise AssertionError("the last one is as long as a header may be")


def _header(remote: _Remote, name: str, size: int) -> safetensors.Header:
    """The header of a shard; its data is not fetched."""
    length = int.from_bytes(remote.beginning(name, 8), "little")
    if not 2 <= length <= safetensors.MAX_HEADER:
        raise FormatError(safetensors.CODE, f"{name} has a header of {length} bytes.")
    return safetensors.read_header(io.BytesIO(remote.beginning(name, 8 + length)), size, name=name)
