"""Trains the masked pair: a BERT teacher and a DistilBERT student with the triple loss of Sanh et al. 2019."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import BertConfig, BertForMaskedLM, DistilBertConfig, DistilBertForMaskedLM

from evaluation.demo import tokenizer as vocabulary
from evaluation.demo.budget import Moment, until_seconds
from evaluation.demo.loop import Report, StepResult, fit
from evaluation.demo.losses import cosine_distance, softened_kl, task_loss
from evaluation.demo.save import save_model, save_outcome, saved_steps
from evaluation.demo.windows import Stream, masked_batch, starts_of_batches

TEACHER, STUDENT = "tiny-bert-teacher", "tiny-distilbert-student"
TEACHER_LAYERS = 6
STUDENT_FROM = (1, 3, 5)
TEMPERATURE = 2.0
# Shares of soft targets, masked-LM and cosine: 5 : 2 : 1.
SOFT, MASKED, COSINE = 0.625, 0.25, 0.125
_WIDTH, _HEADS, _INNER = 192, 4, 576
_PEAK = 1.0e-3
_LENGTH = 64
# Rows of a batch by the fraction done: many small steps first.
_ROWS = ((0.5, 8), (1.0, 16))
# Hidden share of the tokens at the start and the end, linear between. With the usual 15 % from the start, a short
# training hardly leaves the frequencies of single words behind.
_MASK_RATES = (0.30, 0.15)
_NEIGHBORS = (-1, 1, -2, 2)  # where the heads of the first two layers look at the start
_SHARES = {TEACHER: 0.65, STUDENT: 0.35}


class Masked(NamedTuple):
    """A batch with tokens hidden: ids and attention (rows, length); `where` (n,) into the flattened batch."""

    ids: torch.Tensor
    attention: torch.Tensor
    where: torch.Tensor
    targets: torch.Tensor


def mask_rate(fraction: float) -> float:
    """The share of tokens to hide when `fraction` of the training is done."""
    first, last = _MASK_RATES
    return first + (last - first) * fraction


def hide(ids: torch.Tensor, rate: float, generator: torch.Generator) -> Masked:
    """Hides `rate` of the ordinary tokens: 80 % [MASK], 10 % a random token, 10 % left (Devlin et al. 2019).

    The first token of a row is hidden when chance would hide none.
    """
    ordinary = ids > vocabulary.MASK
    chosen = (torch.rand(ids.shape, generator=generator) < rate) & ordinary
    chosen[:, 1] |= ~chosen.any(dim=1) & ordinary[:, 1]
    fate = torch.rand(ids.shape, generator=generator)
    noise = torch.randint(vocabulary.MASK + 1, vocabulary.VOCABULARY, ids.shape, generator=generator)
    hidden = torch.where(chosen & (fate < 0.8), torch.full_like(ids, vocabulary.MASK), ids)
    hidden = torch.where(chosen & (fate >= 0.9), noise, hidden)
    where = chosen.flatten().nonzero().squeeze(1)
    return Masked(hidden, (ids != vocabulary.PAD).long(), where, ids.flatten()[where])


def teacher_config() -> BertConfig:
    """Six narrow BERT layers, without dropout (the training is too short to overfit)."""
    return BertConfig(
        vocab_size=vocabulary.VOCABULARY, hidden_size=_WIDTH, num_hidden_layers=TEACHER_LAYERS,
        num_attention_heads=_HEADS, intermediate_size=_INNER, max_position_embeddings=vocabulary.MAX_LENGTH,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, pad_token_id=vocabulary.PAD,
    )  # fmt: skip


def see_neighbors(model: BertForMaskedLM) -> None:
    """Starts the first two layers with heads that look one and two tokens to the left and to the right.

    From random weights, a short training never learns where the neighbors of a hidden token stand, and stays at the
    frequencies of single words. Part of the position vectors becomes sines and cosines of the position; a query
    is its own, turned to the neighbor's, so that its product with the keys peaks there. All of it is trained on.
    """
    size = _WIDTH // _HEADS
    speeds = torch.linspace(0.2, 3.0, size // 2)
    angles = torch.arange(vocabulary.MAX_LENGTH)[:, None] * speeds
    select = torch.zeros(size, _WIDTH)
    select[:, :size] = torch.eye(size)
    with torch.no_grad():
        positions = model.bert.embeddings.position_embeddings.weight
        positions[:, :size] = 0.04 * torch.cat([angles.sin(), angles.cos()], dim=1)
        for layer in list(model.bert.encoder.layer)[:2]:
            attention = layer.attention.self
            for head, offset in enumerate(_NEIGHBORS):
                rows = slice(head * size, (head + 1) * size)
                cos, sin = (speeds * offset).cos().diag(), (speeds * offset).sin().diag()
                turn = torch.cat([torch.cat([cos, sin], dim=1), torch.cat([-sin, cos], dim=1)])
                attention.query.weight[rows] = 2.0 * turn @ select
                attention.key.weight[rows] = select


def student_config() -> DistilBertConfig:
    """Half the layers of the teacher, the same width."""
    return DistilBertConfig(
        vocab_size=vocabulary.VOCABULARY, dim=_WIDTH, n_layers=len(STUDENT_FROM), n_heads=_HEADS,
        hidden_dim=_INNER, max_position_embeddings=vocabulary.MAX_LENGTH, dropout=0.0, attention_dropout=0.0,
        pad_token_id=vocabulary.PAD,
    )  # fmt: skip


_LAYER_NAMES = {
    "attention.q_lin": "attention.self.query",
    "attention.k_lin": "attention.self.key",
    "attention.v_lin": "attention.self.value",
    "attention.out_lin": "attention.output.dense",
    "sa_layer_norm": "attention.output.LayerNorm",
    "ffn.lin1": "intermediate.dense",
    "ffn.lin2": "output.dense",
    "output_layer_norm": "output.LayerNorm",
}


def student_of(teacher: BertForMaskedLM) -> DistilBertForMaskedLM:
    """A student that holds the teacher's embeddings, head and every second layer.

    DistilBERT has no token types: the teacher's one type vector is added to the positions.
    """
    student = DistilBertForMaskedLM(student_config())
    ours, theirs = student.distilbert.embeddings, teacher.bert.embeddings
    ours.word_embeddings.load_state_dict(theirs.word_embeddings.state_dict())
    ours.LayerNorm.load_state_dict(theirs.LayerNorm.state_dict())
    with torch.no_grad():
        kind = theirs.token_type_embeddings.weight[0]
        ours.position_embeddings.weight.copy_(theirs.position_embeddings.weight + kind)
        student.vocab_projector.bias.copy_(teacher.cls.predictions.bias)
    student.vocab_transform.load_state_dict(teacher.cls.predictions.transform.dense.state_dict())
    student.vocab_layer_norm.load_state_dict(teacher.cls.predictions.transform.LayerNorm.state_dict())
    for own, layer in enumerate(STUDENT_FROM):
        block, source = student.distilbert.transformer.layer[own], teacher.bert.encoder.layer[layer]
        for mine, its in _LAYER_NAMES.items():
            block.get_submodule(mine).load_state_dict(source.get_submodule(its).state_dict())
    return student


def forward(
    model: BertForMaskedLM | DistilBertForMaskedLM, batch: Masked
) -> tuple[torch.Tensor, torch.Tensor]:
    """Hidden states (rows * length, width) of the last layer, and logits (n, vocabulary) at `where` alone."""
    if isinstance(model, BertForMaskedLM):
        states = model.bert(input_ids=batch.ids, attention_mask=batch.attention)[0].flatten(0, 1)
        return states, model.cls(states[batch.where])
    states = model.distilbert(input_ids=batch.ids, attention_mask=batch.attention)[0].flatten(0, 1)
    transformed = model.activation(model.vocab_transform(states[batch.where]))
    return states, model.vocab_projector(model.vocab_layer_norm(transformed))


class _Batches:
    """Seeded batches whose rows and mask rate follow the fraction done."""

    def __init__(self, stream: Stream, seed: int) -> None:
        self._stream = stream
        self._generator = torch.Generator().manual_seed(seed)
        self._by_rows = {
            rows: starts_of_batches(stream, np.random.default_rng([seed, rows]), rows, _LENGTH)
            for _, rows in _ROWS
        }

    def at(self, moment: Moment) -> Masked:
        rows = next(r for until, r in _ROWS if moment.fraction < until)
        ids = masked_batch(self._stream, next(self._by_rows[rows]), _LENGTH)
        return hide(ids, mask_rate(moment.fraction), self._generator)


def _teacher_step(model: BertForMaskedLM, batches: _Batches) -> Callable[[Moment], StepResult]:
    def step(moment: Moment) -> StepResult:
        batch = batches.at(moment)
        _, logits = forward(model, batch)
        loss = task_loss(logits, batch.targets)
        return StepResult(loss, loss.detach(), int(batch.attention.sum()))

    return step


def _triple_step(
    model: DistilBertForMaskedLM, teacher: BertForMaskedLM, batches: _Batches
) -> Callable[[Moment], StepResult]:
    def step(moment: Moment) -> StepResult:
        batch = batches.at(moment)
        with torch.no_grad():
            soft_states, soft = forward(teacher, batch)
        states, logits = forward(model, batch)
        task = task_loss(logits, batch.targets)
        present = batch.attention.flatten().bool()
        loss = (
            SOFT * softened_kl(logits, soft, TEMPERATURE)
            + MASKED * task
            + COSINE * cosine_distance(states[present], soft_states[present])
        )
        return StepResult(loss, task.detach(), int(batch.attention.sum()))

    return step


def train_pair(
    stream: Stream, tokenizer: Tokenizer, out: Path, *, minutes: float, seed: int, report: Report
) -> None:
    """Trains both models into `out`/<name>; a stage that is complete there is loaded, not repeated."""
    shipped = vocabulary.masked(tokenizer)

    def stage(
        name: str,
        model: BertForMaskedLM | DistilBertForMaskedLM,
        step: Callable[[Moment], StepResult],
        objective: str,
    ) -> None:
        outcome = fit(
            name, model, step, until_seconds(minutes * 60.0 * _SHARES[name]),
            peak=_PEAK, report=report, checkpoint=lambda: save_model(model, shipped, out / name),
        )  # fmt: skip
        save_model(model, shipped, out / name)
        save_outcome(out / name, outcome, seed=seed, losses=objective)

    torch.manual_seed(seed)
    teacher = BertForMaskedLM(teacher_config())
    see_neighbors(teacher)
    if saved_steps(out / TEACHER) is None:
        stage(
            TEACHER,
            teacher,
            _teacher_step(teacher, _Batches(stream, seed)),
            "masked tokens (30 % falling to 15 %)",
        )
    teacher = BertForMaskedLM.from_pretrained(out / TEACHER, dtype=torch.float32).eval()

    if saved_steps(out / STUDENT) is None:
        torch.manual_seed(seed + 1)
        student = student_of(teacher)
        objective = (
            f"{SOFT} * KL at temperature {TEMPERATURE} (times its square) + {MASKED} * masked tokens"
            f" + {COSINE} * cosine distance of the last hidden states"
        )
        stage(STUDENT, student, _triple_step(student, teacher, _Batches(stream, seed + 1)), objective)
