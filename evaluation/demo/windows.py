"""Turns sentences into token windows: an endless, seeded stream of batches that start at sentence starts.

Starting where sentences start matters: the suite scores single sentences after a start token.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from evaluation.demo.corpus import Book, sentences
from evaluation.demo.tokenizer import BOS, CLS, EOS, PAD, SEP


class Stream(NamedTuple):
    """All training text as token ids, paragraphs closed by EOS; `starts` are the offsets of sentences."""

    tokens: NDArray[np.int64]
    starts: NDArray[np.int64]


def encode(books: tuple[Book, ...], tokenizer: Tokenizer) -> Stream:
    """Encodes sentence by sentence, so that every sentence begins with the same leading space."""
    pieces: list[NDArray[np.int64]] = []
    for book in books:
        for paragraph in book.paragraphs:
            encoded = tokenizer.encode_batch(sentences(paragraph), add_special_tokens=False)
            rows = [np.asarray(e.ids, dtype=np.int64) for e in encoded if e.ids]
            if rows:
                rows[-1] = np.append(rows[-1], EOS)
            pieces.extend(rows)
    lengths = np.asarray([len(p) for p in pieces], dtype=np.int64)
    return Stream(np.concatenate(pieces), np.cumsum(lengths) - lengths)


def _window_starts(stream: Stream, length: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Shuffled starts of windows that do not overlap; the first start differs from pass to pass."""
    chosen: list[int] = []
    index = int(rng.integers(0, 50))
    while index < len(stream.starts) and stream.starts[index] + length <= len(stream.tokens):
        chosen.append(int(stream.starts[index]))
        index = int(np.searchsorted(stream.starts, stream.starts[index] + length * 0.8))
    starts = np.asarray(chosen, dtype=np.int64)
    rng.shuffle(starts)
    return starts


def starts_of_batches(
    stream: Stream, rng: np.random.Generator, rows: int, length: int
) -> Iterator[NDArray[np.int64]]:
    """Endless batches of `rows` window starts, pass after pass over the text."""
    while True:
        starts = _window_starts(stream, length, rng)
        for first in range(0, len(starts) - rows + 1, rows):
            yield starts[first : first + rows]


def causal_batch(stream: Stream, starts: NDArray[np.int64], length: int) -> torch.Tensor:
    """Ids of shape (rows, length): BOS and the next length - 1 tokens, cut wherever they end."""
    body = stream.tokens[starts[:, None] + np.arange(length - 1)]
    return torch.from_numpy(np.concatenate([np.full((len(starts), 1), BOS), body], axis=1))


def masked_batch(stream: Stream, starts: NDArray[np.int64], length: int) -> torch.Tensor:
    """Ids of shape (rows, length): CLS, whole sentences, SEP, padding; paragraph ends become SEP too."""
    batch = np.full((len(starts), length), PAD, dtype=np.int64)
    batch[:, 0] = CLS
    for row, start in enumerate(starts):
        after = int(np.searchsorted(stream.starts, start + length - 2, side="right")) - 1
        end = int(stream.starts[after])
        if end <= start:  # one sentence longer than the window
            end = int(start) + length - 2
        body = stream.tokens[start:end]
        if body[-1] == EOS:
            body = body[:-1]
        batch[row, 1 : 1 + len(body)] = np.where(body == EOS, SEP, body)
        batch[row, 1 + len(body)] = SEP
    return torch.from_numpy(batch)
