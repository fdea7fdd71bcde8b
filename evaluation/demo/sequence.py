"""Trains the sequence-to-sequence pair: two small T5s that say a word's letters backwards, the student distilled.

A job that a few minutes teach, and that a model cannot do by knowing frequent letters. One token is one letter.
"""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

from evaluation.demo.backwards import LONGEST, training_words
from evaluation.demo.budget import Moment, until_seconds
from evaluation.demo.loop import Report, StepResult, fit
from evaluation.demo.losses import softened_kl, task_loss
from evaluation.demo.save import save_model, save_outcome, saved_steps

TEACHER, STUDENT = "tiny-t5-teacher", "tiny-t5-student"
PAD, EOS, UNKNOWN = range(3)
SPECIAL = ("<pad>", "</s>", "<unk>")
LETTERS = "abcdefghijklmnopqrstuvwxyz"
TEACHER_SHAPE, STUDENT_SHAPE = (3, 96, 256), (1, 32, 96)
"""Layers of the encoder (and as many of the decoder), width, inner width."""
TEMPERATURE, KL_SHARE = 2.0, 0.7
_HEADS = 4
_PEAK = 2.0e-3
_ROWS = 64
_SHARES = {TEACHER: 0.75, STUDENT: 0.25}


class Batch(NamedTuple):
    """Words and their letters backwards, both closed by EOS: ids and attention (rows, length), labels with -100."""

    ids: torch.Tensor
    attention: torch.Tensor
    labels: torch.Tensor


def tokenizer() -> PreTrainedTokenizerFast:
    """A token for each letter; a text is closed by EOS, as T5 reads it. Spaces are nothing."""
    vocabulary = {token: number for number, token in enumerate((*SPECIAL, *LETTERS))}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token=SPECIAL[UNKNOWN]))
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(" ", "removed"), pre_tokenizers.Split(Regex("."), "isolated")]
    )
    made.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", EOS)])
    return PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token=SPECIAL[PAD], eos_token=SPECIAL[EOS], unk_token=SPECIAL[UNKNOWN],
        model_max_length=32, clean_up_tokenization_spaces=False,
    )  # fmt: skip


def config(shape: tuple[int, int, int]) -> T5Config:
    """A narrow T5 without dropout."""
    layers, width, inner = shape
    return T5Config(
        vocab_size=len(SPECIAL) + len(LETTERS), d_model=width, d_kv=width // _HEADS, d_ff=inner, num_layers=layers,
        num_decoder_layers=layers, num_heads=_HEADS, relative_attention_num_buckets=16,
        relative_attention_max_distance=16, dropout_rate=0.0, pad_token_id=PAD, eos_token_id=EOS,
        decoder_start_token_id=PAD, n_positions=32,
    )  # fmt: skip


def batches(seed: int) -> Iterator[Batch]:
    """Endless batches of words, each word once a pass."""
    rng, words = random.Random(seed), training_words()  # noqa: S311
    while True:
        rng.shuffle(words)
        for first in range(0, len(words) - _ROWS + 1, _ROWS):
            yield batch_of(words[first : first + _ROWS])


def batch_of(words: list[str]) -> Batch:
    """Words as a batch."""
    length = max(map(len, words)) + 1
    assert length <= LONGEST + 1
    ids = torch.full((len(words), length), PAD)
    labels = torch.full((len(words), length), -100)
    first = len(SPECIAL)
    for row, word in enumerate(words):
        numbers = [first + LETTERS.index(letter) for letter in word]
        ids[row, : len(word) + 1] = torch.tensor([*numbers, EOS])
        labels[row, : len(word) + 1] = torch.tensor([*reversed(numbers), EOS])
    return Batch(ids, (ids != PAD).long(), labels)


def _logits(model: T5ForConditionalGeneration, batch: Batch) -> torch.Tensor:
    """Logits (n, vocabulary) at the letters to say."""
    output = model(input_ids=batch.ids, attention_mask=batch.attention, labels=batch.labels, use_cache=False)
    logits: torch.Tensor = output.logits
    return logits[batch.labels >= 0]


def _step(
    model: T5ForConditionalGeneration, rows: Iterator[Batch], teacher: T5ForConditionalGeneration | None
) -> Callable[[Moment], StepResult]:
    def step(moment: Moment) -> StepResult:
        batch = next(rows)
        logits = _logits(model, batch)
        loss = task = task_loss(logits, batch.labels[batch.labels >= 0])
        if teacher is not None:
            with torch.no_grad():
                soft = _logits(teacher, batch)
            loss = KL_SHARE * softened_kl(logits, soft, TEMPERATURE) + (1.0 - KL_SHARE) * task
        return StepResult(loss, task.detach(), int(batch.attention.sum()))

    return step


def train_pair(out: Path, *, minutes: float, seed: int, report: Report) -> None:
    """Trains both models into `out`/<name>; a stage that is complete there is loaded, not repeated."""
    shipped = tokenizer()

    def stage(
        name: str,
        model: T5ForConditionalGeneration,
        teacher: T5ForConditionalGeneration | None,
        objective: str,
    ) -> None:
        rows = batches(seed if teacher is None else seed + 1)
        outcome = fit(
            name, model, _step(model, rows, teacher), until_seconds(minutes * 60.0 * _SHARES[name]),
            peak=_PEAK, report=report, checkpoint=lambda: save_model(model, shipped, out / name),
        )  # fmt: skip
        save_model(model, shipped, out / name)
        save_outcome(out / name, outcome, seed=seed, losses=objective)

    torch.manual_seed(seed)
    if saved_steps(out / TEACHER) is None:
        stage(TEACHER, T5ForConditionalGeneration(config(TEACHER_SHAPE)), None, "next letter, backwards")
    teacher = T5ForConditionalGeneration.from_pretrained(out / TEACHER, dtype=torch.float32).eval()
    if saved_steps(out / STUDENT) is None:
        torch.manual_seed(seed + 1)
        objective = (
            f"{KL_SHARE} * KL at temperature {TEMPERATURE} (times its square)"
            f" + {1 - KL_SHARE:.1f} * next letter, backwards"
        )
        stage(STUDENT, T5ForConditionalGeneration(config(STUDENT_SHAPE)), teacher, objective)
