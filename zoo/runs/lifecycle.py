"""The states of a run and the moves between them: one table, one function. Pure; the moves are made in queue.py.

A move that is not in the table does not happen. Each is one conditional update in the database, so of two
that race exactly one happens.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum


class State(StrEnum):
    """Where a run is."""

    QUEUED = "queued"
    FETCHING = "fetching"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Move(StrEnum):
    """What happened to a run. The names are those of the events."""

    REQUESTED = "requested"
    CLAIMED = "claimed"
    STARTED = "started"
    RECORDED = "recorded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"
    RELEASED = "released"
    RETRIED = "retried"


HELD = frozenset({State.FETCHING, State.RUNNING})
"""A worker holds the run under a lease."""
FINAL = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED})
LIVE = frozenset(State) - {State.FAILED, State.CANCELLED}
"""States in which a run stands for its identity: at most one such run may exist."""

MOVES: dict[Move, tuple[frozenset[State], State]] = {
    Move.REQUESTED: (frozenset(), State.QUEUED),
    Move.CLAIMED: (frozenset({State.QUEUED}), State.FETCHING),
    Move.STARTED: (frozenset({State.FETCHING}), State.RUNNING),
    Move.RECORDED: (HELD, State.SUCCEEDED),
    Move.FAILED: (HELD | {State.QUEUED}, State.FAILED),
    Move.CANCELLED: (HELD | {State.QUEUED}, State.CANCELLED),
    Move.LOST: (HELD, State.QUEUED),
    Move.RELEASED: (HELD, State.QUEUED),
    Move.RETRIED: (frozenset({State.FAILED, State.CANCELLED}), State.QUEUED),
}
"""Move -> (states it starts from, state it ends in)."""


def sources(move: Move) -> list[str]:
    """The states that the move may start from, sorted, for a query's condition."""
    return sorted(MOVES[move][0])


def target(move: Move) -> State:
    """The state that the move ends in."""
    return MOVES[move][1]


def backoff_seconds(lost: int, steps: Sequence[int]) -> int:
    """How long a run rests after its worker was lost for the ``lost``-th time (1, 2, ...): one of the steps."""
    return steps[min(max(lost, 1), len(steps)) - 1]
