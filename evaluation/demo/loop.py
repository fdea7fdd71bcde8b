"""The training loop that all five models share: AdamW, bf16 autocast, clipping, a schedule, progress, checkpoints."""

import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch

from evaluation.demo.budget import Moment, learning_rate

_CHECKPOINT_SECONDS = 240.0
_REPORT_SECONDS = 10.0


class Progress(NamedTuple):
    """What a stage tells the outside while it trains; `loss` is a running mean of the stage's own loss."""

    stage: str
    fraction: float
    step: int
    loss: float


class Outcome(NamedTuple):
    """What a stage came to. `seconds` is wall clock, `tokens` what it was fed, `loss` the last running mean."""

    steps: int
    tokens: int
    seconds: float
    loss: float


class StepResult(NamedTuple):
    """One forward pass: the loss to descend, the loss to report (the plain task loss), tokens used."""

    loss: torch.Tensor
    task: torch.Tensor
    tokens: int


Report = Callable[[Progress], None]


def _optimizer(model: torch.nn.Module, weight_decay: float) -> torch.optim.AdamW:
    """AdamW that decays matrices only."""
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.95), fused=True)


def fit(
    stage: str,
    model: torch.nn.Module,
    step: Callable[[Moment], StepResult],
    moments: Iterable[Moment],
    *,
    peak: float,
    report: Report,
    checkpoint: Callable[[], None],
) -> Outcome:
    """Runs `step` for every moment and descends its loss. `peak` is the highest learning rate."""
    optimizer = _optimizer(model, weight_decay=0.05)
    model.train()
    begun = saved = reported = time.monotonic()
    steps = tokens = 0
    running = 0.0
    for moment in moments:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(moment.fraction, peak)
        with torch.autocast("cpu", torch.bfloat16):
            result = step(moment)
        torch.autograd.backward(result.loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        task = result.task.item()
        running = task if steps == 0 else 0.99 * running + 0.01 * task
        steps, tokens, now = steps + 1, tokens + result.tokens, time.monotonic()
        if now - reported > _REPORT_SECONDS:
            report(Progress(stage, moment.fraction, steps, running))
            reported = now
        if now - saved > _CHECKPOINT_SECONDS:
            checkpoint()
            saved = now
    report(Progress(stage, 1.0, steps, running))
    return Outcome(steps, tokens, time.monotonic() - begun, running)
