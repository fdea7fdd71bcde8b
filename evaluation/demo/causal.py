"""Trains the causal chain: a Llama teacher, the student distilled from it, and the same student alone.

"Alone" has the student's architecture, data order, learning rate and number of steps, but starts from random
weights and never sees the teacher: neither its layers nor its logits.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from transformers import LlamaConfig, LlamaForCausalLM

from evaluation.demo import tokenizer as vocabulary
from evaluation.demo.budget import Moment, until_seconds, until_steps
from evaluation.demo.loop import Report, StepResult, fit
from evaluation.demo.losses import softened_kl, task_loss
from evaluation.demo.save import save_model, save_outcome, saved_steps
from evaluation.demo.windows import Stream, causal_batch, starts_of_batches

TEACHER, STUDENT, ALONE = "tiny-llama-teacher", "tiny-llama-student", "tiny-llama-alone"
TEACHER_LAYERS = 6
# Every second layer of the teacher. Taken from the second on, the start is worse than random (15.2 nats a token
# against 5.1): the first layer cannot be missed.
STUDENT_FROM = (0, 2, 4)
TEMPERATURE = 2.0
KL_SHARE = 0.5
_PEAK = 1.5e-3
# Rows and length of a batch by the fraction done: many small steps first, longer text last.
_SHAPES = ((0.4, 8, 64), (0.75, 16, 64), (1.0, 8, 128))
# Shares of the budget. The student gets a small part on purpose: longer, and it would overtake a teacher that is
# itself far from done. The third takes as many steps as the student, so its share is only reserved.
_SHARES = {TEACHER: 0.70, STUDENT: 0.16, ALONE: 0.14}


def config(layers: int) -> LlamaConfig:
    """The architecture of the chain; only the number of layers differs."""
    return LlamaConfig(
        vocab_size=vocabulary.VOCABULARY,
        hidden_size=256,
        intermediate_size=640,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=vocabulary.MAX_LENGTH,
        tie_word_embeddings=True,
        bos_token_id=vocabulary.BOS,
        eos_token_id=vocabulary.EOS,
        pad_token_id=vocabulary.PAD,
    )


def student_of(teacher: LlamaForCausalLM) -> LlamaForCausalLM:
    """A student that holds the teacher's embeddings, final norm and every second layer."""
    student = LlamaForCausalLM(config(len(STUDENT_FROM)))
    student.model.embed_tokens.load_state_dict(teacher.model.embed_tokens.state_dict())
    student.model.norm.load_state_dict(teacher.model.norm.state_dict())
    for own, theirs in enumerate(STUDENT_FROM):
        student.model.layers[own].load_state_dict(teacher.model.layers[theirs].state_dict())
    return student


class _Batches:
    """Seeded batches whose shape follows the fraction done; every stage with one seed sees one order."""

    def __init__(self, stream: Stream, seed: int) -> None:
        self._stream = stream
        self._by_shape: dict[tuple[int, int], Iterator[NDArray[np.int64]]] = {
            (rows, length): starts_of_batches(
                stream, np.random.default_rng([seed, rows, length]), rows, length
            )
            for _, rows, length in _SHAPES
        }

    def at(self, moment: Moment) -> torch.Tensor:
        rows, length = next((r, n) for until, r, n in _SHAPES if moment.fraction < until)
        return causal_batch(self._stream, next(self._by_shape[rows, length]), length)


def _plain_step(model: LlamaForCausalLM, batches: _Batches) -> Callable[[Moment], StepResult]:
    def step(moment: Moment) -> StepResult:
        ids = batches.at(moment)
        logits = model(input_ids=ids[:, :-1], use_cache=False).logits.flatten(0, 1)
        loss = task_loss(logits, ids[:, 1:].flatten())
        return StepResult(loss, loss.detach(), ids.numel())

    return step


def _distilling_step(
    model: LlamaForCausalLM, teacher: LlamaForCausalLM, batches: _Batches
) -> Callable[[Moment], StepResult]:
    def step(moment: Moment) -> StepResult:
        ids = batches.at(moment)
        with torch.no_grad():
            soft = teacher(input_ids=ids[:, :-1], use_cache=False).logits.flatten(0, 1)
        logits = model(input_ids=ids[:, :-1], use_cache=False).logits.flatten(0, 1)
        task = task_loss(logits, ids[:, 1:].flatten())
        loss = KL_SHARE * softened_kl(logits, soft, TEMPERATURE) + (1.0 - KL_SHARE) * task
        return StepResult(loss, task.detach(), ids.numel())

    return step


def train_chain(
    stream: Stream, tokenizer: Tokenizer, out: Path, *, minutes: float, seed: int, report: Report
) -> None:
    """Trains the three models into `out`/<name>; a stage that is complete there is loaded, not repeated."""
    shipped = vocabulary.causal(tokenizer)

    def stage(
        name: str,
        model: LlamaForCausalLM,
        step: Callable[[Moment], StepResult],
        moments: Iterator[Moment],
        objective: str,
    ) -> None:
        outcome = fit(
            name, model, step, moments,
            peak=_PEAK, report=report, checkpoint=lambda: save_model(model, shipped, out / name),
        )  # fmt: skip
        save_model(model, shipped, out / name)
        save_outcome(out / name, outcome, seed=seed, losses=objective)

    def seconds(name: str) -> float:
        return minutes * 60.0 * _SHARES[name]

    torch.manual_seed(seed)
    teacher = LlamaForCausalLM(config(TEACHER_LAYERS))
    if saved_steps(out / TEACHER) is None:
        plain = _plain_step(teacher, _Batches(stream, seed))
        stage(TEACHER, teacher, plain, until_seconds(seconds(TEACHER)), "next token")
    teacher = LlamaForCausalLM.from_pretrained(out / TEACHER, dtype=torch.float32).eval()

    if saved_steps(out / STUDENT) is None:
        torch.manual_seed(seed + 1)
        student = student_of(teacher)
        distilling = _distilling_step(student, teacher, _Batches(stream, seed + 1))
        objective = (
            f"{KL_SHARE} * KL at temperature {TEMPERATURE} (times its square) + {1 - KL_SHARE} * next token"
        )
        stage(STUDENT, student, distilling, until_seconds(seconds(STUDENT)), objective)
    steps = saved_steps(out / STUDENT)

    if saved_steps(out / ALONE) is None and steps is not None:
        torch.manual_seed(seed + 1)
        alone = LlamaForCausalLM(config(len(STUDENT_FROM)))
        stage(ALONE, alone, _plain_step(alone, _Batches(stream, seed + 1)), until_steps(steps), "next token")
