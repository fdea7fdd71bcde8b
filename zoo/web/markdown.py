"""Markdown to safe HTML: parsed without raw HTML, then cut down to an allow-list. Both steps, always.

For texts of strangers (model cards) and for our own documents alike. Remote images are dropped: a page makes no
request to another site.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

_TAGS = frozenset(
    {
        *("a", "p", "br", "hr", "em", "strong", "del", "code", "pre", "blockquote", "ul", "ol", "li", "img"),
        *("h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
    }
)
_ATTRIBUTES = {
    "a": {"href", "title"},
    "img": {"src", "alt", "width", "height"},
    "code": {"class"},
    "th": {"align"},
    "td": {"align"},
    **{f"h{level}": {"id"} for level in range(1, 7)},
}
MAX_CHARACTERS = 400_000
"""What is longer is cut: no page needs more, and a text of megabytes would keep a process for seconds."""
_PARSER = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])


class Heading(NamedTuple):
    """A heading of the text, with the anchor that leads to it."""

    level: int
    anchor: str
    text: str


class Document(NamedTuple):
    """A text, rendered, with its outline."""

    html: SafeString
    title: str
    headings: tuple[Heading, ...]


def render(text: str, *, lowest: int = 1) -> Document:
    """Renders a text. `lowest` is the level that its first-level headings get on the page."""
    tokens = _PARSER.parse(text[:MAX_CHARACTERS])
    headings = tuple(_number_headings(tokens, lowest))
    dirty = _PARSER.renderer.render(tokens, _PARSER.options, {})
    clean = nh3.clean(
        dirty,
        tags=set(_TAGS),
        attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
        attribute_filter=_keep_attribute,
    )
    title = next((heading.text for heading in headings), "")
    return Document(mark_safe(clean), title, headings)  # noqa: S308


def _keep_attribute(tag: str, name: str, value: str) -> str | None:
    """Drops the source of a remote image, so that only its alternative text stays."""
    if tag == "img" and name == "src" and not re.match(r"^(/(?!/)|[\w.-]+(/|$))", value):
        return None
    return value


def _number_headings(tokens: list[Token], lowest: int) -> list[Heading]:
    found: list[Heading] = []
    for opening, inline, closing in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if opening.type != "heading_open":
            continue
        level = min(6, int(opening.tag[1]) + lowest - 1)
        opening.tag = closing.tag = f"h{level}"
        text = "".join(child.content for child in inline.children or [])
        anchor = _anchor(text, {heading.anchor for heading in found})
        opening.attrSet("id", anchor)
        found.append(Heading(level, anchor, text))
    return found


def _anchor(text: str, taken: set[str]) -> str:
    base = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "section"
    anchor, count = base, 2
    while anchor in taken:
        anchor, count = f"{base}-{count}", count + 1
    return anchor
