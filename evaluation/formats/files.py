"""Which files of a model are taken: by name, by kind, up to a size per kind. Everything else is left where it is.

Weights are safetensors or one GGUF file. Formats that can hold code are never fetched, not even to look.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from evaluation.contract import WeightsFormat
from evaluation.formats.errors import FormatError, shown
from evaluation.formats.names import PLAIN_FILE, collision_key

MAX_FILES = 200
MAX_TOTAL = 200 << 30
MIB = 1 << 20
INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"
SHOWN_NAMES = 8
"""File names that a message lists."""


class Kind(StrEnum):
    """What a file is for."""

    CONFIG = "config"
    WEIGHTS = "weights"
    INDEX = "index"
    TOKENIZER = "tokenizer"
    CARD = "card"


class Rule(NamedTuple):
    """A pattern for whole names, what such files are for, and how large they may be."""

    pattern: re.Pattern[str]
    kind: Kind
    max_bytes: int


def _rule(pattern: str, kind: Kind, max_bytes: int) -> Rule:
    return Rule(re.compile(pattern + r"\Z"), kind, max_bytes)


RULES = (
    _rule(r"config\.json", Kind.CONFIG, MIB),
    _rule(r"generation_config\.json", Kind.CONFIG, MIB),
    _rule(r"tokenizer\.json", Kind.TOKENIZER, 64 * MIB),
    _rule(r"tokenizer_config\.json", Kind.TOKENIZER, 4 * MIB),
    _rule(r"(special_tokens_map|added_tokens|chat_template)\.json", Kind.TOKENIZER, 4 * MIB),
    _rule(r"chat_template\.jinja", Kind.TOKENIZER, 64 << 10),
    _rule(r"vocab\.(json|txt)|merges\.txt", Kind.TOKENIZER, 32 * MIB),
    _rule(r"(tokenizer|spiece|spm|sentencepiece\.bpe)\.model", Kind.TOKENIZER, 32 * MIB),
    _rule(r"model\.safetensors\.index\.json", Kind.INDEX, 16 * MIB),
    _rule(r"model(-\d{5}-of-\d{5})?\.safetensors", Kind.WEIGHTS, 100 << 30),
    _rule(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*\.gguf", Kind.WEIGHTS, 100 << 30),
    _rule(r"README\.md", Kind.CARD, 4 * MIB),
    _rule(r"(LICEN[CS]E|NOTICE|USE_POLICY)([._-][A-Za-z0-9._-]{0,40})?", Kind.CARD, MIB),
)
CAN_HOLD_CODE = re.compile(
    r".*\.(bin|pt|pth|ckpt|pkl|pickle|npz|npy|h5|hdf5|keras|joblib|msgpack|onnx|mar|nemo|tar|zip|7z|py|so|dll)\Z",
    re.I,
)


class Listed(NamedTuple):
    """A file as a hub or a folder lists it. ``size`` and ``sha256`` are claims until it has been read."""

    name: str
    size: int | None = None
    sha256: str | None = None


class Chosen(NamedTuple):
    """A file to take and what is known about it."""

    file: Listed
    kind: Kind
    max_bytes: int


@dataclass(frozen=True, slots=True)
class Selection:
    """The files of a model that are taken."""

    files: tuple[Chosen, ...]
    weights_format: WeightsFormat
    skipped: tuple[str, ...]
    """Names of files that were left, for a note."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all files."""
        return tuple(chosen.file.name for chosen in self.files)

    @property
    def weights(self) -> tuple[str, ...]:
        """Names of the files with weights."""
        return tuple(chosen.file.name for chosen in self.files if chosen.kind is Kind.WEIGHTS)

    @property
    def total_bytes(self) -> int:
        """Bytes of all files whose size is known."""
        return sum(chosen.file.size or 0 for chosen in self.files)


def rule_for(name: str) -> Rule | None:
    """The rule that takes a file of this name, or None."""
    if not PLAIN_FILE.match(name):
        return None
    return next((rule for rule in RULES if rule.pattern.match(name)), None)


def select(
    listed: Sequence[Listed],
    *,
    weights_format: WeightsFormat | None = None,
    gguf_file: str | None = None,
    max_total: int = MAX_TOTAL,
) -> Selection:
    """Chooses the files to take from a listing.

    ``gguf_file``: the GGUF file to take, of several or beside safetensors. Without it and ``weights_format``:
    safetensors if there are any, else the only GGUF file. Raises FormatError:
    ``weights_not_safetensors``, ``weights_missing``, ``gguf_ambiguous``, ``gguf_missing``, ``config_missing``,
    ``file_too_large``, ``too_many_files``, ``model_too_large``, ``bad_file_name``.
    """
    taken: list[Chosen] = []
    skipped: list[str] = []
    for file in listed:
        rule = rule_for(file.name)
        if rule is None:
            skipped.append(file.name)
        else:
            taken.append(Chosen(file, rule.kind, rule.max_bytes))
    if gguf_file is not None:
        _check_named(taken, gguf_file)
        weights_format = WeightsFormat.GGUF
    chosen_format = weights_format or _format_of(taken, listed)
    weights = _weights(taken, chosen_format, gguf_file, listed)
    kept = [c for c in taken if _is_kept(c, weights)]
    skipped += [c.file.name for c in taken if not _is_kept(c, weights)]
    _check(kept, chosen_format, max_total)
    return Selection(tuple(kept), chosen_format, tuple(skipped))


def _is_kept(chosen: Chosen, weights: Collection[str]) -> bool:
    """Weights only as chosen, and the index only where it is what chose them."""
    if chosen.kind is Kind.WEIGHTS:
        return chosen.file.name in weights
    return chosen.kind is not Kind.INDEX or (
        SINGLE not in weights and any("-of-" in name for name in weights)
    )


def _format_of(taken: Sequence[Chosen], listed: Sequence[Listed]) -> WeightsFormat:
    names = [chosen.file.name for chosen in taken if chosen.kind is Kind.WEIGHTS]
    if any(name.endswith(".safetensors") for name in names):
        return WeightsFormat.SAFETENSORS
    if any(name.endswith(".gguf") for name in names):
        return WeightsFormat.GGUF
    raise _no_weights(listed)


def _no_weights(listed: Sequence[Listed]) -> FormatError:
    remedy = "Save the model with save_pretrained(safe_serialization=True) and upload model.safetensors."
    names = [file.name for file in listed]
    if any(name.startswith("adapter_model") for name in names):
        message = "The model is an adapter alone, without the weights it belongs to."
        return FormatError(
            "adapter_only", message, "Merge the adapter into its base model and save the result."
        )
    unsafe = next((name for name in names if CAN_HOLD_CODE.match(name) and not name.endswith(".py")), None)
    if unsafe is not None:
        message = f"The weights are in {shown(unsafe)}, a format that can hold code."
        return FormatError("weights_not_safetensors", message, remedy)
    message = "There is neither a model.safetensors nor a GGUF file."
    return FormatError("weights_missing", message, remedy)


def _weights(
    taken: Sequence[Chosen], chosen: WeightsFormat, gguf_file: str | None, listed: Sequence[Listed]
) -> Collection[str]:
    names = [
        c.file.name for c in taken if c.kind is Kind.WEIGHTS and c.file.name.endswith(f".{chosen.value}")
    ]
    if not names:
        raise _no_weights(listed)
    if chosen is WeightsFormat.SAFETENSORS:
        # The library takes the single file first, so shards beside it are leftovers of another way of saving.
        if SINGLE not in names and INDEX not in {c.file.name for c in taken}:
            remedy = f"Upload {INDEX}, which save_pretrained writes."
            raise FormatError("index_missing", "The weights lie in parts without an index.", remedy)
        return {SINGLE} if SINGLE in names else set(names)
    if gguf_file is None and len(names) > 1:
        message = f"There are {len(names)} GGUF files: {_some(names)}."
        raise FormatError("gguf_ambiguous", message, "Say which one with gguf_file.")
    return {gguf_file or names[0]}


def _check_named(taken: Sequence[Chosen], gguf_file: str) -> None:
    """Whether the GGUF file that was named is there. Raises FormatError (``gguf_missing``)."""
    names = [c.file.name for c in taken if c.file.name.endswith(".gguf")]
    if gguf_file not in names:
        remedy = f"Name one of these: {_some(names)}." if names else "Leave gguf_file out."
        raise FormatError("gguf_missing", f"There is no GGUF file named {shown(gguf_file)}.", remedy)


def _some(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    return ", ".join(map(shown, sorted(names)[:SHOWN_NAMES])) + more


def _check(kept: Sequence[Chosen], chosen: WeightsFormat, max_total: int) -> None:
    names = [c.file.name for c in kept]
    if len(names) > MAX_FILES:
        raise FormatError("too_many_files", f"The model has {len(names)} files and may have {MAX_FILES}.")
    if len({collision_key(name) for name in names}) != len(names):
        raise FormatError("bad_file_name", "Two files have names that some systems hold to be the same.")
    if chosen is WeightsFormat.SAFETENSORS and "config.json" not in names:
        remedy = "Upload the config.json that save_pretrained writes."
        raise FormatError("config_missing", "There is no config.json beside the weights.", remedy)
    for c in kept:
        if c.file.size is not None and c.file.size > c.max_bytes:
            raise too_large(c.file.name, c.file.size, c.max_bytes)
    total = sum(c.file.size or 0 for c in kept)
    if total > max_total:
        raise FormatError("model_too_large", f"The model has {total} bytes and may have {max_total} here.")


def too_large(name: str, size: int, limit: int) -> FormatError:
    """The refusal of a file over its limit."""
    return FormatError("file_too_large", f"{name} has {size} bytes and may have {limit}.")
