"""What is guessed of a text's next tokens."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from evaluation.runners.models.drafts import FARTHEST_REACH, FIRST_REACH, Draft


def test_what_followed_the_same_tokens_before_is_guessed() -> None:
    assert Draft([1, 2, 3, 4, 5, 9, 1, 2, 3]).guess(3) == [4, 5, 9]


def test_the_latest_place_counts_and_the_longest_match_first() -> None:
    assert Draft([1, 2, 3, 1, 2, 4, 1, 2]).guess(1) == [4]
    assert Draft([7, 1, 2, 3, 8, 1, 2, 4, 7, 1, 2]).guess(1) == [3]


def test_an_end_that_is_new_gives_no_guess() -> None:
    assert Draft([1, 2, 3, 4]).guess(5) == []
    assert Draft([]).guess(5) == []
    assert Draft([1, 2, 1, 2]).guess(0) == []


def test_a_loop_is_guessed_to_go_on() -> None:
    assert Draft([5, 1, 2, 3, 1, 2, 3, 1]).guess(4) == [2, 3, 1, 2]


def test_the_reach_grows_with_right_guesses_and_shrinks_with_wrong_ones() -> None:
    draft = Draft([1, 2] * 20)
    assert len(draft.guess(99)) == FIRST_REACH
    for _ in range(9):
        draft.judge(draft.reach, draft.reach)
    assert len(draft.guess(99)) == FARTHEST_REACH
    draft.judge(FARTHEST_REACH, 0)
    assert len(draft.guess(99)) == 1
    draft.judge(0, 0)
    assert draft.reach == 1


@given(st.lists(st.integers(0, 3), max_size=40), st.integers(0, 30))
def test_it_makes_no_difference_how_a_text_comes_in(text: list[int], most: int) -> None:
    whole, by_and_by = Draft(text), Draft(text[:7])
    by_and_by.extend(text[7:9])
    by_and_by.extend(text[9:])
    guess = whole.guess(most)
    assert by_and_by.guess(most) == guess
    assert len(guess) <= most
    assert set(guess) <= set(text)
