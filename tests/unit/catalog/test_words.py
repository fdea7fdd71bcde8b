"""How text becomes words, and how far apart words are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.catalog.search.words import distance, typos_allowed, words_of

LETTERS = st.text(alphabet="abcd", max_size=7)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("DeepSeek-R1-Distill-Qwen-1.5B", ["deepseek", "r1", "distill", "qwen", "1.5b"]),
        ("meta-llama/Llama-3.1-8B", ["meta", "llama", "3.1", "8b"]),
        ("llama3.1", ["llama", "3.1"]),
        ("qwen2.5-math-7b", ["qwen", "2.5", "math", "7b"]),
        ("gpt4o", ["gpt", "4o"]),
        ("Modèle Français", ["modele", "francais"]),
        ("phi-1_5", ["phi", "1", "5"]),
        ("bert bert BERT", ["bert"]),
        ("模型 蒸馏", ["模型", "蒸馏"]),
        ("", []),
        ("-- // __", []),
        ('" OR 1=1; *', ["or", "1"]),
    ],
)
def test_names_are_split_where_people_would_split_them(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@given(st.text(max_size=200))
def test_words_are_plain_whatever_comes_in(text: str) -> None:
    for word in words_of(text):
        assert word == word.casefold()
        assert 0 < len(word) <= 40
        assert not set(word) & set(" _'\"\\*()|&!:")


@pytest.mark.parametrize(
    ("one", "other", "steps"),
    [
        ("bert", "bert", 0),
        ("bert", "brt", 1),
        ("bert", "bret", 1),
        ("deepseek", "deepsek", 1),
        ("mistral", "mystrall", 2),
    ],
)
def test_distance_counts_edits_and_swapped_neighbors(one: str, other: str, steps: int) -> None:
    assert distance(one, other, 3) == steps


def test_beyond_the_limit_the_distance_is_just_more() -> None:
    assert distance("bert", "mistral", 2) == 3
    assert distance("a", "abcdef", 2) == 3


@given(LETTERS, LETTERS)
def test_distance_is_symmetrical_and_zero_only_for_equal_words(one: str, other: str) -> None:
    assert distance(one, other, 9) == distance(other, one, 9)
    assert (distance(one, other, 9) == 0) == (one == other)


@given(LETTERS, LETTERS)
def test_distance_lies_between_the_difference_of_lengths_and_the_longer_length(one: str, other: str) -> None:
    assert abs(len(one) - len(other)) <= distance(one, other, 9) <= max(len(one), len(other))


def test_digits_and_short_words_are_never_mended() -> None:
    assert [typos_allowed(word) for word in ("7b", "3.1", "gpt4", "r1", "ab", "brt", "mistral")] == [
        0,
        0,
        0,
        0,
        0,
        1,
        2,
    ]
