"""Loads the two models of a pair for measuring them together. Imports torch and transformers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers

from evaluation.contract import ModelSource, WeightsFormat
from evaluation.runners import routing, weights
from evaluation.runners.base import Context

MAX_TOKENS = 512
"""Tokens of a document that are used; longer ones are cut, for both models at the same place."""

CLASSES = {
    routing.Family.CAUSAL: transformers.AutoModelForCausalLM,
    routing.Family.MASKED: transformers.AutoModelForMaskedLM,
    routing.Family.SEQ2SEQ: transformers.AutoModelForSeq2SeqLM,
}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model in memory. ``weight_bytes`` are the bytes of its files, ``directory`` where they are."""

    model: Any
    tokenizer: Any
    family: routing.Family
    directory: Path
    parameters: int
    weight_bytes: int
    max_tokens: int

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return torch.device(self.model.device)


def load(directory: Path, source: ModelSource, dtype: str, device: torch.device, context: Context) -> Loaded:
    """Loads weights and tokenizer from files alone, never code. Raises RunFailed."""
    if source.weights_format is WeightsFormat.GGUF:
        path = weights.gguf_path(directory, source.gguf_file)
        directory = weights.converted(path, context.cache_folder, dtype, lambda message: None)
    routing.check_weights(directory)
    family = routing.family_of(routing.read_config(directory))
    options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    model = CLASSES[family].from_pretrained(
        directory, dtype=getattr(torch, dtype), use_safetensors=True, **options
    )
    tokenizer = transformers.AutoTokenizer.from_pretrained(directory, **options)
    model = model.to(device).eval()
    return Loaded(
        model=model,
        tokenizer=tokenizer,
        family=family,
        directory=directory,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        weight_bytes=sum(path.stat().st_size for path in directory.glob("*.safetensors")),
        max_tokens=min(MAX_TOKENS, _positions(model.config)),
    )


def _positions(config: Any) -> int:
    """Tokens a model reads; T5 calls it ``n_positions``, and relative positions have no end."""
    named = (getattr(config, name, None) for name in ("max_position_embeddings", "n_positions"))
    return next((int(found) for found in named if found), MAX_TOKENS)


def same_tokenizer(student: Loaded, teacher: Loaded) -> bool:
    """Whether both give the same ids for the same text: equal vocabularies and special tokens, equal probes."""
    left, right = student.tokenizer, teacher.tokenizer
    probe = "Distilled models: naïve café, 1,234.5 — \tand 'it's' ... 東京 😀\n  end"
    return bool(
        left.get_vocab() == right.get_vocab()
        and left.all_special_ids == right.all_special_ids
        and left(probe)["input_ids"] == right(probe)["input_ids"]
    )


def encode(loaded: Loaded, text: str, limit: int) -> list[int]:
    """Tokens of a text, with the tokenizer's special tokens, and a start token for a causal model that has one."""
    ids: list[int] = loaded.tokenizer(text)["input_ids"]
    start = loaded.tokenizer.bos_token_id
    if loaded.family is routing.Family.CAUSAL and start is not None and ids[:1] != [start]:
        ids = [start, *ids]
    return ids[:limit]
