"""Writes a trained model as a standard Hugging Face directory in bf16 safetensors, and how its training went."""

import copy
import json
from pathlib import Path

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from evaluation.demo.loop import Outcome

TRAINING = "training.json"


def save_model(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, directory: Path) -> None:
    """Saves weights (rounded to bf16), configuration and tokenizer; the model itself stays in fp32."""
    rounded = copy.deepcopy(model).to(torch.bfloat16)
    rounded.config.dtype = torch.bfloat16
    rounded.save_pretrained(directory)
    tokenizer.save_pretrained(directory)


def save_outcome(directory: Path, outcome: Outcome, *, seed: int, losses: str) -> None:
    """Writes training.json: its presence says that the stage is complete."""
    record = {**outcome._asdict(), "seed": seed, "objective": losses}
    (directory / TRAINING).write_text(json.dumps(record, indent=1) + "\n")


def saved_steps(directory: Path) -> int | None:
    """The number of steps of a completed stage; None while it is not complete."""
    path = directory / TRAINING
    return int(json.loads(path.read_text())["steps"]) if path.exists() else None
