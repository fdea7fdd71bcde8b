"""Speculative decoding, run for real: the student drafts, the teacher verifies (transformers' assisted generation).

The output is the teacher's own greedy text, so what is measured is how often a draft is accepted and what it saves.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from evaluation.runners.measures.loading import Loaded, encode
from evaluation.scoring.drafting import DraftedPrompt, drafting
from evaluation.scoring.retention import Options
from evaluation.scoring.values import Undefined, plain

DRAFT_TOKENS = 4
PROMPT = 32
NEW = 32
MOST_PROMPTS = 12


@torch.inference_mode()
def measure(student: Loaded, teacher: Loaded, texts: Sequence[str], *, seed: int) -> dict[str, Any]:
    """Acceptance, tokens per run of the teacher, and the speed-up over plain decoding, JSON-ready."""
    limit = min(PROMPT, student.max_tokens // 2, teacher.max_tokens // 2)
    prompts = [ids for ids in (encode(teacher, text, limit) for text in texts[:MOST_PROMPTS]) if len(ids) > 1]
    if not prompts:
        return plain(Undefined("too_few_samples", "The text holds no prompt."))  # type: ignore[no-any-return]
    _one(student, teacher, prompts[0])  # A warm-up, forgotten.
    drafted = [_one(student, teacher, ids) for ids in prompts]
    return plain(drafting(drafted, DRAFT_TOKENS, Options(seed=seed, name="speculation")))  # type: ignore[no-any-return]


def _one(student: Loaded, teacher: Loaded, ids: list[int]) -> DraftedPrompt:
    with _runs(teacher) as teacher_runs, _runs(student) as student_runs:
        start = time.perf_counter()
        assisted = _decode(teacher, ids, assistant=student)
        assisted_seconds = time.perf_counter() - start
    start = time.perf_counter()
    alone = _decode(teacher, ids)
    return DraftedPrompt(
        generated=len(assisted),
        teacher_runs=len(teacher_runs),
        student_runs=len(student_runs),
        assisted_seconds=assisted_seconds,
        plain_seconds=time.perf_counter() - start,
        same_text=assisted == alone,
    )


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
