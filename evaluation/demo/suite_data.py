"""Builds the data files of the suite `demo`: sampled BLiMP pairs, cloze items and held-out paragraphs.

    python -m evaluation.demo.suite_data --blimp MIRROR/nyu-mll/blimp [--out DIR] [--seed N]

Cloze and text come from the corpus's held-out books alone. What the tasks are is said in evaluation/suites.
"""

import argparse
import itertools
import json
import random
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from evaluation.demo.corpus import Book, held_out_books, read_books, sentences

SUITE_DIR = Path(__file__).parents[1] / "suites" / "demo"
PAIRS_PER_PARADIGM = 30
CLOZE_PER_BOOK = 250
TEXTS_PER_BOOK = 30
CHOICES = 4

_WORD = re.compile(r"[A-Za-z]+(?:'[a-z]+)?")
_PLAIN = re.compile(r"[a-z]{3,}")
_TOO_COMMON = 60  # words of the corpus that carry little meaning are no targets
_CONTEXT_WORDS = (15, 40)
_TEXT_CHARACTERS = (250, 450)
_KNOWN = 20  # and rarer ones than this are too hard for small models
_NEIGHBORS = 15  # the other choices come from this many ranks above and below


class _Row(BaseModel):
    """A line of a data file; the order of the fields is the order in the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str


class MinimalPair(_Row):
    """A BLiMP pair; `field` is its phenomenon (BLiMP's `linguistics_term`)."""

    paradigm: str
    field: str
    sentence_good: str
    sentence_bad: str


class Cloze(_Row):
    """A passage that breaks off before a word, the word (at `gold`) and three others of the same book."""

    book: str
    context: str
    choices: tuple[str, ...]
    gold: int


class Text(_Row):
    """One paragraph of a held-out book."""

    book: str
    text: str


class _Gap(NamedTuple):
    """A place where a cloze item may be made."""

    paragraph: int
    context: str
    word: str


def minimal_pairs(blimp: Path, rng: random.Random) -> Iterator[MinimalPair]:
    """The same number of pairs from every paradigm, drawn without replacement, in their own order."""
    for path in sorted(blimp.glob("*/train.jsonl")):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        for index in sorted(rng.sample(range(len(rows)), PAIRS_PER_PARADIGM)):
            row = rows[index]
            yield MinimalPair(
                id=f"{row['UID']}-{row['pair_id']}",
                paradigm=row["UID"],
                field=row["linguistics_term"],
                sentence_good=row["sentence_good"],
                sentence_bad=row["sentence_bad"],
            )


def _slug(book: Book) -> str:
    return book.source.title.lower().replace(" ", "-")


def _words(books: Iterable[Book]) -> Counter[str]:
    return Counter(w for book in books for p in book.paragraphs for w in _WORD.findall(p))


def _context(pieces: list[str], last: int, end: int) -> str:
    """The text before character `end` of sentence `last`, with as many whole sentences before as fit."""
    context = pieces[last][:end].rstrip()
    for earlier in reversed(pieces[:last]):
        longer = f"{earlier} {context}"
        if len(longer.split()) > _CONTEXT_WORDS[1]:
            break
        context = longer
    return context


def _gap(paragraph: str, index: int, targets: set[str], rng: random.Random) -> _Gap | None:
    """A gap before a target word of the paragraph with 15 to 40 words before it; None where there is none."""
    pieces = sentences(paragraph)
    places = []
    for last, piece in enumerate(pieces):
        for match in _WORD.finditer(piece):
            if match[0] not in targets or match.start() == 0 or piece[match.start() - 1] != " ":
                continue
            context = _context(pieces, last, match.start())
            if _CONTEXT_WORDS[0] <= len(context.split()) <= _CONTEXT_WORDS[1]:
                places.append(_Gap(index, context, match[0]))
    return rng.choice(places) if places else None


def _ranked(book: Book, counts: Counter[str], rng: random.Random) -> list[str]:
    """The book's plain words that the corpus holds often enough, the most frequent in the book first; those
    that are equally frequent stand in random order."""
    common = {w for w, _ in counts.most_common(_TOO_COMMON)}
    own = _words([book])
    words = sorted(w for w in own if _PLAIN.fullmatch(w) and counts[w] >= _KNOWN and w not in common)
    rng.shuffle(words)
    return sorted(words, key=lambda w: -own[w])


def _others(rank: int, ranked: list[str], rng: random.Random) -> list[str]:
    """Three words near `rank`: by chance none to all of them more frequent in the book than the word there.

    So the right word is equally likely to be the most frequent of the four, the second, third or last, and
    frequency does not give it away.
    """
    above = rng.randrange(CHOICES)
    return rng.sample(ranked[rank - _NEIGHBORS : rank], above) + rng.sample(
        ranked[rank + 1 : rank + 1 + _NEIGHBORS], CHOICES - 1 - above
    )


def cloze_items(book: Book, counts: Counter[str], rng: random.Random) -> list[Cloze]:
    """Items of one book, at most one a paragraph; the right choice stands equally often at each position."""
    ranked = _ranked(book, counts, rng)
    rank_of = {word: i for i, word in enumerate(ranked[:-_NEIGHBORS]) if i >= _NEIGHBORS}
    order = list(range(len(book.paragraphs)))
    rng.shuffle(order)
    gaps = (gap for i in order if (gap := _gap(book.paragraphs[i], i, set(rank_of), rng)))
    chosen = list(itertools.islice(gaps, CLOZE_PER_BOOK))
    golds = [i % CHOICES for i in range(len(chosen))]
    rng.shuffle(golds)
    items = []
    for gap, gold in zip(chosen, golds, strict=True):
        others = _others(rank_of[gap.word], ranked, rng)
        rng.shuffle(others)
        choices = (*others[:gold], gap.word, *others[gold:])
        items.append(
            Cloze(
                id=f"{_slug(book)}-{gap.paragraph}",
                book=book.source.title,
                context=gap.context,
                choices=choices,
                gold=gold,
            )
        )
    return items


def texts(book: Book, taken: set[str], rng: random.Random) -> list[Text]:
    """Paragraphs of 250 to 450 characters that no cloze item (ids in `taken`) was made from."""
    low, high = _TEXT_CHARACTERS
    fitting = [
        Text(id=f"{_slug(book)}-{i}", book=book.source.title, text=p)
        for i, p in enumerate(book.paragraphs)
        if low <= len(p) <= high and f"{_slug(book)}-{i}" not in taken
    ]
    return rng.sample(fitting, TEXTS_PER_BOOK)


def _write(path: Path, rows: Iterable[_Row]) -> None:
    lines = [json.dumps(row.model_dump(), ensure_ascii=False) + "\n" for row in rows]
    path.write_text("".join(lines), encoding="utf-8")


def build(blimp: Path, out: Path, seed: int) -> None:
    """Writes blimp.jsonl, cloze.jsonl and text.jsonl into `out`; the same seed writes the same bytes."""
    out.mkdir(parents=True, exist_ok=True)
    _write(out / "blimp.jsonl", minimal_pairs(blimp, random.Random(f"{seed}-blimp")))  # noqa: S311
    build_from_books(out, seed)


def build_from_books(out: Path, seed: int) -> None:
    """Writes cloze.jsonl and text.jsonl, which need nothing but the corpus."""
    rng = random.Random(f"{seed}-books")  # noqa: S311
    counts = _words(read_books())
    items: list[Cloze] = []
    paragraphs: list[Text] = []
    for book in held_out_books():
        items.extend(cloze_items(book, counts, rng))
        paragraphs.extend(texts(book, {item.id for item in items}, rng))
    _write(out / "cloze.jsonl", items)
    _write(out / "text.jsonl", paragraphs)


def main(arguments: list[str] | None = None) -> int:
    """Builds the three files; 0 when done."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.demo.suite_data", description=__doc__)
    parser.add_argument("--blimp", type=Path, required=True, help="folder with <paradigm>/train.jsonl")
    parser.add_argument("--out", type=Path, default=SUITE_DIR)
    parser.add_argument("--seed", type=int, default=17)
    options = parser.parse_args(arguments)
    build(options.blimp, options.out, options.seed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
