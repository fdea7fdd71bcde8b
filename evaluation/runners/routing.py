"""Which engine may score a model, decided from its files before any engine sees them. No torch, no transformers.

The harness would load a BERT as a causal model and let the future leak into every score, without a
word. So an architecture is looked at here first: an encoder goes to the masked engine and to no other.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from evaluation.contract import Engine
from evaluation.formats import families
from evaluation.formats.families import ENGINES
from evaluation.formats.families import Family as Family
from evaluation.runners.base import submitter_failure

OTHER_HEADS = (
    "Classification",
    "QuestionAnswering",
    "MultipleChoice",
    "NextSentence",
    "Regression",
    "Reward",
)
"""Heads that give no probabilities of words."""


class Route(NamedTuple):
    """Where a model goes."""

    family: Family
    engine: Engine
    architecture: str
    model_type: str


def route(directory: Path, engine: Engine) -> Route:
    """The engine for the model in a directory with a ``config.json``.

    Raises RunFailed: ``model_incomplete``, ``remote_code_required``, ``no_language_head``, ``wrong_engine``.
    """
    config = read_config(directory)
    model_type = str(config.get("model_type") or "")
    architecture = str((config.get("architectures") or [""])[0])
    family = family_of(config)
    allowed = ENGINES[family]
    if engine is Engine.AUTO:
        engine = allowed[0]
    if engine not in allowed:
        raise submitter_failure(
            "wrong_engine",
            f"'{architecture or model_type}' is a {family} language model, and the engine '{engine}' would score "
            "it as something else: its numbers would mean nothing.",
            f"Use the engine {' or '.join(allowed)}, or leave the choice to 'auto'.",
        )
    return Route(family, engine, architecture or model_type, model_type)


def family_of(config: dict[str, Any]) -> Family:
    """The family of an architecture. Raises RunFailed when there is none, or only other people's code knows."""
    model_type = str(config.get("model_type") or "")
    architecture = str((config.get("architectures") or [""])[0])
    if any(head in architecture for head in OTHER_HEADS):
        raise submitter_failure(
            "no_language_head",
            f"'{architecture}' answers with labels or numbers, not with words: no task here can be put to it.",
            "Submit the language model itself, or the suite for fine-tuned encoders.",
        )
    if not model_type:
        raise submitter_failure(
            "model_incomplete", "config.json names no model_type.", "Add the model's configuration."
        )
    return families.family_of(config)


def read_config(directory: Path) -> dict[str, Any]:
    """The model's configuration. Raises RunFailed (``model_incomplete``) when it is missing or no JSON object."""
    try:
        config = json.loads((directory / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise submitter_failure(
            "model_incomplete",
            "The model has no readable config.json.",
            "Submit a directory as transformers saves it: config.json, tokenizer and safetensors.",
        ) from error
    if not isinstance(config, dict):
        raise submitter_failure("model_incomplete", "config.json is not an object.", "Mend config.json.")
    return config


def check_weights(directory: Path) -> None:
    """Refuses weights that can carry code, and a directory without weights. Raises RunFailed."""
    if any(directory.glob("*.safetensors")):
        return
    if any(directory.glob("*.bin")) or any(directory.glob("*.pt")) or any(directory.glob("*.pth")):
        raise submitter_failure(
            "pickle_only",
            "The weights are pickles, which can run code when they are loaded.",
            "Save the weights as safetensors: model.save_pretrained(directory).",
        )
    raise submitter_failure("model_incomplete", "The model has no weights.", "Add the safetensors files.")
