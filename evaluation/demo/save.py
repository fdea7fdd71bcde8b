"""Writes a trained model as a standard Hugging Face directory in bf16 safetensors, and how its training went."""

import copy
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict
from transformers import PreTrainedModel, PreTrainedTokenizerFast
from transformers.utils import logging

from evaluation.demo.loop import Outcome

TRAINING = "training.json"


def save_model(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, directory: Path) -> None:
    """Saves weights (rounded to bf16), configuration and tokenizer; the model itself stays in fp32."""
    logging.disable_progress_bar()  # it would tear the recipe's own
    rounded = copy.deepcopy(model).to(torch.bfloat16)
    rounded.config.dtype = torch.bfloat16
    rounded.save_pretrained(directory)
    tokenizer.save_pretrained(directory)


def save_outcome(directory: Path, outcome: Outcome, *, seed: int, losses: str) -> None:
    """Writes training.json: its presence says that the stage is complete."""
    record = Training(**outcome._asdict(), seed=seed, objective=losses)
    (directory / TRAINING).write_text(record.model_dump_json(indent=1) + "\n")


class Training(BaseModel):
    """The content of training.json."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: int
    tokens: int
    seconds: float
    loss: float
    seed: int
    objective: str


def saved_outcome(directory: Path) -> Training | None:
    """How the training of a completed stage went; None while it is not complete."""
    path = directory / TRAINING
    return Training.model_validate_json(path.read_bytes()) if path.exists() else None


def saved_steps(directory: Path) -> int | None:
    """The number of steps of a completed stage; None while it is not complete."""
    training = saved_outcome(directory)
    return training.steps if training else None
