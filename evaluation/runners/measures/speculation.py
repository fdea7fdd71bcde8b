"""Speculative decoding, run for real: the student drafts, the teacher verifies (transformers' assisted generation).

The output is the teacher's own greedy text, so what is measured is how often a draft is accepted and what it saves.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from evaluation.runners.measures.loading import Loaded, encode

DRAFT_TOKENS = 4
PROMPT = 32
NEW = 32
MOST_PROMPTS = 12


@dataclass(slots=True)
class Tally:
    """What assisted and plain decoding took, summed over prompts."""

    generated: int = 0
    teacher_runs: int = 0
    student_runs: int = 0
    assisted_seconds: float = 0.0
    plain_seconds: float = 0.0
    same_text: int = 0


@torch.inference_mode()
def measure(student: Loaded, teacher: Loaded, texts: Sequence[str]) -> dict[str, Any]:
    """Acceptance, tokens per run of the teacher, and the speed-up over plain decoding, over a few prompts.

    ``acceptance`` is accepted over drafted tokens: each run of the teacher gives one token of its own beside those it
    accepts. ``same_text`` counts prompts on which both ways gave the same text (rounding may part them).
    """
    limit = min(PROMPT, student.max_tokens // 2, teacher.max_tokens // 2)
    prompts = [ids for ids in (encode(teacher, text, limit) for text in texts[:MOST_PROMPTS]) if len(ids) > 1]
    if not prompts:
        return {"prompts": 0}
    tally = Tally()
    _one(student, teacher, prompts[0], Tally())  # A warm-up, forgotten.
    for ids in prompts:
        _one(student, teacher, ids, tally)
    accepted = tally.generated - tally.teacher_runs
    return {
        "prompts": len(prompts),
        "draft_tokens": DRAFT_TOKENS,
        "generated_tokens": tally.generated,
        "teacher_runs": tally.teacher_runs,
        "student_runs": tally.student_runs,
        "acceptance": min(1.0, max(0.0, accepted / tally.student_runs)),
        "tokens_per_step": tally.generated / tally.teacher_runs,
        "speed_up": tally.plain_seconds / tally.assisted_seconds,
        "same_text": tally.same_text,
    }


def _one(student: Loaded, teacher: Loaded, ids: list[int], tally: Tally) -> None:
    with _runs(teacher) as teacher_runs, _runs(student) as student_runs:
        start = time.perf_counter()
        assisted = _decode(teacher, ids, assistant=student)
        tally.assisted_seconds += time.perf_counter() - start
    start = time.perf_counter()
    plain = _decode(teacher, ids)
    tally.plain_seconds += time.perf_counter() - start
    tally.generated += len(assisted)
    tally.teacher_runs += len(teacher_runs)
    tally.student_runs += len(student_runs)
    tally.same_text += assisted == plain


@contextmanager
def _runs(loaded: Loaded) -> Iterator[list[None]]:
    """A list that grows by one with every forward pass of the model."""
    runs: list[None] = []
    handle = loaded.model.register_forward_hook(lambda *_: runs.append(None))
    try:
        yield runs
    finally:
        handle.remove()


def _decode(teacher: Loaded, ids: list[int], assistant: Loaded | None = None) -> list[int]:
    """The NEW tokens that the teacher generates greedily, with or without a draft."""
    prompt = torch.tensor([ids], device=teacher.device)
    options: dict[str, Any] = {}
    if assistant is not None:
        settings = assistant.model.generation_config
        settings.num_assistant_tokens = DRAFT_TOKENS
        settings.num_assistant_tokens_schedule = "constant"
        settings.assistant_confidence_threshold = 0.0  # Draft the stated number, however unsure.
        options["assistant_model"] = assistant.model
    padding = teacher.tokenizer.pad_token_id or 0
    output = teacher.model.generate(
        prompt,
        attention_mask=torch.ones_like(prompt),
        pad_token_id=padding,
        do_sample=False,
        max_new_tokens=NEW,
        min_new_tokens=NEW,
        **options,
    )
    generated: list[int] = output[0, len(ids) :].tolist()
    return generated
