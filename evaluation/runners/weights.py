"""Makes safetensors of a GGUF file, once per file and number format, without running anything from it.

transformers reads the tensors and the tokenizer; the chat template is carried over as text and not rendered.
The model it gives still calls itself quantized although its layers are plain, and could not be saved or told from
a quantized one: its configuration is cleaned and its weights are put into a fresh model.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from evaluation.contract import RunSpec, WeightsFormat
from evaluation.runners.base import platform_failure, submitter_failure

FOLDER = "gguf"
DONE = "converted"
MAGIC = b"GGUF"


def is_gguf(directory: Path, spec: RunSpec) -> bool:
    """Whether the spec asks for a GGUF file, or there is nothing else to load."""
    if spec.model.weights_format is WeightsFormat.GGUF:
        return True
    return any(directory.glob("*.gguf")) and not any(directory.glob("*.safetensors"))


def gguf_path(directory: Path, named: str | None) -> Path:
    """The GGUF file to use: the named one, or the only one. Raises RunFailed (``gguf_ambiguous``, ...)."""
    files = sorted(directory.glob("*.gguf"))
    if named is not None:
        files = [path for path in files if path.name == named]
    if not files:
        raise submitter_failure(
            "gguf_missing", "The model has no such GGUF file.", "Name one that is there with gguf_file."
        )
    if len(files) > 1:
        raise submitter_failure(
            "gguf_ambiguous",
            f"The directory holds {len(files)} GGUF files: {', '.join(path.name for path in files[:8])}.",
            "Say which one with gguf_file.",
        )
    if files[0].open("rb").read(4) != MAGIC:
        raise submitter_failure("weights_unreadable", "The file is not a GGUF file.", "Fetch it again.")
    return files[0]


def converted(path: Path, cache: Path, dtype: str, tell: Callable[[str], None]) -> Path:
    """A directory with the same model as safetensors, made now or found in the cache.

    ``dtype`` is the number format to keep; float32 keeps every value of any quantization.
    """
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    target = cache / FOLDER / f"{digest[:32]}-{dtype}"
    if (target / DONE).exists():
        return target
    tell("converting GGUF to safetensors")
    working = target.with_name(f"{target.name}.{os.getpid()}")
    working.mkdir(parents=True, exist_ok=True)
    try:
        _convert(path, working, dtype)
        (working / DONE).touch()
        _publish(working, target)
    finally:
        shutil.rmtree(working, ignore_errors=True)
    return target


def _publish(working: Path, target: Path) -> None:
    """Puts the finished directory in its place; another process may have been first, with the same content."""
    try:
        working.rename(target)
    except OSError:
        if not (target / DONE).exists():
            shutil.rmtree(target, ignore_errors=True)
            working.rename(target)


def _convert(path: Path, target: Path, dtype: str) -> None:
    import torch
    import transformers

    options: dict[str, Any] = {"gguf_file": path.name, "local_files_only": True, "trust_remote_code": False}
    try:
        loaded = transformers.AutoModelForCausalLM.from_pretrained(
            path.parent, dtype=getattr(torch, dtype), **options
        )
        tokenizer = transformers.AutoTokenizer.from_pretrained(path.parent, **options)
    except (ValueError, KeyError, NotImplementedError, OSError, RuntimeError) as error:
        raise submitter_failure(
            "gguf_unsupported",
            f"transformers cannot read this GGUF file: {type(error).__name__}: {str(error)[:300]}",
            "Submit the original safetensors, or a GGUF of a supported architecture and quantization.",
        ) from error
    fields = loaded.config.to_dict()
    fields.pop("quantization_config", None)
    config = type(loaded.config).from_dict(fields)
    clean = type(loaded)(config).to(loaded.dtype)
    missing, unexpected = clean.load_state_dict(loaded.state_dict(), strict=False)
    if [name for name in missing if not _is_tied(name, config)] or unexpected:
        raise platform_failure(
            "gguf_unsupported", "The GGUF file's tensors are not those of its architecture."
        )
    clean.tie_weights()
    clean.save_pretrained(target, safe_serialization=True)
    tokenizer.save_pretrained(target)


def _is_tied(name: str, config: Any) -> bool:
    return bool(getattr(config, "tie_word_embeddings", False)) and name.startswith("lm_head")
