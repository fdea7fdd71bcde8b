"""From what somebody typed to one immutable model: catalog, shipped models, this site's mirror, then the hub.

Reads headers and lists of files through the bounded parsers; loads nothing. The hub is asked one question, with
a short time limit; fetching and checking the files is for intake, on a worker.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx
from django.conf import settings
from django.core.cache import cache

from evaluation.contract import ModelSource, WeightsFormat
from evaluation.demo import shipped
from evaluation.formats import families
from evaluation.formats import folder as model_folder
from evaluation.formats.bounded_json import parse_object
from evaluation.formats.errors import FormatError, shown
from evaluation.formats.families import Family
from evaluation.formats.files import Listed, Selection, select
from evaluation.formats.manifest import Manifest, ManifestFile
from evaluation.formats.names import check_revision, is_commit, parse_reference
from zoo.catalog.models import Availability, Kind, Model
from zoo.catalog.selectors import find_model

SCRIPTED = "scripted/"
HUB_SECONDS = 8.0
MAX_HUB_ANSWER = 16 << 20
DEFAULT_ENDPOINT = "https://huggingface.co"


@dataclass(frozen=True, slots=True)
class Found:
    """A model that can be run, and what is known of it before it is fetched. Unknown numbers are None."""

    source: ModelSource
    entry: Model | None
    trusted: bool = False
    architecture: str = ""
    parameters: int | None = None
    vocabulary: int | None = None
    total_bytes: int | None = None
    skipped: tuple[str, ...] = ()
    gated: bool = False
    family: Family | None = None
    """What engines may score it; None: not known before it is fetched."""


class Unresolved(Exception):
    """The model cannot be run, and why: a stable code, a sentence, what to change."""

    def __init__(self, code: str, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.remedy = remedy


def resolve(reference: str, gguf_file: str | None = None) -> Found:
    """The model that a reference names, of several GGUF files the named one. Raises Unresolved."""
    entry = find_model(reference.partition("@")[0])
    try:
        name, revision = parse_reference(_with_hub_id(reference, entry))
        if name.startswith(SCRIPTED):
            return _scripted(name, revision, entry, gguf_file)
        if entry is not None and (entry.kind != Kind.MODEL or entry.availability == Availability.CLOSED):
            raise Unresolved(
                "not_runnable",
                f"{entry.slug} is a {entry.get_kind_display()} without weights that could be run.",
                "Name a model whose weights can be fetched.",
            )
        if name in shipped.SHIPPED and shipped.model_directory(name).is_dir():
            return _from_folder(name, shipped.model_directory(name), entry, gguf_file, trusted=True)
        mirror = settings.ZOO_MODELS_DIR
        if mirror is not None and (Path(mirror) / name).is_dir():
            return _from_folder(name, Path(mirror) / name, entry, gguf_file, trusted=False)
        return _from_hub(name, revision, entry, gguf_file)
    except FormatError as error:
        raise Unresolved(error.code, error.message, error.remedy) from error


def _with_hub_id(reference: str, entry: Model | None) -> str:
    if entry is None:
        return reference
    _, at, revision = reference.partition("@")
    return f"{entry.hub_id or entry.slug}{at}{revision}"


def _scripted(name: str, revision: str | None, entry: Model | None, gguf_file: str | None) -> Found:
    if not settings.ZOO_SCRIPTED:
        raise Unresolved("unknown_model", f"There is no model {name}.", "Check the spelling: org/name.")
    if gguf_file is not None:
        raise Unresolved("gguf_missing", "A scripted model has no files.", "Leave gguf_file out.")
    return Found(ModelSource(name=name, revision=revision or "1"), entry, trusted=True, parameters=0)


def _from_folder(
    name: str, folder: Path, entry: Model | None, gguf_file: str | None, *, trusted: bool
) -> Found:
    selection = select(model_folder.list_folder(folder), gguf_file=gguf_file)
    facts = model_folder.inspect(folder, selection)
    digest = manifest_of(folder, selection).digest
    return Found(
        _source(name, digest, selection, digest=digest),
        entry,
        trusted=trusted,
        architecture=facts.architecture,
        parameters=facts.parameters,
        vocabulary=facts.vocabulary,
        total_bytes=selection.total_bytes,
        skipped=selection.skipped,
        # What is made of a GGUF file is a causal model: it holds no head of another kind.
        family=Family.CAUSAL if facts.config is None else families.family_of(facts.config.document),
    )


def _source(name: str, revision: str, selection: Selection, *, digest: str | None = None) -> ModelSource:
    """The source with its format, and of GGUF the file, so that the spec says which one was measured."""
    gguf = selection.weights_format is WeightsFormat.GGUF
    return ModelSource(
        name=name,
        revision=revision,
        digest=digest,
        weights_format=selection.weights_format,
        gguf_file=selection.weights[0] if gguf else None,
    )


def manifest_of(folder: Path, selection: Selection) -> Manifest:
    """The manifest of a folder of this site, as intake would write it.

    Contents are read once and remembered by size and time of change, so a large mirror is digested once.
    """
    kinds = model_folder.kinds_of(selection)
    return Manifest(
        files=tuple(
            ManifestFile(
                name=name,
                kind=kinds[name],
                size=(folder / name).stat().st_size,
                sha256=_digest(folder / name),
            )
            for name in sorted(selection.names)
        )
    )


def _digest(path: Path) -> str:
    facts = path.stat()
    stamp = f"{path}:{facts.st_ino}:{facts.st_size}:{facts.st_mtime_ns}"
    key = f"digest:{hashlib.sha256(stamp.encode()).hexdigest()}"
    known = cache.get(key)
    if isinstance(known, str):
        return known
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    cache.set(key, found, timeout=None)
    return found


def _from_hub(name: str, revision: str | None, entry: Model | None, gguf_file: str | None) -> Found:
    if os.environ.get("HF_HUB_OFFLINE", "") in {"1", "true", "yes"}:
        raise Unresolved(
            "unknown_model",
            f"There is no model {name} here, and this site does not ask the hub.",
            "Check the spelling (org/name), or put the files into the mirror that ZOO_MODELS_DIR names.",
        )
    document = _ask_hub(name, check_revision(revision or "main"))
    commit, siblings = document.get("sha"), document.get("siblings")
    if not isinstance(commit, str) or not is_commit(commit) or not isinstance(siblings, list):
        raise Unresolved("hub_answer", f"The hub's answer about {name} cannot be read.", "Try again later.")
    found = document.get("id")
    if isinstance(found, str) and found.lower() != name.lower():
        raise Unresolved(
            "model_moved", f"The hub has moved {name} to {shown(found)}.", "Submit it by that name."
        )
    listed = [_listed(item) for item in siblings if isinstance(item, dict) and "rfilename" in item]
    selection = select(listed, gguf_file=gguf_file)
    return Found(
        _source(name, commit, selection),
        entry,
        architecture=entry.architecture if entry else "",
        parameters=entry.parameters if entry else _parameters_of(selection),
        total_bytes=selection.total_bytes or None,
        skipped=selection.skipped,
        gated=bool(document.get("gated")),
        family=_family_on_hub(selection, entry),
    )


def _family_on_hub(selection: Selection, entry: Model | None) -> Family | None:
    """Only the catalog knows it before the files are here; of GGUF it is plain."""
    if selection.weights_format is WeightsFormat.GGUF:
        return Family.CAUSAL
    return families.family_in_words(entry.architecture) if entry is not None else None


def _listed(sibling: dict[str, object]) -> Listed:
    """A file of the hub's list; large ones have their size apart."""
    large = sibling.get("lfs")
    size = (large if isinstance(large, dict) else sibling).get("size")
    return Listed(str(sibling["rfilename"]), size if type(size) is int and size >= 0 else None)


def _parameters_of(selection: Selection) -> int | None:
    """A guess from the size of the weights, which are mostly published with two bytes each."""
    if selection.weights_format is not WeightsFormat.SAFETENSORS:
        return None
    weights = [chosen.file.size for chosen in selection.files if chosen.file.name in selection.weights]
    return sum(size for size in weights if size) // 2 or None


def _ask_hub(name: str, revision: str) -> dict[str, object]:
    endpoint = os.environ.get("HF_ENDPOINT") or DEFAULT_ENDPOINT
    address = f"{endpoint.rstrip('/')}/api/models/{name}/revision/{quote(revision, safe='')}?blobs=true"
    try:
        with (
            httpx.Client(timeout=HUB_SECONDS, follow_redirects=False) as client,
            client.stream("GET", address) as answer,
        ):
            if answer.status_code in (401, 403, 404):
                raise Unresolved(
                    "unknown_model",
                    f"The hub has no model {name} at revision {shown(revision)}, or it is private.",
                    "Check the spelling: org/name, or org/name@revision.",
                )
            if answer.status_code in (301, 302, 307, 308):
                raise Unresolved("model_moved", f"The hub has moved {name}.", "Submit it by its new name.")
            if answer.status_code != 200:
                raise Unresolved(
                    "hub_unavailable", f"The hub answered {answer.status_code}.", "Try again later."
                )
            body = b""
            for block in answer.iter_bytes():
                body += block
                if len(body) > MAX_HUB_ANSWER:
                    raise Unresolved("hub_answer", f"The hub's answer about {name} is too long.")
    except httpx.HTTPError as error:
        raise Unresolved(
            "hub_unavailable",
            f"{name} is not in the catalog's mirror, and the hub could not be reached.",
            "Check the spelling (org/name), try again later, or put the files into ZOO_MODELS_DIR.",
        ) from error
    return dict(parse_object(body, name="The hub's answer", max_bytes=MAX_HUB_ANSWER, max_values=2_000_000))
