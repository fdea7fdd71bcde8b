"""The table of moves says what DESIGN's states allow."""

from __future__ import annotations

import pytest

from zoo.runs.lifecycle import FINAL, HELD, LIVE, MOVES, Move, State, backoff_seconds, sources, target


def test_every_state_that_is_not_final_can_be_left() -> None:
    left = set().union(*(start for start, _ in MOVES.values()))
    assert left >= set(State) - FINAL


def test_a_success_is_never_left() -> None:
    assert all(State.SUCCEEDED not in start for start, _ in MOVES.values())


def test_every_state_can_be_reached() -> None:
    assert {end for _, end in MOVES.values()} == set(State)


def test_states_are_queued_held_or_final() -> None:
    assert HELD | FINAL | {State.QUEUED} == set(State)
    assert not HELD & FINAL
    assert HELD | {State.QUEUED, State.SUCCEEDED} == LIVE


def test_a_move_names_its_sources_and_its_target() -> None:
    assert sources(Move.CLAIMED) == ["queued"]
    assert target(Move.LOST) is State.QUEUED


@pytest.mark.parametrize(("lost", "seconds"), [(0, 60), (1, 60), (2, 300), (3, 1800), (9, 1800)])
def test_the_rest_grows_with_each_loss(lost: int, seconds: int) -> None:
    assert backoff_seconds(lost, (60, 300, 1800)) == seconds
