"""Sequences that grow side by side behind one shared prefix, whose keys and values all of them read and none copies.

A pass takes any number of new tokens of each row in one flat line, so nothing is padded and a row may run several
tokens at once. Attention is done here, by heads that share keys, in fp32: over the prefix for all rows together, over
each row's own slots apart, and the two are joined by their sums of exponentials. The joining is that of Juravsky et al.
2024 (Hydragen). The library calls it for models that look their attention up by name; whether a model does is tried.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from transformers import AttentionInterface
from transformers.cache_utils import Cache, DynamicLayer

if TYPE_CHECKING:
    from evaluation.runners.models.kv import Kept

NAME = "rows_behind_a_prefix"
ROOM = 64
"""Slots that each row has at first; full ones are enlarged by half."""


@dataclass(frozen=True, slots=True)
class Feed:
    """One pass: T tokens of R neighboring rows.

    ``rows`` [T] and ``slots`` [T] say where token t's keys lie. ``grid`` [R, K] lists the tokens of each row, filled up
    with token 0, and ``place`` [T] finds token t in it. ``hidden`` [R, 1, 1, K, L] is -inf where a slot is not seen.
    """

    span: slice
    rows: torch.Tensor
    slots: torch.Tensor
    grid: torch.Tensor
    place: torch.Tensor
    hidden: torch.Tensor
    length: int


class RowsLayer(DynamicLayer):  # type: ignore[misc]
    """One layer's keys and values: a prefix [heads, P, width] and slots [rows, heads, room, width], in fp32."""

    def __init__(self, prefix: tuple[torch.Tensor, torch.Tensor] | None, count: int) -> None:
        super().__init__()
        self.prefix = None if prefix is None else tuple(states[0].float() for states in prefix)
        self.count = count
        self.own: list[torch.Tensor] = []
        self.feed: Feed | None = None

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Puts the pass's keys and values into their slots; ``attend`` finds them there."""
        assert self.feed is not None
        new = (key_states[0].transpose(0, 1).float(), value_states[0].transpose(0, 1).float())
        if not self.own or self.own[0].shape[2] < self.feed.length:
            self._enlarge(new)
        for own, states in zip(self.own, new, strict=True):
            own[self.feed.rows, :, self.feed.slots] = states
        return key_states, value_states

    def _enlarge(self, new: tuple[torch.Tensor, ...]) -> None:
        assert self.feed is not None
        # Zeros, since an unused slot has the weight 0, and 0 times what lies in fresh memory may be no number.
        before = self.own[0].shape[2] if self.own else 0
        size = max(self.feed.length, ROOM, before * 3 // 2)
        larger = [states.new_zeros(self.count, states.shape[1], size, states.shape[2]) for states in new]
        for target, old in zip(larger, self.own, strict=bool(self.own)):
            target[:, :, :before] = old
        self.own = larger


class Part(NamedTuple):
    """Attention over some positions: weighted sums [..., width], largest scores and sums of exponentials [..., 1]."""

    sums: torch.Tensor
    top: torch.Tensor
    total: torch.Tensor


class Rows:
    """The rows of one batch. ``feed`` makes the pass's arrangement; the caller runs the model with ``cache``."""

    def __init__(self, kept: Kept | None, start: int, layers: int, count: int, device: torch.device) -> None:
        prefixes: Sequence[tuple[torch.Tensor, torch.Tensor] | None] = kept or [None] * layers
        self.layers = [RowsLayer(prefix, count) for prefix in prefixes]
        self.cache = Cache(layers=self.layers)
        self.start = start
        self.lengths = [0] * count
        self.device = device

    def feed(self, first: int, chunks: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Readies a pass of new tokens of the rows from ``first`` on; gives ids and positions [1, T]."""
        counts = [len(chunk) for chunk in chunks]
        widest, total = max(counts), sum(counts)
        rows = torch.repeat_interleave(torch.arange(len(chunks)), torch.tensor(counts))
        before = torch.tensor(self.lengths[first : first + len(chunks)])
        starts = torch.tensor(counts).cumsum(0) - torch.tensor(counts)
        column = torch.arange(total) - starts[rows]
        slots = before[rows] + column
        grid = torch.zeros(len(chunks), widest, dtype=torch.long)
        grid[rows, column] = torch.arange(total)
        length = int(slots.max()) + 1
        last_seen = torch.zeros(len(chunks), widest, dtype=torch.long)
        last_seen[rows, column] = slots
        hidden = torch.zeros(len(chunks), widest, length)
        hidden.masked_fill_(torch.arange(length) > last_seen[:, :, None], float("-inf"))
        feed = Feed(
            slice(first, first + len(chunks)), (rows + first).to(self.device), slots.to(self.device),
            grid.to(self.device), (rows * widest + column).to(self.device),
            hidden[:, None, None].to(self.device), length,
        )  # fmt: skip
        for layer in self.layers:
            layer.feed = feed
        for place, count in enumerate(counts, first):
            self.lengths[place] += count
        ids = torch.tensor([token for chunk in chunks for token in chunk], device=self.device)
        return ids[None], (slots + self.start)[None].to(self.device)

    def move(self, source: int, target: int) -> None:
        """Puts a row in the place of another, which is gone then."""
        length = self.lengths[source]
        for layer in self.layers:
            for own in layer.own:
                own[target, :, :length] = own[source, :, :length]
        self.lengths[target] = length

    @contextlib.contextmanager
    def attending(self, model: Any) -> Iterator[None]:
        """Within it the model attends to these rows, and to nothing else."""
        before = model.config._attn_implementation
        token = _current.set(self.layers)
        model.set_attn_implementation(NAME)
        try:
            if model.config._attn_implementation != NAME:
                raise ValueError("the model does not look its attention up by name")
            yield
        finally:
            model.set_attn_implementation(before)
            _current.reset(token)


_current: ContextVar[list[RowsLayer]] = ContextVar("rows")


def attend(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    softcap: float | None = None,
    **settings: Any,
) -> tuple[torch.Tensor, None]:
    """Attention of a pass's tokens [1, heads, T, width] to prefix and own slots: [1, T, heads, width]."""
    layer = _current.get()[module.layer_idx]
    _, heads, count, width = query.shape
    shared = key.shape[1]
    scaled = query[0].float() * (width**-0.5 if scaling is None else scaling)
    grouped = scaled.view(shared, heads // shared, count, width)
    found = _own(layer, grouped, softcap)
    if layer.prefix is not None:
        found = _joined(found, _prefix(layer.prefix, grouped, softcap))
    output = (found.sums / found.total).flatten(0, 1).transpose(0, 1)
    return output[None].to(value.dtype), None


def _own(layer: RowsLayer, grouped: torch.Tensor, softcap: float | None) -> Part:
    """Attention of each row's tokens [heads, group, T, width] to its own slots."""
    feed = layer.feed
    assert feed is not None
    shared, group, _, width = grouped.shape
    count, widest = feed.grid.shape
    rows = grouped[:, :, feed.grid].permute(2, 0, 1, 3, 4).reshape(count, shared, group * widest, width)
    keys, values = (own[feed.span, :, : feed.length] for own in layer.own)
    scores = _capped(rows @ keys.transpose(-1, -2), softcap).view(count, shared, group, widest, -1)
    part = _part((scores + feed.hidden).view(count, shared, group * widest, -1), values)

    def flat(states: torch.Tensor) -> torch.Tensor:
        """[R, heads, group * K, x] as [heads, group, T, x]."""
        apart = states.view(count, shared, group, widest, -1).permute(1, 2, 0, 3, 4)
        return apart.reshape(shared, group, count * widest, -1)[:, :, feed.place]

    return Part(*(flat(states) for states in part))


def _prefix(prefix: Any, grouped: torch.Tensor, softcap: float | None) -> Part:
    """Attention of all tokens [heads, group, T, width] to the whole prefix."""
    keys, values = prefix
    shared, group, count, width = grouped.shape
    scores = _capped(grouped.reshape(shared, group * count, width) @ keys.transpose(-1, -2), softcap)
    return Part(*(states.view(shared, group, count, -1) for states in _part(scores, values)))


def _part(scores: torch.Tensor, values: torch.Tensor) -> Part:
    top = scores.amax(-1, keepdim=True)
    weights = scores.sub_(top).exp_()
    return Part(weights @ values, top, weights.sum(-1, keepdim=True))


def _joined(left: Part, right: Part) -> Part:
    top = torch.maximum(left.top, right.top)
    a, b = (left.top - top).exp_(), (right.top - top).exp_()
    return Part(left.sums * a + right.sums * b, top, left.total * a + right.total * b)


def _capped(scores: torch.Tensor, softcap: float | None) -> torch.Tensor:
    return scores if softcap is None else (scores / softcap).tanh_() * softcap


AttentionInterface.register(NAME, attend)
