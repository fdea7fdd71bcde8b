"""From hidden states to logits, as a model's own head does it, for the rows that are asked for."""

from __future__ import annotations

from typing import Any

import torch


def causal_logits(model: Any, hidden: torch.Tensor) -> torch.Tensor:
    """Logits [M, vocabulary] in fp32 of hidden states [M, d], scaled and capped as the architecture says.

    Cohere multiplies (``logit_scale``), Granite divides (``logits_scaling``), Gemma 2 caps softly.
    """
    config = model.config
    logits: torch.Tensor = model.get_output_embeddings()(hidden).float()
    if scale := getattr(config, "logit_scale", None):
        logits = logits * scale
    if divisor := getattr(config, "logits_scaling", None):
        logits = logits / divisor
    if cap := getattr(config, "final_logit_softcapping", None):
        logits = torch.tanh(logits / cap) * cap
    return logits
