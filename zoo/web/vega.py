"""Vega-Lite specifications as standalone pictures, for download and embedding. The one adapter to vl-convert."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any


def to_svg(specification: dict[str, Any]) -> bytes:
    """The picture as SVG. Cached by content; the library is loaded at the first call (about a second)."""
    return _svg(json.dumps(specification, sort_keys=True))


def to_png(specification: dict[str, Any]) -> bytes:
    """The picture as PNG, twice as many pixels as the SVG has units."""
    return _png(json.dumps(specification, sort_keys=True))


@lru_cache(maxsize=64)
def _svg(text: str) -> bytes:
    import vl_convert

    # No base address is allowed, so that a specification cannot make the server fetch anything.
    picture: str = vl_convert.vegalite_to_svg(text, allowed_base_urls=[])
    return picture.encode()


@lru_cache(maxsize=32)
def _png(text: str) -> bytes:
    import vl_convert

    picture: bytes = vl_convert.vegalite_to_png(text, scale=2, allowed_base_urls=[])
    return picture
