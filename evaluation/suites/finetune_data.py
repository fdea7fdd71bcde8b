"""Makes the data of the suite ``demo-finetune`` from that of ``demo``: ``python -m evaluation.suites.finetune_data``.

Two small jobs for an encoder with a new head: which of four held-out books a passage is from, and whether a
sentence is acceptable. Drawn with a stated seed; both sentences of a minimal pair are on the same side of the split.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
SEED = 17
TRAIN_PASSAGES = 600
TRAIN_PAIRS = 280
FIELDS = ("determiner_noun_agreement", "subject_verb_agreement")


def main() -> int:
    """Writes ``book.jsonl`` and ``acceptable.jsonl``; the same seed writes the same bytes."""
    target = FOLDER / "demo-finetune"
    target.mkdir(exist_ok=True)
    _write(target / "book.jsonl", books(_read("cloze.jsonl")))
    _write(target / "acceptable.jsonl", sentences(_read("blimp.jsonl")))
    return 0


def books(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Passages with the book that each is from."""
    random.Random(f"{SEED}-books").shuffle(rows)  # noqa: S311
    return [
        {
            "id": row["id"],
            "split": _side(place < TRAIN_PASSAGES),
            "text": row["context"],
            "label": row["book"],
        }
        for place, row in enumerate(rows)
    ]


def sentences(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sentences about agreement, acceptable or not, in two examples for each pair."""
    pairs = [row for row in rows if row["field"] in FIELDS]
    random.Random(f"{SEED}-pairs").shuffle(pairs)  # noqa: S311
    return [
        {
            "id": f"{row['id']}-{label}",
            "split": _side(place < TRAIN_PAIRS),
            "text": row[column],
            "label": label,
        }
        for place, row in enumerate(pairs)
        for column, label in (("sentence_good", "acceptable"), ("sentence_bad", "unacceptable"))
    ]


def _side(is_train: bool) -> str:
    return "train" if is_train else "eval"


def _read(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FOLDER / "demo" / name).read_text(encoding="utf-8").splitlines()]


def _write(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
