"""The corpus: sentences, and what is kept out of training."""

from evaluation.demo import corpus


def test_titles_and_closing_quotes_do_not_break_sentences() -> None:
    text = '"We saw Mr. Beebe." She laughed. "Did you?" said he. No! Never.'
    assert corpus.sentences(text) == [
        '"We saw Mr. Beebe."',
        "She laughed.",
        '"Did you?" said he.',
        "No!",
        "Never.",
    ]


def test_an_empty_paragraph_has_no_sentences() -> None:
    assert corpus.sentences("  ") == []


def test_text_and_sources_agree_and_four_books_are_kept_out() -> None:
    books = corpus.read_books()
    kept = {book.source.title for book in books if book.source.held_out}
    assert len(books) == 33
    assert kept == {"Black Beauty", "The Railway Children", "The Wind in the Willows", "Three Men in a Boat"}


def test_training_books_and_held_out_books_have_no_paragraph_of_some_length_in_common() -> None:
    trained = {p for book in corpus.training_books() for p in book.paragraphs if len(p) > 60}
    kept = {p for book in corpus.held_out_books() for p in book.paragraphs if len(p) > 60}
    assert len(kept) > 3000
    assert not trained & kept
