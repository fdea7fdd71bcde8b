"""Windows of tokens: they start at sentences, do not overlap, and repeat with the seed."""

import itertools

import numpy as np
import pytest

pytest.importorskip("torch")

from evaluation.demo import windows
from evaluation.demo.tokenizer import BOS, CLS, EOS, PAD, SEP

pytestmark = pytest.mark.engine


def _stream(sentences: int = 4000, length: int = 5) -> windows.Stream:
    """Sentences of equal length whose first token is 100 and whose last is EOS in every third."""
    tokens = np.full((sentences, length), 200, dtype=np.int64)
    tokens[:, 0] = 100
    tokens[2::3, -1] = EOS
    return windows.Stream(tokens.ravel(), np.arange(sentences, dtype=np.int64) * length)


def test_every_window_starts_with_the_start_token_and_a_sentence() -> None:
    stream = _stream()
    starts = next(windows.starts_of_batches(stream, np.random.default_rng(0), 8, 33))
    batch = windows.causal_batch(stream, starts, 33)
    assert batch.shape == (8, 33)
    assert (batch[:, 0] == BOS).all()
    assert (batch[:, 1] == 100).all()


def test_one_pass_goes_through_nearly_all_of_the_text_once() -> None:
    stream = _stream()
    passes = windows.starts_of_batches(stream, np.random.default_rng(0), 1, 40)
    starts = sorted(int(next(passes)[0]) for _ in range(450))
    gaps = [b - a for a, b in itertools.pairwise(starts)]
    assert min(gaps) >= 32


def test_the_same_seed_gives_the_same_windows() -> None:
    stream = _stream()

    def take(seed: int) -> list[list[int]]:
        batches = windows.starts_of_batches(stream, np.random.default_rng(seed), 4, 20)
        return [next(batches).tolist() for _ in range(5)]

    assert take(3) == take(3)
    assert take(3) != take(4)


def test_masked_windows_hold_whole_sentences_between_their_marks() -> None:
    stream = _stream()
    starts = next(windows.starts_of_batches(stream, np.random.default_rng(0), 6, 24))
    for row in windows.masked_batch(stream, starts, 24).tolist():
        body = row[: row.index(PAD)] if PAD in row else row
        assert body[0] == CLS
        assert body[-1] == SEP
        assert EOS not in body
        assert 15 <= len(body) <= 24


def test_a_sentence_longer_than_the_window_is_cut() -> None:
    stream = windows.Stream(np.full(300, 9, dtype=np.int64), np.asarray([0, 150], dtype=np.int64))
    row = windows.masked_batch(stream, np.asarray([0]), 16)[0].tolist()
    assert row == [CLS, *[9] * 14, SEP]
