"""The task of the sequence-to-sequence pair: a word in, its letters backwards out. Data for training and measuring.

Words are those of the corpus. Which are kept for measuring is decided by a hash of the word, so that no list has to
be carried for the split, and no word is on both sides.

    python -m evaluation.demo.backwards        # writes the rows of the suite demo-backwards
"""

import hashlib
import random
import re
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from evaluation.demo.corpus import read_books

SUITE_FILE = Path(__file__).parent.parent / "suites" / "demo-backwards" / "backwards.jsonl"
SHORTEST, LONGEST = 4, 10
ITEMS = 600
SEED = 20
CHOICES = 4
_KEPT_OF = 8
_WORD = re.compile(r"\b[a-z]+\b")


class Item(BaseModel):
    """A word, and its letters backwards among three near misses; `gold` is the number of the right one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    word: str
    choices: tuple[str, ...]
    gold: int


def words() -> list[str]:
    """Every word of the corpus in small letters and of a usable length, in order of the alphabet."""
    found = {
        word
        for book in read_books()
        for paragraph in book.paragraphs
        for word in _WORD.findall(paragraph)
        if SHORTEST <= len(word) <= LONGEST
    }
    return sorted(found)


def is_kept(word: str) -> bool:
    """Whether a word is kept out of training."""
    return hashlib.sha256(word.encode()).digest()[0] % _KEPT_OF == 0


def training_words() -> list[str]:
    """The words that may be trained on."""
    return [word for word in words() if not is_kept(word)]


def near_misses(word: str, rng: random.Random) -> list[str]:
    """Three different strings that are nearly the word backwards: two letters swapped, or one replaced."""
    right = word[::-1]
    found: list[str] = []
    for candidate in _misses(right, rng):
        if candidate != right and candidate not in found:
            found.append(candidate)
        if len(found) == CHOICES - 1:
            break
    return found


def _misses(right: str, rng: random.Random) -> Iterator[str]:
    while True:
        at = rng.randrange(len(right) - 1)
        yield right[:at] + right[at + 1] + right[at] + right[at + 2 :]
        at = rng.randrange(len(right))
        yield right[:at] + rng.choice(right) + right[at + 1 :]


def items() -> list[Item]:
    """The items of the suite: drawn once, among the words that are kept out."""
    rng = random.Random(SEED)  # noqa: S311
    chosen = rng.sample([word for word in words() if is_kept(word)], ITEMS)
    made = []
    for word in chosen:
        choices = [word[::-1], *near_misses(word, rng)]
        rng.shuffle(choices)
        made.append(Item(word=word, choices=tuple(choices), gold=choices.index(word[::-1])))
    return made


if __name__ == "__main__":
    SUITE_FILE.parent.mkdir(exist_ok=True)
    SUITE_FILE.write_text("".join(item.model_dump_json() + "\n" for item in items()), encoding="utf-8")
