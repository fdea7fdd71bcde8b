"""The recipe end to end on a few paragraphs: what it writes loads, and is not made twice."""

from pathlib import Path

import pytest

pytest.importorskip("torch")

from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, AutoTokenizer

from evaluation.demo import causal, corpus, loop, masked, tokenizer, windows
from evaluation.demo.save import saved_outcome, saved_steps

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def vocabulary() -> Tokenizer:
    return tokenizer.train(p for book in corpus.held_out_books()[:2] for p in book.paragraphs)


@pytest.fixture(scope="module")
def stream(vocabulary: Tokenizer) -> windows.Stream:
    return windows.encode(corpus.held_out_books()[:1], vocabulary)


def test_a_space_before_a_sentence_changes_nothing(vocabulary: Tokenizer) -> None:
    with_space = vocabulary.encode(" The horse ran.", add_special_tokens=False).ids
    assert vocabulary.encode("The horse ran.", add_special_tokens=False).ids == with_space
    assert tokenizer.causal(vocabulary)("The horse ran.").input_ids == [tokenizer.BOS, *with_space]
    masked_ids = tokenizer.masked(vocabulary)("The horse ran.").input_ids
    assert masked_ids == [tokenizer.CLS, *with_space, tokenizer.SEP]


def test_the_causal_chain_writes_three_models_and_the_last_two_take_equal_steps(
    tmp_path: Path, vocabulary: Tokenizer, stream: windows.Stream
) -> None:
    heard: list[loop.Progress] = []

    def train() -> None:
        causal.train_chain(stream, vocabulary, tmp_path, minutes=0.05, seed=5, report=heard.append)

    train()
    assert saved_steps(tmp_path / causal.STUDENT) == saved_steps(tmp_path / causal.ALONE)
    assert {p.stage for p in heard} == {causal.TEACHER, causal.STUDENT, causal.ALONE}
    for name, layers in ((causal.TEACHER, 6), (causal.STUDENT, 3), (causal.ALONE, 3)):
        model = AutoModelForCausalLM.from_pretrained(tmp_path / name)
        ids = AutoTokenizer.from_pretrained(tmp_path / name)("The horse ran.", return_tensors="pt")
        assert model.config.num_hidden_layers == layers
        assert model(**ids).logits.shape[-1] == 6000
        outcome = saved_outcome(tmp_path / name)
        assert outcome is not None
        assert outcome.tokens > 0

    heard.clear()
    train()
    assert heard == []


def test_the_masked_pair_writes_a_bert_and_a_distilbert(
    tmp_path: Path, vocabulary: Tokenizer, stream: windows.Stream
) -> None:
    masked.train_pair(stream, vocabulary, tmp_path, minutes=0.03, seed=5, report=lambda _: None)
    for name, kind in ((masked.TEACHER, "bert"), (masked.STUDENT, "distilbert")):
        model = AutoModelForMaskedLM.from_pretrained(tmp_path / name)
        assert model.config.model_type == kind
        words = AutoTokenizer.from_pretrained(tmp_path / name)
        assert words.mask_token_id == tokenizer.MASK


def test_one_seed_makes_the_same_first_step(
    tmp_path: Path, vocabulary: Tokenizer, stream: windows.Stream
) -> None:
    losses = []
    for name in ("one", "two"):
        heard: list[loop.Progress] = []
        causal.train_chain(stream, vocabulary, tmp_path / name, minutes=0.0, seed=5, report=heard.append)
        losses.append([p.loss for p in heard])
    assert losses[0] == losses[1]
    assert len(losses[0]) == 3
