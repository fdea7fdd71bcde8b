"""Plans which tokens to run through a model, so that each unique token is run once. Pure: no torch.

Sequences that share a prefix form a trie over token ids. The plan walks it: a long prefix shared by
many sequences is run once and its keys and values are kept; what is left is cut into packs, each a
small tree of unique tokens under a budget. Sorting the sequences gives the trie for free: two
neighbors share exactly their longest common prefix.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import numpy as np

State = TypeVar("State")
"""What the engine keeps of a prefix that it has run: its keys and values."""

Tokens = tuple[int, ...]


class Request(NamedTuple):
    """One continuation to score. ``tokens`` is what the model reads; the last ``targets`` are predicted."""

    number: int
    tokens: Tokens
    targets: Tokens


class Span(NamedTuple):
    """The lookups of one request: ``start`` to ``stop`` in the pack's ``rows`` and ``targets``."""

    number: int
    start: int
    stop: int


@dataclass(slots=True)
class Pack:
    """One forward pass: N unique tokens in depth-first order, behind a prefix of P tokens.

    ``parents[i]`` is the place of token i's predecessor in the pack, -1 right behind the prefix.
    ``scored`` are the places whose logits are needed; ``rows`` point into ``scored``, one per target.
    """

    prefix_length: int
    tokens: list[int]
    positions: list[int]
    parents: list[int]
    scored: list[int]
    rows: list[int]
    targets: list[int]
    spans: list[Span]

    @property
    def is_chain(self) -> bool:
        """Whether the tokens form one sequence, so that the plain causal mask will do."""
        return all(parent == place - 1 for place, parent in enumerate(self.parents))

    def visible(self) -> np.ndarray:
        """Boolean [N, P + N]: token i sees the whole prefix, its own ancestors and itself."""
        count, before = len(self.tokens), self.prefix_length
        mask = np.zeros((count, before + count), dtype=bool)
        mask[:, :before] = True
        for place, parent in enumerate(self.parents):
            if parent >= 0:
                mask[place, before : before + place] = mask[parent, before : before + place]
            mask[place, before + place] = True
        return mask


def common_prefix(left: Sequence[int], right: Sequence[int], start: int = 0) -> int:
    """Number of leading tokens that two sequences share, known to be at least ``start``."""
    end = min(len(left), len(right))
    place = start
    while place < end and left[place] == right[place]:
        place += 1
    return place


@dataclass(frozen=True, slots=True)
class _Calls(Generic[State]):
    """What a walk calls, and what it need not."""

    extend: Callable[[Tokens, int, State | None], State]
    score: Callable[[Pack, State | None], None]
    known: Container[int]


class Plan:
    """The trie of a set of requests, and the walk that scores it.

    ``budget`` bounds the unique tokens of a pack; ``min_prefix`` is how much longer a shared prefix must be than
    what is already kept for running it by itself to pay.
    """

    def __init__(self, requests: Sequence[Request], *, budget: int, min_prefix: int = 16) -> None:
        self.budget = budget
        self.min_prefix = min_prefix
        self.requests: dict[Tokens, list[Request]] = {}
        for request in requests:
            self.requests.setdefault(request.tokens, []).append(request)
        self.sequences = sorted(self.requests)
        pairs = itertools.pairwise(self.sequences)
        self.shared = [0, *(common_prefix(a, b) for a, b in pairs)]
        self.first_scored = [
            min(len(tokens) - len(request.targets) for request in self.requests[tokens])
            for tokens in self.sequences
        ]

    def unique_tokens(self) -> int:
        """Tokens that a perfect walk runs: every edge of the trie once."""
        return self._cost(0, len(self.sequences), 0)

    def walk(
        self,
        *,
        extend: Callable[[Tokens, int, State | None], State],
        score: Callable[[Pack, State | None], None],
        known: Container[int] = (),
    ) -> None:
        """Calls ``extend(tokens, position, kept)`` for prefixes and ``score(pack, kept)`` for the rest.

        ``extend`` runs the tokens at that position behind what is kept and returns what to keep then. Requests whose
        numbers are ``known`` are planned like the others, so that packs do not depend on them, but a pack of nothing
        else is passed over, and so is a prefix of nothing else.
        """
        if self.sequences:
            self._range(0, len(self.sequences), 0, None, _Calls(extend, score, known))

    def _cost(self, low: int, high: int, prefix: int) -> int:
        if low == high:
            return 0
        cost = len(self.sequences[low]) - prefix
        for place in range(low + 1, high):
            cost += len(self.sequences[place]) - max(self.shared[place], prefix)
        return cost

    def _range(
        self,
        low: int,
        high: int,
        prefix: int,
        kept: State | None,
        calls: _Calls[State],
    ) -> None:
        if self._all_known(range(low, high), calls.known):
            return
        if high - low == 1 or self._cost(low, high, prefix) <= self.budget:
            calls.score(self._pack(range(low, high), prefix), kept)
            return
        # A token whose logits are needed must be in a pack, so the prefix ends before the first of them.
        shared = min(min(self.shared[low + 1 : high]), *self.first_scored[low:high])
        if shared - prefix >= self.min_prefix:
            kept = calls.extend(self.sequences[low][prefix:shared], prefix, kept)
            prefix = shared
        pending: list[int] = []
        pending_cost = 0
        for start, stop in self._children(low, high, max(shared, prefix)):
            cost = self._cost(start, stop, prefix)
            if cost > self.budget and stop - start > 1:
                self._range(start, stop, prefix, kept, calls)
                continue
            if pending and pending_cost + cost > self.budget:
                self._score(pending, prefix, kept, calls)
                pending, pending_cost = [], 0
            pending += range(start, stop)
            pending_cost += cost
        if pending:
            self._score(pending, prefix, kept, calls)

    def _score(self, places: Sequence[int], prefix: int, kept: State | None, calls: _Calls[State]) -> None:
        if not self._all_known(places, calls.known):
            calls.score(self._pack(places, prefix), kept)

    def _all_known(self, places: Iterable[int], known: Container[int]) -> bool:
        return all(
            request.number in known for place in places for request in self.requests[self.sequences[place]]
        )

    def _children(self, low: int, high: int, depth: int) -> list[tuple[int, int]]:
        """The runs of sequences that agree beyond ``depth``; halves where all of them do."""
        cuts = [low, *(place for place in range(low + 1, high) if self.shared[place] <= depth), high]
        if len(cuts) == 2:
            cuts = [low, (low + high) // 2, high]
        return list(itertools.pairwise(cuts))

    def _pack(self, places: Sequence[int], prefix: int) -> Pack:
        pack = Pack(prefix, [], [], [], [], [], [], [])
        row_of: dict[int, int] = {}
        path: list[int] = []
        before: Tokens | None = None
        for place in places:
            tokens = self.sequences[place]
            depth = max(common_prefix(before, tokens, prefix), prefix) if before is not None else prefix
            del path[depth - prefix :]
            for position in range(depth, len(tokens)):
                pack.parents.append(path[-1] if path else -1)
                path.append(len(pack.tokens))
                pack.tokens.append(tokens[position])
                pack.positions.append(position)
            before = tokens
            for request in self.requests[tokens]:
                start = len(pack.rows)
                for position, target in enumerate(request.targets, len(tokens) - len(request.targets)):
                    token = path[position - prefix]
                    pack.rows.append(row_of.setdefault(token, len(row_of)))
                    pack.targets.append(target)
                pack.spans.append(Span(request.number, start, len(pack.rows)))
        pack.scored = list(row_of)
        return pack
