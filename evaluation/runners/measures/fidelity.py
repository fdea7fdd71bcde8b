"""How close a student's distributions are to its teacher's, position by position on one text.

Causal models are compared at every position; masked models at a fixed, seeded 15 % of positions, each document
masked once, as in their training. Logits exist for a block of rows at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch

from evaluation.runners.measures.loading import Loaded, encode
from evaluation.runners.models.heads import causal_logits
from evaluation.runners.routing import Family
from evaluation.scoring import fidelity
from evaluation.scoring.retention import Options
from evaluation.scoring.values import FloatArray, plain

ROWS = 128
"""Rows of logits at a time: eight tables of them for 152,064 words in fp32 take 0.6 GB."""
MASKED_SHARE = 0.15
TEMPERATURES = (1.0, 2.0, 4.0)
"""1 is what the models say; above it the small probabilities count, Hinton's dark knowledge (Hinton et al. 2015)."""


def measure(
    student: Loaded,
    teacher: Loaded,
    texts: Sequence[str],
    *,
    seed: int,
    cost_ratio: float | None,
    tell: Callable[[int], None],
) -> dict[str, Any]:
    """Fidelity at each temperature, JSON-ready. The tokenizers must be equal."""
    found: dict[float, list[fidelity.DocumentDivergences]] = {t: [] for t in TEMPERATURES}
    for number, text in enumerate(texts):
        ids = encode(student, text, min(student.max_tokens, teacher.max_tokens))
        if len(ids) < 2:
            continue
        for temperature, document in _document(student, teacher, ids, seed + number).items():
            found[temperature].append(document)
        tell(number + 1)
    options = Options(seed=seed, name="fidelity")
    by_temperature = [
        fidelity.fidelity(found[t], options, temperature=t, cost_ratio=cost_ratio if t == 1.0 else None)
        for t in TEMPERATURES
    ]
    positions = "every position" if student.family is Family.CAUSAL else "masked positions (15 %)"
    return {**plain(by_temperature[0]), "compared": positions, "by_temperature": plain(tuple(by_temperature))}


@torch.inference_mode()
def _document(
    student: Loaded, teacher: Loaded, ids: list[int], seed: int
) -> dict[float, fidelity.DocumentDivergences]:
    parts: dict[float, list[fidelity.DocumentDivergences]] = {t: [] for t in TEMPERATURES}
    for left, right in _blocks(student, teacher, ids, seed):
        common = min(left.shape[-1], right.shape[-1])  # Rows that only pad an embedding are no words.
        for temperature, blocks in parts.items():
            blocks.append(divergences(right[:, :common] / temperature, left[:, :common] / temperature))
    return {temperature: _joined(blocks) for temperature, blocks in parts.items()}


def _blocks(
    student: Loaded, teacher: Loaded, ids: list[int], seed: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Logits of both models for the same rows, student first."""
    if student.family is Family.CAUSAL:
        hidden = [
            side.model.base_model(_tensor(side, ids)).last_hidden_state[0, :-1] for side in (student, teacher)
        ]
        for start in range(0, len(ids) - 1, ROWS):
            block = slice(start, start + ROWS)
            yield (
                causal_logits(student.model, hidden[0][block]),
                causal_logits(teacher.model, hidden[1][block]),
            )
        return
    rows, masked = _masked(student, ids, seed)
    logits = [side.model(_tensor(side, masked)).logits[0, rows].float() for side in (student, teacher)]
    for start in range(0, len(rows), ROWS):
        yield logits[0][start : start + ROWS], logits[1][start : start + ROWS]


def _masked(loaded: Loaded, ids: list[int], seed: int) -> tuple[list[int], list[int]]:
    special = set(loaded.tokenizer.all_special_ids)
    places = [place for place, token in enumerate(ids) if token not in special]
    count = max(1, round(len(places) * MASKED_SHARE))
    rows = sorted(int(row) for row in np.random.default_rng(seed).choice(places, count, replace=False))
    masked = list(ids)
    for row in rows:
        masked[row] = loaded.tokenizer.mask_token_id
    return rows, masked


def _tensor(loaded: Loaded, ids: list[int]) -> torch.Tensor:
    return torch.tensor([ids], device=loaded.device)


def divergences(teacher: torch.Tensor, student: torch.Tensor) -> fidelity.DocumentDivergences:
    """What ``scoring.fidelity.divergences`` computes, in fp32 where the logits [rows, vocabulary] are.

    A log-probability is finite here, so 0 * log 0 does not occur.
    """
    p_log, q_log = teacher.log_softmax(-1), student.log_softmax(-1)
    p, q = p_log.exp(), q_log.exp()
    middle = torch.logaddexp(p_log, q_log) - math.log(2)

    def numbers(values: torch.Tensor) -> FloatArray:
        return values.double().cpu().numpy()

    return fidelity.DocumentDivergences.of(
        kl=numbers((p * (p_log - q_log)).sum(-1)),
        kl_reverse=numbers((q * (q_log - p_log)).sum(-1)),
        js=numbers(((p * (p_log - middle)).sum(-1) + (q * (q_log - middle)).sum(-1)) / 2),
        tv=numbers((p - q).abs().sum(-1) / 2),
        top1=numbers(p_log.argmax(-1) == q_log.argmax(-1)),
    )


def _joined(parts: Sequence[fidelity.DocumentDivergences]) -> fidelity.DocumentDivergences:
    def column(name: str) -> FloatArray:
        return np.concatenate([getattr(part, name) for part in parts])

    return fidelity.DocumentDivergences.of(
        kl=column("kl"),
        kl_reverse=column("kl_reverse"),
        js=column("js"),
        tv=column("tv"),
        top1=column("top1"),
    )
