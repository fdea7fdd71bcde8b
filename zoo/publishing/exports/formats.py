"""The formats by name, as addresses and the command line know them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from zoo.core.errors import NotFound
from zoo.publishing.exports import bill, hub, linked, spdx
from zoo.publishing.exports.subject import Subject


class Format(NamedTuple):
    """A format: what it is called in a download, and how it is made."""

    content_type: str
    extension: str
    make: Callable[[Subject, datetime], str]


FORMATS: dict[str, Format] = {
    "card": Format("text/markdown", "md", lambda subject, now: hub.card(subject)),
    "model-index": Format("application/yaml", "yaml", lambda subject, now: hub.model_index(subject)),
    "eval-results": Format("application/yaml", "yaml", lambda subject, now: hub.eval_results(subject)),
    "cyclonedx": Format(
        "application/vnd.cyclonedx+json", "cdx.json", lambda subject, now: bill.cyclonedx(subject)
    ),
    "spdx": Format("application/spdx+json", "spdx.json", lambda subject, now: spdx.spdx3(subject, now=now)),
    "json-ld": Format("application/ld+json", "jsonld", lambda subject, now: linked.json_ld(subject)),
}


class UnknownFormat(NotFound):
    """There is no such format."""

    code = "unknown_format"


def format_named(name: str) -> Format:
    """A format by name. Raises UnknownFormat, naming those that there are."""
    if name not in FORMATS:
        raise UnknownFormat(f"there is no format '{name}'", remedy=f"Known: {', '.join(FORMATS)}.")
    return FORMATS[name]
