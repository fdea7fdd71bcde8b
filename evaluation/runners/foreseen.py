"""Exceptions of the engines become failures by one table. Imports no engine."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from evaluation.contract import Failure, Fault, RunSpec
from evaluation.runners.base import RunFailed, submitter_failure


@contextmanager
def foreseen(spec: RunSpec) -> Iterator[None]:
    """Turns exceptions of the engines into failures; what is not in the table goes on as it is."""
    try:
        yield
    except RunFailed:
        raise
    except Exception as error:
        failure = failure_of(error, spec)
        if failure is None:
            raise
        traceback.print_exc()
        raise RunFailed(failure) from error


MEMORY_SIGNS = ("out of memory", "can't allocate memory", "not enough memory", "cannot allocate memory")

FORESEEN: tuple[tuple[str, str, str, str], ...] = (
    (
        "trust_remote_code",
        "remote_code_required",
        "The model wants to run code of its own, which is never allowed.",
        "Submit a model of an architecture that transformers knows.",
    ),
    (
        "does not recognize this architecture",
        "architecture_unknown",
        "transformers does not know this architecture.",
        "Submit a model of an architecture that the worker's transformers knows.",
    ),
    (
        "safetensor",
        "weights_unreadable",
        "The weights cannot be read as safetensors.",
        "Save them again, or fetch them again.",
    ),
    (
        "requested max tokens to generate",
        "context_too_short",
        "The task generates more tokens than the model's context holds.",
        "Choose a task with shorter answers, or another model.",
    ),
    (
        "chat_template",
        "no_chat_template",
        "The model has no chat template.",
        "Run without apply_chat_template.",
    ),
    (
        "load tokenizer",
        "tokenizer_unreadable",
        "The model's tokenizer cannot be loaded.",
        "Add tokenizer.json (save_pretrained of the tokenizer).",
    ),
    (
        "backend tokenizer",
        "tokenizer_unreadable",
        "The model's tokenizer cannot be loaded.",
        "Add tokenizer.json (save_pretrained of the tokenizer).",
    ),
)
"""Words of an engine's message, and what they mean: code, message, remedy. All for the submitter to mend."""


def failure_of(error: Exception, spec: RunSpec) -> Failure | None:
    """What an exception means, or None when the table does not know it. The most specific match wins."""
    text = f"{type(error).__name__}: {error}"
    lowered = text.lower()
    if isinstance(error, MemoryError) or any(sign in lowered for sign in MEMORY_SIGNS):
        return Failure(
            code="out_of_memory",
            fault=Fault.PLATFORM,
            message=f"The model did not fit at batch size {spec.protocol.batch_size} in {spec.protocol.dtype}: "
            f"{text[:500]}",
            remedy="Use a smaller batch size or a smaller number format, or a worker with more memory.",
        )
    for sign, code, message, remedy in FORESEEN:
        if sign in lowered:
            return submitter_failure(code, f"{message} ({text[:300]})", remedy).failure
    return None
