"""``config.json``: numbers in ranges, nothing that asks for foreign code, an architecture that is known.

Decides before any library sees the folder, since a library may take minutes over one absurd number. What is
merely not needed is taken out and noted; what would be needed and cannot be had is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from evaluation.formats.bounded_json import Json, parse_object
from evaluation.formats.errors import FormatError, shown
from evaluation.formats.known_names import MODEL_TYPES

CODE = "bad_config"
MAX_BYTES = 1 << 20
MAX_LIST = 20_000
MAX_ANY_NUMBER = 1 << 53

RANGES: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        **dict.fromkeys(("num_hidden_layers", "n_layer", "n_layers", "num_layers", "num_decoder_layers"), (1, 512)),
        **dict.fromkeys(("hidden_size", "n_embd", "dim", "d_model", "embedding_size"), (1, 1 << 16)),
        **dict.fromkeys(("intermediate_size", "hidden_dim", "ffn_dim", "d_ff", "moe_intermediate_size"), (1, 1 << 20)),
        **dict.fromkeys(("num_attention_heads", "n_head", "n_heads", "num_heads", "num_key_value_heads"), (1, 1024)),
        **dict.fromkeys(("max_position_embeddings", "n_positions", "n_ctx", "seq_length"), (1, 20_000_000)),
        **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts"), (0, 4096)),
        "head_dim": (1, 4096),
        "vocab_size": (1, 2_000_000),
        "num_labels": (1, 10_000),
        "type_vocab_size": (0, 1024),
    }
)  # fmt: skip
"""Numbers that decide how much is built. None is allowed where the library has a default."""

HIDDEN = ("hidden_size", "n_embd", "dim", "d_model")
HEADS = ("num_attention_heads", "n_head", "n_heads", "num_heads")
LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
CONTEXT = ("max_position_embeddings", "n_positions", "n_ctx")

QUANTIZATIONS = frozenset(
    {
        "awq",
        "bitnet",
        "bitsandbytes",
        "compressed-tensors",
        "fbgemm_fp8",
        "fp8",
        "gptq",
        "hqq",
        "mxfp4",
        "torchao",
    }
)
ATTENTION = frozenset({"eager", "sdpa", "flash_attention_2", "flash_attention_3", "flex_attention"})
INTERNAL = (
    "_attn_implementation_internal",
    "_attn_implementation_autoset",
    "_experts_implementation_internal",
)
OF_THE_LIBRARY = frozenset({"grouped_mm", "batched_mm"}) | ATTENTION
DROPPED = ("auto_map", "custom_pipelines")


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """A configuration that may be loaded, and what it says."""

    document: dict[str, Json]
    """Without what was taken out."""
    model_type: str
    architecture: str
    """The first of ``architectures``, or the model type."""
    layers: int | None
    hidden_size: int | None
    vocabulary: int | None
    context_length: int | None
    quantization: str | None
    notes: tuple[str, ...]
    """What was taken out, in words for the page."""

    @property
    def changed(self) -> bool:
        """Whether anything was taken out."""
        return bool(self.notes)


def read_config(data: bytes) -> ModelConfig:
    """Parses and checks ``config.json``.

    Raises FormatError: ``bad_json``, ``file_too_large``, ``bad_config``, ``needs_remote_code``,
    ``unknown_architecture``.
    """
    document = parse_object(data, name="config.json", max_bytes=MAX_BYTES)
    model_type = document.get("model_type")
    known = isinstance(model_type, str) and model_type in MODEL_TYPES
    for part in _parts(document):
        _check_code(part, known=known)
        _check_numbers(part)
        _check_heads(part)
    if not isinstance(model_type, str) or not known:
        raise FormatError(
            "unknown_architecture",
            f"config.json has the model_type {shown(model_type)}, which is no language model that is known here.",
            "Name an architecture of the transformers library that has a causal or a masked head.",
        )
    quantization = _quantization(document)
    notes = tuple(_take_out(document))
    return _facts(document, model_type, quantization, notes)


def _facts(
    document: dict[str, Json], model_type: str, quantization: str | None, notes: tuple[str, ...]
) -> ModelConfig:
    architectures = document.get("architectures")
    first = architectures[0] if isinstance(architectures, list) and architectures else None
    text = document.get("text_config")
    inner = text if isinstance(text, dict) else document
    return ModelConfig(
        document=document,
        model_type=model_type,
        architecture=first if isinstance(first, str) and len(first) <= 100 else model_type,
        layers=_first(inner, LAYERS),
        hidden_size=_first(inner, HIDDEN),
        vocabulary=_first(inner, ("vocab_size",)),
        context_length=_first(inner, CONTEXT),
        quantization=quantization,
        notes=notes,
    )


def _parts(document: dict[str, Json]) -> Iterator[dict[str, Json]]:
    """The document and every object within it."""
    todo: list[Json] = [document]
    while todo:
        value = todo.pop()
        if isinstance(value, dict):
            yield value
            todo += value.values()
        elif isinstance(value, list):
            todo += value


def _check_code(part: Mapping[str, Json], *, known: bool) -> None:
    if part.get("auto_map") is not None and not known:
        raise FormatError(
            "needs_remote_code",
            "config.json needs code from the model's repository (auto_map), and such code is never run.",
            "Convert the model to an architecture that the transformers library has, and remove auto_map.",
        )
    if part.get("trust_remote_code"):
        raise FormatError(
            "needs_remote_code",
            "config.json asks for trust_remote_code, and foreign code is never run.",
            "Remove the key from config.json.",
        )
    for key, value in part.items():
        if key in INTERNAL and value not in (None, False, True):
            raise _bad(f"sets {key}, which is internal to the library")
        if key.endswith(("attn_implementation", "experts_implementation")):
            _check_implementation(key, value)


def _check_implementation(key: str, value: Json) -> None:
    """One of the library's own by name, or an object of such (for models of several parts)."""
    names = list(value.values()) if isinstance(value, dict) else [value]
    for name in names:
        if name is not None and not (isinstance(name, str) and name in OF_THE_LIBRARY):
            raise _bad(f"sets {key} to {shown(name)}, which is not one of the library's own")


def _check_numbers(part: Mapping[str, Json]) -> None:
    for key, value in part.items():
        if isinstance(value, list) and len(value) > MAX_LIST:
            raise _bad(f"has {len(value)} values in {shown(key)} and may have {MAX_LIST}")
        if (
            key in ("id2label", "label2id")
            and isinstance(value, dict)
            and len(value) > RANGES["num_labels"][1]
        ):
            raise _bad(f"has {len(value)} labels and may have {RANGES['num_labels'][1]}")
        if type(value) in (int, float) and isinstance(value, int | float) and abs(value) > MAX_ANY_NUMBER:
            raise _bad(f"has {shown(key)} = {shown(value)}, which is too large for anything")
        if key in RANGES and value is not None:
            _check_range(key, value)


def _check_range(key: str, value: Json) -> None:
    lowest, highest = RANGES[key]
    values = value if isinstance(value, list) else [value]
    for number in values:
        if number is not None and (type(number) is not int or not lowest <= number <= highest):
            raise _bad(
                f"has {key} = {shown(number)}, which must be a whole number from {lowest} to {highest}"
            )


def _check_heads(part: Mapping[str, Json]) -> None:
    hidden, heads = _first(part, HIDDEN), _first(part, HEADS)
    if hidden and heads and not _first(part, ("head_dim",)) and hidden % heads:
        raise _bad(f"has {heads} attention heads, which do not divide the hidden size of {hidden}")
    groups = _first(part, ("num_key_value_heads",))
    if heads and groups and heads % groups:
        raise _bad(f"has {groups} key-value heads, which do not divide the {heads} attention heads")


def _quantization(document: Mapping[str, Json]) -> str | None:
    settings = document.get("quantization_config")
    if settings is None:
        return None
    if not isinstance(settings, dict):
        raise _bad("has a quantization_config that is not an object")
    method = settings.get("quant_method")
    if not isinstance(method, str) or method not in QUANTIZATIONS:
        raise _bad(f"names the quantization {shown(method)}, which is not known here")
    for part in _parts(settings):
        for key, value in part.items():
            if isinstance(value, str) and ("/" in value or "\\" in value) and "modules" not in key:
                raise _bad(f"names a path in its quantization_config ({shown(key)})")
    return method


def _take_out(document: dict[str, Json]) -> Iterator[str]:
    for part in _parts(document):
        for key in DROPPED:
            if part.pop(key, None) is not None:
                yield f"{key} was taken out of config.json: code from a model's repository is never run."


def _first(part: Mapping[str, Json], keys: tuple[str, ...]) -> int | None:
    for key in keys:
        value = part.get(key)
        if type(value) is int:
            return value
    return None


def _bad(reason: str) -> FormatError:
    return FormatError(CODE, f"config.json {reason}.", "Correct config.json and upload it again.")
