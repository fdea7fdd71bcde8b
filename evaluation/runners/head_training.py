"""Trains one classification head with its encoder and predicts. Seeded; plain PyTorch; no trainer, no network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers

from evaluation.contract import Dtype, ModelFacts
from evaluation.runners.models.load import tokenizer_digest
from evaluation.runners.routing import read_config
from evaluation.suites.loader import Example
from evaluation.suites.schema import Grid

TOLD_EVERY = 10
"""Steps between two words about them."""
PREDICT_BATCH = 64


def train_and_predict(
    directory: Path,
    train: Sequence[Example],
    held_out: Sequence[Example],
    *,
    classes: int | None,
    grid: Grid,
    rate: float,
    seed: int,
    dtype: Dtype,
    device: str,
    tell: Callable[[int, int], None],
) -> list[float]:
    """Predictions on the held-out examples after one training: class numbers, or numbers when ``classes`` is None.

    The new head's weights, the order of examples and dropout follow the seed. Training is in float32 whatever
    the dtype says, because steps this small vanish in shorter numbers; predictions are made in ``dtype``.
    ``tell`` hears of steps done, and of how many there are: a training may take long, and silence would be taken
    for standing still.
    """
    torch.manual_seed(seed)
    tokenizer = transformers.AutoTokenizer.from_pretrained(
        directory, local_files_only=True, trust_remote_code=False
    )
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        directory, num_labels=classes or 1, local_files_only=True, trust_remote_code=False, use_safetensors=True,
        dtype=torch.float32, problem_type="single_label_classification" if classes else "regression",
    ).to(device)  # fmt: skip
    _train(model, tokenizer, train, grid, rate, classes, device, tell)
    model.eval().to(getattr(torch, dtype.value))
    found: list[float] = []
    with torch.inference_mode():
        for start in range(0, len(held_out), PREDICT_BATCH):
            batch = held_out[start : start + PREDICT_BATCH]
            logits = model(**_inputs(tokenizer, batch, grid, device)).logits.float()
            found += (logits.argmax(dim=-1) if classes else logits.squeeze(-1)).tolist()
    return [float(value) for value in found]


def _train(
    model: Any,
    tokenizer: Any,
    train: Sequence[Example],
    grid: Grid,
    rate: float,
    classes: int | None,
    device: str,
    tell: Callable[[int, int], None],
) -> None:
    per_epoch = -(-len(train) // grid.batch_size)
    steps = per_epoch * grid.epochs
    optimizer = torch.optim.AdamW(_groups(model, grid.weight_decay), lr=rate)
    schedule = transformers.get_linear_schedule_with_warmup(optimizer, int(steps * grid.warmup), steps)
    model.train()
    done = 0
    for _ in range(grid.epochs):
        order = torch.randperm(len(train)).tolist()
        for start in range(0, len(order), grid.batch_size):
            batch = [train[place] for place in order[start : start + grid.batch_size]]
            kind = torch.long if classes else torch.float32
            labels = torch.tensor([example.label for example in batch], device=device).to(kind)
            model(**_inputs(tokenizer, batch, grid, device), labels=labels).loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            done += 1
            if done % TOLD_EVERY == 0:
                tell(done, steps)


def _groups(model: Any, decay: float) -> list[dict[str, Any]]:
    """Weight decay for matrices, none for biases and norms."""
    matrices = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in model.parameters() if parameter.ndim <= 1]
    return [{"params": matrices, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]


def _inputs(tokenizer: Any, batch: Sequence[Example], grid: Grid, device: str) -> Any:
    pairs = [example.pair for example in batch]
    return tokenizer(
        [example.text for example in batch],
        pairs if pairs[0] is not None else None,
        truncation=True,
        max_length=grid.max_length,
        padding=True,
        return_tensors="pt",
    ).to(device)


def facts(directory: Path) -> ModelFacts:
    """What there is to know of the encoder, without a head."""
    config = read_config(directory)
    model = transformers.AutoModel.from_pretrained(directory, local_files_only=True, use_safetensors=True)
    tokenizer = transformers.AutoTokenizer.from_pretrained(directory, local_files_only=True)
    return ModelFacts(
        architecture=str((config.get("architectures") or [""])[0]),
        model_type=str(config.get("model_type") or ""),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        vocabulary=len(tokenizer),
        context_length=config.get("max_position_embeddings"),
        weights_bytes=sum(path.stat().st_size for path in directory.glob("*.safetensors")),
        tokenizer_digest=tokenizer_digest(tokenizer),
    )
