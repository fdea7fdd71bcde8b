"""Features of both models on the same tokens, for the similarity of their layers (linear CKA)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from evaluation.runners.measures.loading import Loaded, encode
from evaluation.scoring.similarity import layer_similarity
from evaluation.scoring.values import FloatArray, plain

MOST_ROWS = 2000
"""Tokens compared. The debiased estimate needs the square of it in memory: 32 MB."""


@torch.inference_mode()
def measure(student: Loaded, teacher: Loaded, texts: Sequence[str]) -> dict[str, Any]:
    """CKA of every layer with every layer, embeddings first, JSON-ready. The tokenizers must be equal."""
    left: list[list[FloatArray]] = []
    right: list[list[FloatArray]] = []
    rows = 0
    for text in texts:
        if rows >= MOST_ROWS:
            break
        ids = encode(student, text, min(student.max_tokens, teacher.max_tokens, MOST_ROWS - rows))
        if not ids:
            continue
        left.append(_features(student, ids))
        right.append(_features(teacher, ids))
        rows += len(ids)
    return plain(layer_similarity(_stacked(left), _stacked(right)))  # type: ignore[no-any-return]


def _features(loaded: Loaded, ids: list[int]) -> list[FloatArray]:
    tokens = torch.tensor([ids], device=loaded.device)
    output = loaded.model.base_model(tokens, output_hidden_states=True)
    return [layer[0].double().cpu().numpy() for layer in output.hidden_states]


def _stacked(documents: list[list[FloatArray]]) -> list[FloatArray]:
    return [np.concatenate(layer) for layer in zip(*documents, strict=True)]
