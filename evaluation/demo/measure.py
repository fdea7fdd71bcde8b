"""Measures the demonstration models on the data of the suite `demo`, for their cards.

    python -m evaluation.demo.measure MODELS_DIR [--json FILE]

Deliberately plain and apart from the product's runners, so that the two can be held against each other. fp32 weights
and fp32 log-softmax; no intervals (the product computes those).
"""

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

import torch
from pydantic import BaseModel, ConfigDict
from transformers import (
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoTokenizer,
    BertForMaskedLM,
    DistilBertForMaskedLM,
    PreTrainedTokenizerFast,
)

from evaluation.demo.masked import Masked, forward
from evaluation.demo.suite_data import SUITE_DIR, Cloze, MinimalPair, Text

_BATCH = 32


class Scored(NamedTuple):
    """A text to score: token ids with special tokens, and the positions whose tokens count."""

    ids: list[int]
    targets: range


class Reached(BaseModel):
    """What a model reached: shares of right answers, and which answers were right, a 1 or 0 a row of the suite's
    file. Bits per byte is null for masked models."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: str
    blimp: float
    cloze: float
    bits_per_byte: float | None
    blimp_by_field: dict[str, float]
    blimp_right: str
    cloze_right: str


_RowT = TypeVar("_RowT", bound=BaseModel)


def _rows(kind: type[_RowT], path: Path) -> list[_RowT]:
    with path.open(encoding="utf-8") as lines:
        return [kind.model_validate_json(line) for line in lines]


Scorer = Callable[[list[Scored]], list[float]]


def _batches(rows: list[list[int]]) -> Iterator[tuple[list[int], torch.Tensor, torch.Tensor]]:
    """Batches of rows by length: their indices, padded ids (with 0) and attention."""
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    for first in range(0, len(order), _BATCH):
        indices = order[first : first + _BATCH]
        width = max(len(rows[i]) for i in indices)
        ids = torch.tensor([rows[i] + [0] * (width - len(rows[i])) for i in indices])
        attention = torch.tensor([[1] * len(rows[i]) + [0] * (width - len(rows[i])) for i in indices])
        yield indices, ids, attention


def causal_scorer(model: torch.nn.Module) -> Scorer:
    """Sums of log-probabilities (nats) of the target tokens, each given what stands before it."""

    def score(texts: list[Scored]) -> list[float]:
        sums = [0.0] * len(texts)
        for indices, ids, attention in _batches([t.ids for t in texts]):
            with torch.inference_mode():
                log_probs = model(input_ids=ids, attention_mask=attention).logits.float().log_softmax(-1)
            for row, index in enumerate(indices):
                at = torch.tensor(texts[index].targets)
                sums[index] = log_probs[row, at - 1, ids[row, at]].sum().item()
        return sums

    return score


def masked_scorer(model: BertForMaskedLM | DistilBertForMaskedLM, mask: int) -> Scorer:
    """Pseudo-log-likelihoods (nats) after Salazar et al. 2020: each target hidden alone, given all the rest."""

    def score(texts: list[Scored]) -> list[float]:
        copies, owners = [], []
        for index, text in enumerate(texts):
            for target in text.targets:
                copies.append([*text.ids[:target], mask, *text.ids[target + 1 :]])
                owners.append((index, target))
        sums = [0.0] * len(texts)
        for indices, ids, attention in _batches(copies):
            places = torch.tensor([owners[i][1] for i in indices])
            where = torch.arange(len(indices)) * ids.shape[1] + places
            with torch.inference_mode():
                _, logits = forward(model, Masked(ids, attention, where, ids.flatten()[where]))
            log_probs = logits.float().log_softmax(-1)
            for row, copy in enumerate(indices):
                index, target = owners[copy]
                sums[index] += log_probs[row, texts[index].ids[target]].item()
        return sums

    return score


def _scored(tokenizer: PreTrainedTokenizerFast, context: str, continuation: str, tail: int) -> Scored:
    """`continuation` after `context`, where `tail` special tokens close the text."""
    ids = tokenizer.encode(context + continuation)
    start = len(tokenizer.encode(context)) - tail if context else 1
    return Scored(ids, range(start, len(ids) - tail))


def _blimp(
    tokenizer: PreTrainedTokenizerFast, score: Scorer, pairs: list[MinimalPair], tail: int
) -> list[bool]:
    sums = score(
        [
            _scored(tokenizer, "", text, tail)
            for pair in pairs
            for text in (pair.sentence_good, pair.sentence_bad)
        ]
    )
    return [good > bad for good, bad in zip(sums[::2], sums[1::2], strict=True)]


def _cloze(tokenizer: PreTrainedTokenizerFast, score: Scorer, items: list[Cloze], tail: int) -> list[bool]:
    sums = iter(score([_scored(tokenizer, i.context, f" {c}", tail) for i in items for c in i.choices]))
    right = []
    for item in items:
        own = [next(sums) for _ in item.choices]
        right.append(all(own[item.gold] > other for i, other in enumerate(own) if i != item.gold))
    return right


def _share(right: list[bool]) -> float:
    return sum(right) / len(right)


def measure(tokenizer: PreTrainedTokenizerFast, score: Scorer, suite: Path, *, masked: bool) -> Reached:
    """Scores all of the suite; a tie counts as wrong."""
    tail = 1 if masked else 0
    pairs = _rows(MinimalPair, suite / "blimp.jsonl")
    blimp = _blimp(tokenizer, score, pairs, tail)
    cloze = _cloze(tokenizer, score, _rows(Cloze, suite / "cloze.jsonl"), tail)
    fields: dict[str, list[bool]] = {}
    for pair, right in zip(pairs, blimp, strict=True):
        fields.setdefault(pair.field, []).append(right)
    return Reached(
        metric="pseudo-log-likelihood" if masked else "log-likelihood",
        blimp=_share(blimp),
        cloze=_share(cloze),
        bits_per_byte=None if masked else bits_per_byte(tokenizer, score, suite),
        blimp_by_field={field: _share(rights) for field, rights in sorted(fields.items())},
        blimp_right="".join(str(int(right)) for right in blimp),
        cloze_right="".join(str(int(right)) for right in cloze),
    )


def bits_per_byte(tokenizer: PreTrainedTokenizerFast, score: Scorer, suite: Path) -> float:
    """Over all held-out paragraphs; each is scored whole (a few are a little longer than the training windows)."""
    texts = [row.text for row in _rows(Text, suite / "text.jsonl")]
    nats = -sum(score([_scored(tokenizer, "", text, 0) for text in texts]))
    return nats / math.log(2) / sum(len(text.encode()) for text in texts)


def measure_directory(directory: Path, suite: Path = SUITE_DIR) -> Reached:
    """Loads a model directory in fp32 and measures it, as masked or causal by its name."""
    tokenizer = AutoTokenizer.from_pretrained(directory)
    masked = "bert" in directory.name
    kind = AutoModelForMaskedLM if masked else AutoModelForCausalLM
    model = kind.from_pretrained(directory, dtype=torch.float32).eval()
    score = masked_scorer(model, tokenizer.mask_token_id) if masked else causal_scorer(model)
    return measure(tokenizer, score, suite, masked=masked)


def main(arguments: list[str] | None = None) -> int:
    """Prints what every model below a directory reached, as JSON; 0 when done."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.demo.measure", description=__doc__)
    parser.add_argument("models", type=Path, nargs="+", help="model directories")
    parser.add_argument("--json", type=Path, help="write here too")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    reached = {path.name: measure_directory(path).model_dump() for path in options.models}
    text = json.dumps(reached, indent=1)
    if options.json:
        options.json.write_text(text + "\n")
    sys.stdout.write(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
