"""A model described from its files: sizes, digests, counted parameters, configuration, card. Loads no weights.

Raises FormatError (see evaluation.formats) with the first thing that is not acceptable; nothing is written here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import yaml

from evaluation.contract import WeightsFormat
from evaluation.formats import safetensors
from evaluation.formats.card import read_card, read_front
from evaluation.formats.errors import FormatError
from evaluation.formats.files import Kind, Listed, Selection, select
from evaluation.formats.folder import Facts, inspect, list_folder, open_plain, read_plain
from evaluation.formats.manifest import Manifest, ManifestFile
from zoo.catalog.digests import of_texts
from zoo.catalog.imports.cards import CardFacts, CardScore, read_eval_results, read_facts

_BLOCK = 1 << 20
_MAX_EVAL_FILES = 50
_MAX_EVAL_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file of the model."""

    path: str
    size: int
    sha256: str
    """Empty where it was not read and nobody stated it."""


@dataclass(frozen=True, slots=True)
class Description:
    """What was found out about one immutable state of a model."""

    origin: Literal["hub", "directory", "card"]
    commit: str = ""
    digest: str = ""
    """Of the manifest, as in evaluation.contract; empty where not every file was digested."""
    tensors_digest: str = ""
    files: tuple[FileRow, ...] = ()
    parameters: int | None = None
    weights_format: str = ""
    architecture: str = ""
    model_type: str = ""
    context_length: int | None = None
    vocabulary: int | None = None
    quantization: str = ""
    tokenizer_digest: str = ""
    card: CardFacts | None = None
    eval_results: tuple[CardScore, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def size_bytes(self) -> int | None:
        """Bytes of all files; None where none was looked at."""
        return sum(file.size for file in self.files) or None

    def facts(self, reference: str) -> dict[str, str | int | None]:
        """What the files say about the entry of this id, by field; empty where they say nothing."""
        found: dict[str, str | int | None] = {
            "parameters": self.parameters,
            "context_length": self.context_length,
            "family": self.model_type,
            "availability": "open" if self.files else "",
            "hub_id": reference if self.origin == "hub" else "",
        }
        if self.card:
            found |= {"license": self.card.license, "hub_license_tag": self.card.hub_tag}
        return found


def describe_folder(folder: Path, *, digest_tensors: bool = True) -> Description:
    """Reads a folder: every file is digested, and with ``digest_tensors`` every tensor of safetensors too.

    Raises FormatError as ``evaluation.formats`` documents: pickled weights, foreign code, broken headers, links.
    """
    selection = select(list_folder(folder))
    facts = inspect(folder, selection)
    files = tuple(_digested(folder, selection))
    manifest = Manifest(
        files=tuple(
            ManifestFile(name=row.path, kind=chosen.kind, size=row.size, sha256=row.sha256)
            for row, chosen in zip(files, selection.files, strict=True)
        )
    )
    found = Description(
        origin="directory",
        digest=manifest.digest,
        tensors_digest=tensors_digest(folder, selection) if digest_tensors else "",
        files=files,
        weights_format=str(selection.weights_format),
        eval_results=tuple(_eval_results(folder)),
        notes=facts.notes,
    )
    return with_facts(found, facts)


def with_facts(found: Description, facts: Facts) -> Description:
    """The description with what configuration, headers, tokenizer and card of the files say."""
    return replace(
        found,
        parameters=facts.parameters,
        architecture=facts.architecture,
        model_type=facts.model_type,
        context_length=facts.context_length,
        vocabulary=facts.vocabulary,
        quantization=facts.quantization or "",
        tokenizer_digest=facts.tokenizer_digest or "",
        card=read_facts(facts.card) if facts.card else None,
    )


def describe_card(data: bytes) -> Description:
    """Reads a card alone. Raises FormatError (``bad_card``)."""
    return Description(origin="card", card=read_facts(read_card(data)))


def tensors_digest(folder: Path, selection: Selection) -> str:
    """SHA-256 (hex) over the contents of all tensors, whatever their names, order and files.

    Equal weights have it in common after renaming, resharding or re-uploading. Empty for GGUF, whose blocks are
    digested with the file.
    """
    if selection.weights_format is not WeightsFormat.SAFETENSORS:
        return ""
    digests: list[str] = []
    for name in selection.weights:
        with open_plain(folder, name) as file:
            header = safetensors.read_header(file, (folder / name).stat().st_size, name=name)
            digests += [digest for _, digest in safetensors.tensor_digests(file, header)]
    return of_texts(*sorted(digests))


def _digested(folder: Path, selection: Selection) -> Iterator[FileRow]:
    for chosen in selection.files:
        digest, size = hashlib.sha256(), 0
        with open_plain(folder, chosen.file.name) as file:
            while block := file.read(_BLOCK):
                digest.update(block)
                size += len(block)
        yield FileRow(chosen.file.name, size, digest.hexdigest())


def _eval_results(folder: Path) -> Iterator[CardScore]:
    """Scores in ``.eval_results``; a file that cannot be read is left out."""
    place = folder / ".eval_results"
    if place.is_symlink() or not place.is_dir():
        return
    names = [row.name for row in list_folder(place) if row.name.endswith((".yaml", ".yml"))]
    for name in names[:_MAX_EVAL_FILES]:
        try:
            text = read_plain(place, name, _MAX_EVAL_BYTES).decode("utf-8", "replace")
            # The bounded reader wants keys and values at the top; the file is a list.
            yield from read_eval_results(read_front("rows:\n" + _indented(text))["rows"])
        except (FormatError, KeyError, yaml.YAMLError):
            continue


def _indented(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.splitlines())


def manifest_digest(selection: Selection, files: Sequence[FileRow]) -> str:
    """The digest of the manifest, where every counted file has its own; else empty."""
    rows = {row.path: row for row in files}
    made = []
    for chosen in selection.files:
        row = rows[chosen.file.name]
        if not row.sha256 and chosen.kind is not Kind.CARD:
            return ""
        made.append(
            ManifestFile(name=row.path, kind=chosen.kind, size=row.size, sha256=row.sha256 or "0" * 64)
        )
    return Manifest(files=tuple(made)).digest


def listed_of(files: Sequence[FileRow]) -> list[Listed]:
    """The files as ``evaluation.formats.files.select`` takes them."""
    return [Listed(row.path, row.size, row.sha256 or None) for row in files]
