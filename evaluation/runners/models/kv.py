"""Keys and values of a prefix: kept once, handed to many passes. The one place that knows the library's cache layers.

All layers are plain ones, also for models whose library cache would drop what leaves a sliding window: the engine only
shares prefixes where everything is within the window.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import Cache, DynamicLayer

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


def contents(cache: DynamicCache) -> Kept:
    """What the cache holds now."""
    return [(layer.keys, layer.values) for layer in cache.layers]
