"""Keys and values of a prefix: kept once, handed to many passes. The one place that knows the library's cache layers.

All layers are plain ones, also for models whose library cache would drop what leaves a sliding window: the engine only
shares prefixes where everything is within the window.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import Cache, DynamicLayer

ROOM = 64
"""Tokens that a decoding cache is enlarged by when it is full."""

Kept = list[tuple[torch.Tensor, torch.Tensor]]
"""Per layer: keys and values, each [batch, heads, positions, width]."""


class PrefixLayer(DynamicLayer):  # type: ignore[misc]
    """Hands out the prefix with the new keys and values, and keeps only the prefix."""

    def __init__(self, keys: torch.Tensor, values: torch.Tensor) -> None:
        super().__init__()
        fill(self, keys, values)

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.cat([self.keys, key_states], -2), torch.cat([self.values, value_states], -2)


class RoomyLayer(DynamicLayer):  # type: ignore[misc]
    """Has room for tokens to come, so that a step of decoding writes one token instead of copying all before it."""

    _buffers: list[torch.Tensor]

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        start = self.get_seq_length()
        stop = start + key_states.shape[-2]
        if not start or self._buffers[0].shape[-2] < stop:
            self._enlarge(start, stop + ROOM, key_states, value_states)
        for buffer, states in zip(self._buffers, (key_states, value_states), strict=True):
            buffer[:, :, start:stop] = states
        self.keys, self.values = (buffer[:, :, :stop] for buffer in self._buffers)
        return self.keys, self.values

    def _enlarge(self, start: int, size: int, *states: torch.Tensor) -> None:
        old = (self.keys, self.values) if start else (None, None)
        # The widths of keys and values may differ.
        self._buffers = [new.new_empty((*new.shape[:2], size, new.shape[-1])) for new in states]
        for buffer, before in zip(self._buffers, old, strict=True):
            if before is not None:
                buffer[:, :, :start] = before
        if not self.is_initialized:
            self.lazy_initialization(*states)

    def keep(self, rows: torch.Tensor) -> None:
        """Keeps only the given rows of the batch."""
        self._buffers = [buffer[rows] for buffer in self._buffers]
        length = self.get_seq_length()
        self.keys, self.values = (buffer[:, :, :length] for buffer in self._buffers)


def fill(layer: DynamicLayer, keys: torch.Tensor, values: torch.Tensor) -> None:
    """Puts keys and values into a layer as if it had computed them."""
    layer.keys, layer.values = keys, values
    layer.is_initialized = True
    layer.dtype, layer.device = keys.dtype, keys.device


def shared(kept: Kept) -> Cache:
    """A cache that any number of passes may read; none of them changes it."""
    return Cache(layers=[PrefixLayer(keys, values) for keys, values in kept])


def growing(kept: Kept | None) -> DynamicCache:
    """A cache that starts with what is kept and takes in what is run."""
    cache = DynamicCache()
    for keys, values in kept or []:
        layer = DynamicLayer()
        fill(layer, keys, values)
        cache.layers.append(layer)
    return cache


def decoding(kept: Kept | None, *, count: int) -> Cache:
    """A cache that starts with what is kept, repeated for ``count`` rows, with room for what is decoded."""
    cache = Cache(layer_class_to_replicate=RoomyLayer)
    for keys, values in kept or []:
        layer = RoomyLayer()
        fill(layer, keys.expand(count, -1, -1, -1), values.expand(count, -1, -1, -1))
        layer._buffers = [layer.keys, layer.values]
        cache.layers.append(layer)
    return cache


def contents(cache: DynamicCache) -> Kept:
    """What the cache holds now."""
    return [(layer.keys, layer.values) for layer in cache.layers]


def select(cache: Cache, rows: torch.Tensor) -> None:
    """Keeps only the given rows of the batch of a cache for decoding."""
    for layer in cache.layers:
        layer.keep(rows)
