"""The plan runs every token that is needed, once, and asks for the logits of every target."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.runners.models.trie import Pack, Plan, Request, common_prefix

Path = tuple[int, ...]


def requests() -> st.SearchStrategy[list[Request]]:
    tokens = st.lists(st.integers(0, 2), min_size=1, max_size=12).map(tuple)

    def build(sequences: list[Path], counts: list[int]) -> list[Request]:
        return [
            Request(number, sequence, tuple(range(1 + count % len(sequence))))
            for number, (sequence, count) in enumerate(zip(sequences, counts, strict=False))
        ]

    return st.builds(
        build, st.lists(tokens, min_size=1, max_size=12), st.lists(st.integers(0, 11), min_size=12)
    )


class Walk:
    """Follows a plan without a model: what is kept of a prefix is the prefix itself."""

    def __init__(self, plan: Plan, known: frozenset[int] = frozenset()) -> None:
        self.run: list[Path] = []
        self.found: dict[int, list[tuple[Path, int]]] = {}
        self.packs: list[Path] = []
        self.largest = 0
        plan.walk(extend=self.extend, score=self.score, known=known)

    def extend(self, tokens: Path, position: int, kept: Path | None) -> Path:
        before = kept or ()
        assert len(before) == position
        self.run += [before + tokens[: i + 1] for i in range(len(tokens))]
        return before + tokens

    def score(self, pack: Pack, kept: Path | None) -> None:
        before = kept or ()
        assert len(before) == pack.prefix_length
        paths: list[Path] = []
        for token, position, parent in zip(pack.tokens, pack.positions, pack.parents, strict=True):
            path = (paths[parent] if parent >= 0 else before) + (token,)
            assert len(path) == position + 1
            paths.append(path)
        self.check_mask(pack, paths)
        self.packs.append(before + tuple(pack.tokens))
        self.run += paths
        self.largest = max(self.largest, len(paths))
        for number, start, stop in pack.spans:
            rows = [pack.scored[row] for row in pack.rows[start:stop]]
            self.found[number] = [
                (paths[row], t) for row, t in zip(rows, pack.targets[start:stop], strict=True)
            ]

    def check_mask(self, pack: Pack, paths: list[Path]) -> None:
        mask = pack.visible()
        for place, path in enumerate(paths):
            seen = np.flatnonzero(mask[place, pack.prefix_length :])
            assert mask[place, : pack.prefix_length].all()
            assert [pack.tokens[i] for i in seen] == list(path[pack.prefix_length :])


@given(requests(), st.integers(1, 40), st.integers(1, 6))
def test_every_target_is_scored_behind_exactly_its_own_tokens(
    asked: list[Request], budget: int, min_prefix: int
) -> None:
    walk = Walk(Plan(asked, budget=budget, min_prefix=min_prefix))
    for request in asked:
        first = len(request.tokens) - len(request.targets)
        expected = [(request.tokens[: first + i + 1], target) for i, target in enumerate(request.targets)]
        assert walk.found[request.number] == expected


@given(requests())
def test_with_room_for_all_no_token_is_run_twice(asked: list[Request]) -> None:
    plan = Plan(asked, budget=10_000)
    walk = Walk(plan)
    assert len(walk.run) == len(set(walk.run)) == plan.unique_tokens()


@given(requests(), st.integers(12, 40))
def test_packs_stay_within_the_budget(asked: list[Request], budget: int) -> None:
    assert Walk(Plan(asked, budget=budget, min_prefix=1)).largest <= budget


@given(requests(), st.integers(1, 40), st.sets(st.integers(0, 11)))
def test_what_is_known_is_passed_over_and_moves_no_other_pack(
    asked: list[Request], budget: int, known: set[int]
) -> None:
    whole = Walk(Plan(asked, budget=budget, min_prefix=1))
    rest = Walk(Plan(asked, budget=budget, min_prefix=1), frozenset(known))
    assert {request.number for request in asked} - known <= set(rest.found)
    packs = iter(whole.packs)
    assert all(pack in packs for pack in rest.packs), (
        "packs of the rest are packs of the whole, in their order"
    )
    if known >= {request.number for request in asked}:
        assert rest.run == []


def test_a_prefix_shared_by_all_documents_is_run_once() -> None:
    shots = tuple(range(100, 160))
    asked = [Request(i, (*shots, i, i + 1, i + 2), (7,)) for i in range(50)]
    walk = Walk(Plan(asked, budget=30))
    assert len(walk.run) == 60 + 50 * 3


@pytest.mark.parametrize(
    ("left", "right", "start", "length"),
    [((), (), 0, 0), ((1, 2), (1, 2), 0, 2), ((1, 2, 3), (1, 2, 4), 1, 2), ((1,), (2,), 0, 0)],
)
def test_the_common_prefix_counts_leading_equal_tokens(
    left: Path, right: Path, start: int, length: int
) -> None:
    assert common_prefix(left, right, start) == length
