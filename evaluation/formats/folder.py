"""A model's folder, looked at from outside: what it holds and what its headers say. Loads no weights.

For intake, which then lets a runner in, and for the catalog, which records. Every file is opened without
following links, and a device or a pipe is never opened at all.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path

from evaluation.contract import WeightsFormat
from evaluation.formats import card as card_format
from evaluation.formats import config as config_format
from evaluation.formats import gguf, safetensors, sharded, tokenizer
from evaluation.formats.errors import FormatError, shown
from evaluation.formats.files import INDEX, Kind, Listed, Selection, too_large

MAX_LISTED = 10_000


@dataclass(frozen=True, slots=True)
class Facts:
    """What configuration, headers, tokenizer and card of a model say."""

    architecture: str
    model_type: str
    parameters: int
    """Counted from the headers of the weights."""
    elements_by_dtype: Mapping[str, int]
    layers: int | None = None
    hidden_size: int | None = None
    vocabulary: int | None = None
    context_length: int | None = None
    quantization: str | None = None
    tokenizer_digest: str | None = None
    templates: Mapping[str, str] = field(default_factory=dict)
    """Chat templates by name."""
    card: card_format.Card | None = None
    config: config_format.ModelConfig | None = None
    notes: tuple[str, ...] = ()


def open_plain(folder: Path, name: str) -> BufferedReader:
    """Opens a regular file of the folder for reading.

    Raises FormatError (``bad_file``) for links, devices and pipes, which are never opened.
    """
    path = folder / name
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise _not_plain(name)
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _not_plain(name) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _not_plain(name)
    return os.fdopen(descriptor, "rb")


def read_plain(folder: Path, name: str, limit: int) -> bytes:
    """A file's bytes. Raises FormatError (``bad_file``, ``file_too_large``)."""
    with open_plain(folder, name) as file:
        data = file.read(limit + 1)
        if len(data) > limit:
            raise too_large(name, os.fstat(file.fileno()).st_size, limit)
        return data


def list_folder(folder: Path) -> list[Listed]:
    """The files directly in a folder with their sizes, by name. Folders within are left out.

    Raises FormatError: ``bad_file`` for a link or a device with the name of a file, ``too_many_files``.
    """
    listed: list[Listed] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            facts = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(facts.st_mode):
                continue
            if not stat.S_ISREG(facts.st_mode):
                raise _not_plain(entry.name)
            listed.append(Listed(entry.name, facts.st_size))
            if len(listed) > MAX_LISTED:
                raise FormatError("too_many_files", f"The folder has more than {MAX_LISTED} files.")
    return sorted(listed)


def inspect(folder: Path, selection: Selection) -> Facts:
    """Reads and checks everything of the selection but the numbers of the weights.

    Raises FormatError with the first thing that is not acceptable.
    """
    names = {chosen.file.name for chosen in selection.files}
    if selection.weights_format is WeightsFormat.GGUF:
        return _inspect_gguf(folder, selection.weights[0], names)
    config = config_format.read_config(read_plain(folder, "config.json", config_format.MAX_BYTES))
    headers = {name: _safetensors_header(folder, name) for name in selection.weights}
    if INDEX in names:
        _check_index(folder, headers)
    elements: dict[str, int] = {}
    for header in headers.values():
        for dtype, count in header.elements_by_dtype.items():
            elements[dtype] = elements.get(dtype, 0) + count
    return Facts(
        architecture=config.architecture,
        model_type=config.model_type,
        parameters=sum(header.parameters for header in headers.values()),
        elements_by_dtype=elements,
        layers=config.layers,
        hidden_size=config.hidden_size,
        vocabulary=config.vocabulary,
        context_length=config.context_length,
        quantization=config.quantization,
        tokenizer_digest=_tokenizer_digest(folder, names),
        templates=_templates(folder, names),
        card=_card(folder, names),
        config=config,
        notes=config.notes,
    )


def _inspect_gguf(folder: Path, name: str, names: set[str]) -> Facts:
    with open_plain(folder, name) as file:
        header = gguf.read_header(file, os.fstat(file.fileno()).st_size, name=name)
    return facts_of_gguf(header, _card(folder, names))


def facts_of_gguf(header: gguf.Header, card: card_format.Card | None) -> Facts:
    """What a GGUF file's header says. Without a card beside it, the license in the header stands for one."""
    template = header.chat_template
    elements: dict[str, int] = {}
    for tensor in header.tensors:
        elements[tensor.block_type.name] = elements.get(tensor.block_type.name, 0) + tensor.elements
    return Facts(
        architecture=header.architecture,
        model_type=header.architecture,
        parameters=header.parameters,
        elements_by_dtype=elements,
        layers=header.number(f"{header.architecture}.block_count"),
        hidden_size=header.number(f"{header.architecture}.embedding_length"),
        vocabulary=header.vocabulary,
        context_length=header.context_length,
        quantization=header.quantization,
        tokenizer_digest=header.tokenizer_digest,
        templates={"default": tokenizer.check_template(template)} if template is not None else {},
        card=card or _card_in(header),
    )


def _card_in(header: gguf.Header) -> card_format.Card | None:
    """The license that converters copy from the card into the header, as a card that says nothing else."""
    keys = {"license": "license", "license.name": "license_name", "license.link": "license_link"}
    found = {name: header.text(f"general.{key}") for key, name in keys.items()}
    front = {name: text[:200] for name, text in found.items() if text}
    return card_format.Card(front=front, text="") if "license" in front else None


def _safetensors_header(folder: Path, name: str) -> safetensors.Header:
    with open_plain(folder, name) as file:
        return safetensors.read_header(file, os.fstat(file.fileno()).st_size, name=name)


def _check_index(folder: Path, headers: Mapping[str, safetensors.Header]) -> None:
    """The index names the files that are there, and each tensor lies where the index says."""
    index = sharded.read_index(read_plain(folder, INDEX, sharded.MAX_BYTES), headers.keys())
    for shard, header in headers.items():
        for tensor in header.tensors:
            if index.weight_map.get(tensor.name) != shard:
                raise FormatError(
                    sharded.CODE,
                    f"The weights' index does not say that {shown(tensor.name)} lies in {shown(shard)}.",
                    "Save the model again with save_pretrained and upload all of it.",
                )
    if len(index.weight_map) != sum(len(header.tensors) for header in headers.values()):
        raise FormatError(sharded.CODE, "The weights' index names tensors that are in no file.")


def _tokenizer_digest(folder: Path, names: set[str]) -> str | None:
    if "tokenizer.json" in names:
        document = tokenizer.read_tokenizer(read_plain(folder, "tokenizer.json", tokenizer.MAX_BYTES))
        return tokenizer.tokenizer_digest(document)
    vocabulary = sorted(
        name for name in names if name.endswith((".model", "merges.txt")) or name.startswith("vocab.")
    )
    if not vocabulary:
        return None
    return tokenizer.files_digest({name: read_plain(folder, name, 32 << 20) for name in vocabulary})


def _templates(folder: Path, names: set[str]) -> dict[str, str]:
    made: dict[str, str] = {}
    if "tokenizer_config.json" in names:
        data = read_plain(folder, "tokenizer_config.json", tokenizer.MAX_CONFIG_BYTES)
        made.update(tokenizer.read_tokenizer_config(data).templates)
    if "chat_template.jinja" in names:
        data = read_plain(folder, "chat_template.jinja", tokenizer.MAX_TEMPLATE)
        made["default"] = tokenizer.check_template(data.decode("utf-8", "replace"))
    return made


def _card(folder: Path, names: set[str]) -> card_format.Card | None:
    """The card, or None where there is none or none that can be read: a bad card spoils no measurement."""
    if "README.md" not in names:
        return None
    try:
        return card_format.read_card(read_plain(folder, "README.md", card_format.MAX_BYTES))
    except FormatError:
        return None


def kinds_of(selection: Selection) -> dict[str, Kind]:
    """What each file of the selection is for."""
    return {chosen.file.name: chosen.kind for chosen in selection.files}


def _not_plain(name: str) -> FormatError:
    return FormatError(
        "bad_file",
        f"{shown(name)} is missing or is not a plain file (a link, a device or a pipe).",
        "Copy the files themselves, for example with cp -L.",
    )
