"""Reads the corpus of public-domain books that the demonstration is trained on, and cuts it into sentences.

Books marked `held_out` in corpus/SOURCES.json never reach a training loop; the suite `demo` is made from them.
"""

import lzma
import re
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, TypeAdapter

CORPUS_DIR = Path(__file__).parent / "corpus"
_BOOKS = CORPUS_DIR / "public-domain-books.txt.xz"
_SOURCES = CORPUS_DIR / "SOURCES.json"

# A sentence ends at a stop and its closing quotes, before a space and a capital; titles are no ends.
_SENTENCE_END = re.compile(
    r"""(?<!\bMr)(?<!\bMrs)(?<!\bDr)(?<!\bSt)(?<!\bMs)[.!?]["')]*(\s+)(?=["'(]*[A-Z])"""
)


class Source(BaseModel):
    """One book of the corpus; `paragraphs` is the number of its lines."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    gutenberg_id: int
    file: str
    paragraphs: int
    characters: int
    held_out: bool = False


class Book(NamedTuple):
    """A book with its paragraphs in reading order."""

    source: Source
    paragraphs: tuple[str, ...]


def read_books() -> tuple[Book, ...]:
    """All books in the order of SOURCES.json; ValueError when text and sources do not agree."""
    sources = TypeAdapter(tuple[Source, ...]).validate_json(_SOURCES.read_bytes())
    texts = lzma.decompress(_BOOKS.read_bytes()).decode().strip("\n").split("\n\n")
    if len(texts) != len(sources):
        raise ValueError(f"corpus holds {len(texts)} books, SOURCES.json names {len(sources)}")
    books = tuple(Book(s, tuple(t.split("\n"))) for s, t in zip(sources, texts, strict=True))
    for source, paragraphs in books:
        if len(paragraphs) != source.paragraphs:
            raise ValueError(f"{source.title}: {len(paragraphs)} paragraphs, expected {source.paragraphs}")
    return books


def training_books() -> tuple[Book, ...]:
    """The books that may be trained on."""
    return tuple(book for book in read_books() if not book.source.held_out)


def held_out_books() -> tuple[Book, ...]:
    """The books that are kept for measuring."""
    return tuple(book for book in read_books() if book.source.held_out)


def sentences(paragraph: str) -> list[str]:
    """The sentences of one paragraph, by punctuation alone (so a few are cut wrongly)."""
    pieces, start = [], 0
    for end in _SENTENCE_END.finditer(paragraph):
        pieces.append(paragraph[start : end.start(1)])
        start = end.end(1)
    pieces.append(paragraph[start:])
    return [piece for piece in (p.strip() for p in pieces) if piece]
