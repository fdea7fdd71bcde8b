"""The data files of the suite `demo`: complete, balanced, and what their builder writes."""

import json
import random
from collections import Counter
from pathlib import Path

from evaluation.demo import corpus, suite_data


def _rows(name: str) -> list[dict[str, object]]:
    lines = (suite_data.SUITE_DIR / name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_every_paradigm_has_thirty_pairs_with_ids_of_their_own() -> None:
    rows = _rows("blimp.jsonl")
    assert set(Counter(row["paradigm"] for row in rows).values()) == {30}
    assert len({row["paradigm"] for row in rows}) == 67
    assert len({row["id"] for row in rows}) == len(rows) == 2010
    assert len({row["field"] for row in rows}) == 13
    assert all(row["sentence_good"] != row["sentence_bad"] for row in rows)


def test_the_right_choice_stands_equally_often_at_each_position() -> None:
    rows = [suite_data.Cloze.model_validate(row) for row in _rows("cloze.jsonl")]
    golds = Counter(row.gold for row in rows)
    assert sorted(golds) == [0, 1, 2, 3]
    assert max(golds.values()) - min(golds.values()) <= 4
    assert len({row.id for row in rows}) == len(rows) == 1000
    assert all(len(set(row.choices)) == 4 for row in rows)


def test_the_right_word_does_follow_in_its_book_and_the_others_occur_there() -> None:
    books = {book.source.title: book for book in corpus.held_out_books()}
    texts = {title: "\n".join(book.paragraphs) for title, book in books.items()}
    words = {title: set(suite_data._words([book])) for title, book in books.items()}
    for row in (suite_data.Cloze.model_validate(r) for r in _rows("cloze.jsonl")):
        assert f"{row.context} {row.choices[row.gold]}" in texts[row.book], row.id
        assert words[row.book].issuperset(row.choices), row.id


def test_frequency_does_not_give_the_right_word_away() -> None:
    counts = suite_data._words(corpus.training_books())
    rows = [suite_data.Cloze.model_validate(row) for row in _rows("cloze.jsonl")]
    for pick in (max, min):
        hits = sum(pick(range(4), key=lambda i: counts[r.choices[i]]) == r.gold for r in rows)
        assert 0.20 < hits / len(rows) < 0.30


def test_text_and_cloze_use_different_paragraphs() -> None:
    texts, items = _rows("text.jsonl"), _rows("cloze.jsonl")
    assert len(texts) == 120
    assert not {row["id"] for row in texts} & {row["id"] for row in items}


def test_the_committed_files_are_what_the_builder_writes(tmp_path: Path) -> None:
    suite_data.build_from_books(tmp_path, seed=17)
    for name in ("cloze.jsonl", "text.jsonl"):
        assert (tmp_path / name).read_bytes() == (suite_data.SUITE_DIR / name).read_bytes()


def test_pairs_are_drawn_from_each_paradigm_without_repeats(tmp_path: Path) -> None:
    for paradigm in ("wh_island", "passive_1"):
        (tmp_path / paradigm).mkdir()
        rows = [
            {
                "UID": paradigm,
                "pair_id": i,
                "linguistics_term": "t",
                "sentence_good": "a",
                "sentence_bad": "b",
            }
            for i in range(40)
        ]
        (tmp_path / paradigm / "train.jsonl").write_text("\n".join(map(json.dumps, rows)))
    drawn = list(suite_data.minimal_pairs(tmp_path, random.Random(1)))
    assert Counter(pair.paradigm for pair in drawn) == {"wh_island": 30, "passive_1": 30}
    assert len({pair.id for pair in drawn}) == 60
    assert drawn == list(suite_data.minimal_pairs(tmp_path, random.Random(1)))
