"""Tokenizer files and chat templates: known classes, bounded sizes, and a digest that equal tokenizers share.

Reads JSON alone. Whether a tokenizer or a template can be run within its limits is found out in a process
apart, by intake.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from evaluation.contract import digest_of
from evaluation.formats.bounded_json import Json, parse_object
from evaluation.formats.errors import FormatError, shown
from evaluation.formats.known_names import TOKENIZER_CLASSES

CODE = "bad_tokenizer"
MAX_BYTES = 64 << 20
MAX_CONFIG_BYTES = 4 << 20
MAX_TEMPLATE = 64 << 10
MAX_TOKENS = 2_000_000
KINDS = frozenset({"BPE", "WordPiece", "Unigram", "WordLevel"})
LOADING_TAG = re.compile(r"\{%[-+]?\s*(include|import|from|extends)\b")
OF_THE_CALLER = ("version", "truncation", "padding")
"""Settings in ``tokenizer.json`` that say how it was last used and not what it is."""


@dataclass(frozen=True, slots=True)
class TokenizerConfig:
    """What ``tokenizer_config.json`` says, and its templates by name ("default" for the only one)."""

    tokenizer_class: str | None
    templates: Mapping[str, str]


def read_tokenizer_config(data: bytes) -> TokenizerConfig:
    """Parses and checks ``tokenizer_config.json``.

    Raises FormatError: ``bad_json``, ``file_too_large``, ``needs_remote_code``, ``bad_tokenizer``, ``bad_template``.
    """
    document = parse_object(data, name="tokenizer_config.json", max_bytes=MAX_CONFIG_BYTES)
    if document.get("auto_map") is not None or document.get("trust_remote_code"):
        raise FormatError(
            "needs_remote_code",
            "tokenizer_config.json needs code from the model's repository, and such code is never run.",
            "Save the tokenizer as a fast tokenizer (tokenizer.json) and remove auto_map.",
        )
    name = document.get("tokenizer_class")
    if name is not None and (not isinstance(name, str) or not _is_known(name)):
        raise FormatError(
            CODE,
            f"tokenizer_config.json names the class {shown(name)}, which the transformers library does not have.",
            "Save the tokenizer with one of the library's classes, for example PreTrainedTokenizerFast.",
        )
    return TokenizerConfig(name, _templates(document.get("chat_template")))


def check_template(text: str) -> str:
    """The template if its size and its tags are acceptable. Raises FormatError (``bad_template``)."""
    if len(text) > MAX_TEMPLATE:
        raise _bad_template(f"has {len(text)} characters and may have {MAX_TEMPLATE}")
    found = LOADING_TAG.search(text)
    if found is not None:
        raise _bad_template(f"uses '{found[1]}', which loads other files")
    return text


def read_tokenizer(data: bytes) -> dict[str, Json]:
    """Parses ``tokenizer.json`` far enough to know its kind and size.

    Raises FormatError: ``bad_json``, ``file_too_large``, ``bad_tokenizer``.
    """
    document = parse_object(
        data, name="tokenizer.json", max_bytes=MAX_BYTES, max_depth=24, max_values=4 * MAX_TOKENS
    )
    model = document.get("model")
    kind = model.get("type", "BPE") if isinstance(model, dict) else None
    if not isinstance(model, dict) or not isinstance(kind, str) or kind not in KINDS:
        raise FormatError(
            CODE, f"tokenizer.json holds a model of the kind {shown(kind)}, which is not known."
        )
    vocabulary = model.get("vocab")
    if not isinstance(vocabulary, dict | list) or not 0 < len(vocabulary) <= MAX_TOKENS:
        raise FormatError(CODE, f"tokenizer.json must hold 1 to {MAX_TOKENS} tokens.")
    return document


def tokenizer_digest(document: Mapping[str, Json]) -> str:
    """SHA-256 (hex) over what ``tokenizer.json`` does to text.

    The same for files that differ in order of keys, in the way merges are written (pairs or joined by a space),
    or in how the tokenizer was last used (padding, truncation).
    """
    kept = {key: value for key, value in document.items() if key not in OF_THE_CALLER}
    model = kept.get("model")
    if isinstance(model, dict):
        kept["model"] = {"type": "BPE"} | model | {"merges": _merges(model.get("merges"))}
    return digest_of(kept)


def files_digest(files: Mapping[str, bytes]) -> str:
    """SHA-256 (hex) over vocabulary files, for a tokenizer without ``tokenizer.json``."""
    return digest_of({name: hashlib.sha256(data).hexdigest() for name, data in files.items()})


def _merges(merges: Json) -> Json:
    if not isinstance(merges, list):
        return merges
    pairs: list[Json] = []
    for merge in merges:
        pairs.append([*merge.split(" ", 1)] if isinstance(merge, str) else merge)
    return pairs


def _is_known(name: str) -> bool:
    return name.removesuffix("Fast") in TOKENIZER_CLASSES


def _templates(value: Json) -> dict[str, str]:
    if value is None:
        return {}
    if isinstance(value, str):
        return {"default": check_template(value)}
    made: dict[str, str] = {}
    for item in value if isinstance(value, list) else [None]:
        name, template = (item.get("name"), item.get("template")) if isinstance(item, dict) else (None, None)
        if not isinstance(name, str) or not isinstance(template, str) or len(made) >= 20:
            raise _bad_template("is neither a text nor a short list of named texts")
        made[name] = check_template(template)
    return made


def _bad_template(reason: str) -> FormatError:
    return FormatError(
        "bad_template", f"The chat template {reason}.", "Shorten it to the plain loop over messages."
    )
