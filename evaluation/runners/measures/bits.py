"""Bits per byte of both models on one text: what can be compared of causal models that cut text differently.

Both models are asked for exactly the same bytes, each in its own tokens, from a start token on. Documents are cut at a
word where they do not fit into both contexts. A document that one tokenizer cannot write whole is left out for both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from evaluation.runners.measures.loading import Loaded
from evaluation.runners.models.heads import causal_logits
from evaluation.scoring.bits import rate_difference, rate_score
from evaluation.scoring.paired import PairedSamples
from evaluation.scoring.retention import Options
from evaluation.scoring.values import plain

ROWS = 128
"""Rows of logits at a time."""
CUT = 0.95
"""How much less of a document is tried than its number of tokens suggests, when it did not fit."""


class Document(NamedTuple):
    """Bits that each model needs for a document, and its bytes."""

    student: float
    teacher: float
    size: int


def measure(
    student: Loaded, teacher: Loaded, texts: Sequence[str], *, seed: int, tell: Callable[[int], None]
) -> dict[str, Any]:
    """Bits per byte of both causal models with the paired difference over documents, JSON-ready."""
    found: list[Document] = []
    for number, text in enumerate(texts):
        fitting = fit(text, student, teacher)
        if fitting:
            found.append(
                Document(bits(student, fitting), bits(teacher, fitting), len(fitting.encode("utf-8")))
            )
        tell(number + 1)
    sizes = np.array([document.size for document in found], dtype=np.float64)
    samples = PairedSamples(
        np.array([document.student for document in found]),
        np.array([document.teacher for document in found]),
        student_sizes=sizes,
        teacher_sizes=sizes,
    )
    options = Options(seed=seed, name="bits_per_byte")
    return {
        "documents": len(found),
        "left_out": len(texts) - len(found),
        "bytes": int(sizes.sum()),
        "student": _side(samples.student, sizes),
        "teacher": _side(samples.teacher, sizes),
        "difference": plain(rate_difference(samples, "per_size", options)),
    }


def _side(values: Any, sizes: Any) -> dict[str, float | None]:
    if not len(values):
        return {"value": None, "stderr": None}
    return dict(rate_score(values, sizes, "per_size")._asdict())


def fit(text: str, *models: Loaded) -> str:
    """The longest start of the text that was found to fit into all contexts; empty where a tokenizer loses some."""
    while text:
        longest = max(len(tokens(model, text)) / (model.max_tokens - 1) for model in models)
        if longest <= 1.0:
            break
        text = text[: int(len(text) / longest * CUT)].rpartition(" ")[0]
    return text if text and all(_whole(model, text) for model in models) else ""


def tokens(model: Loaded, text: str) -> list[int]:
    """Tokens of the text alone."""
    found: list[int] = model.tokenizer(text, add_special_tokens=False)["input_ids"]
    return found


def _whole(model: Loaded, text: str) -> bool:
    """Whether the tokens hold all of the text: none stands for something unknown, and they read back as it was."""
    ids = tokens(model, text)
    unknown = model.tokenizer.unk_token_id
    if not ids or (unknown is not None and unknown in ids):
        return False
    read = model.tokenizer.decode(ids, clean_up_tokenization_spaces=False)
    return bool(read.strip() == text.strip())


@torch.inference_mode()
def bits(model: Loaded, text: str) -> float:
    """Bits of the whole text, its first token given a start token (the end token where there is none)."""
    ids = tokens(model, text)
    start = model.tokenizer.bos_token_id
    first = start if start is not None else model.tokenizer.eos_token_id
    given = torch.tensor([[first if first is not None else 0, *ids[:-1]]], device=model.device)
    targets = torch.tensor(ids, device=model.device)
    hidden = model.model.base_model(given).last_hidden_state[0]
    total = 0.0
    for begin in range(0, len(ids), ROWS):
        block = slice(begin, begin + ROWS)
        logs = causal_logits(model.model, hidden[block]).log_softmax(-1)
        total -= float(logs.gather(-1, targets[block, None]).double().sum())
    return total / math.log(2)
