"""A small tree of tokens on which the causal engine tries its arrangements against a model's plain forward pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from evaluation.runners.models.rows import Rows
from evaluation.runners.models.trie import Request

if TYPE_CHECKING:
    from evaluation.runners.models.causal import CausalLM

PREFIX = 24
"""Tokens that the tree's sequences share, but for a stranger."""


def requests(vocabulary: int) -> list[Request]:
    """A prefix with branches, one branch inside another, and a stranger; two targets each."""
    prefix = tuple((7 * place + 3) % vocabulary for place in range(PREFIX))
    tails = [(5, 11, 2), (5, 11, 9, 4), (5, 8), (6, 1, 1, 3, 2)]
    sequences = [prefix + tuple(token % vocabulary for token in tail) for tail in tails]
    sequences.append(tuple((3 * place + 1) % vocabulary for place in range(9)))
    return [Request(i, s, (*s[-1:], (i + 2) % vocabulary)) for i, s in enumerate(sequences)]


@torch.inference_mode()
def plain_answers(lm: CausalLM) -> list[float]:
    """Log-likelihoods (natural, summed over the targets) by the plain forward pass."""
    answers = []
    for request in requests(lm.vocab_size):
        ids = torch.tensor([request.tokens], device=lm.device)
        logits = lm.model(ids).logits[0, -len(request.targets) :].float()
        answers.append(_summed(logits, request))
    return answers


@torch.inference_mode()
def rows_difference(lm: CausalLM, plain: Sequence[float]) -> float:
    """Largest absolute difference to them when the branches are rows, whose tokens are run in two passes."""
    asked = [request for request in requests(lm.vocab_size) if len(request.tokens) > PREFIX]
    kept = lm._extend(asked[0].tokens[:PREFIX], 0, None)
    rows = Rows(kept, PREFIX, lm.layers, len(asked), lm.device)
    hidden: list[list[torch.Tensor]] = [[] for _ in asked]
    with rows.attending(lm.model):
        for begin, end in ((PREFIX, PREFIX + 1), (PREFIX + 1, None)):
            chunks = [request.tokens[begin:end] for request in asked]
            ids, positions = rows.feed(0, chunks)
            states = lm._body(ids, None, positions, rows.cache)[0]
            for row, part in zip(hidden, torch.split(states, [len(chunk) for chunk in chunks]), strict=True):
                row.append(part)
    lm.tokens_run = 0
    found = [
        _summed(lm.logits(torch.cat(parts)[-len(request.targets) :]), request)
        for request, parts in zip(asked, hidden, strict=True)
    ]
    return max(abs(answer - plain[request.number]) for answer, request in zip(found, asked, strict=True))


def _summed(logits: torch.Tensor, request: Request) -> float:
    targets = torch.tensor(request.targets, device=logits.device)[:, None]
    return float(logits.log_softmax(-1).gather(1, targets).double().sum())
