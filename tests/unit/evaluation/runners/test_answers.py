"""Finding an answer in what a model wrote, and telling right from wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.runners.answers import boxed, extract, final_part, is_right, normalized, number


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The answer is 4.", "The answer is 4."),
        ("<think>2+2 is 5? no, 4</think>\nIt is 4.", "\nIt is 4."),
        ("2+2</think>4", "4"),
        ("<think>one</think> two <think>three</think> four", " four"),
        ("<think>I never stop thinking", ""),
    ],
)
def test_only_what_comes_after_the_thinking_counts(text: str, expected: str) -> None:
    assert final_part(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"so \boxed{42}.", "42"),
        (r"\boxed{1} or rather \boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed{\left\{x \mid x > 0\right\}}", r"\left\{x \mid x > 0\right\}"),
        (r"\boxed{7} and then \boxed{8", "7"),
        ("nothing", None),
    ],
)
def test_the_last_whole_box_is_the_answer(text: str, expected: str | None) -> None:
    assert boxed(text) == expected


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        (r"<think>\boxed{1}</think> \boxed{2}", "math", "2"),
        ("It costs $1,200 in the end", "math", "1,200"),
        ("<think>12", "math", None),
        (r"\boxed{B}", "letter", "B"),
        (r"\boxed{\text{(C)}}", "letter", "C"),
        ("The answer is (D).", "letter", "D"),
        ("Answer: **a**", "letter", "A"),
        ("I think so.\nB", "letter", "B"),
        ("A quick thought: none.", "letter", None),
    ],
)
def test_answers_are_found_by_their_kind(text: str, kind: str, expected: str | None) -> None:
    assert extract(text, kind) == expected


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("42", "42.0"), ("1,200", "1200"), (r"\frac{1}{2}", "0.5"), (r"\dfrac12", r"\frac{1}{2}"), ("$18$", "18"),
        (r"x = 5", "5"), (r"\left(3, \frac{\pi}{2}\right)", r"(3,\frac{\pi}{2})"), ("90^\\circ", "90"), ("50\\%", "50"),
        (r"\text{Evelyn}", "Evelyn"), ("204", "204"), ("-3/4", r"-\frac{3}{4}"), (r"2\sqrt3", r"2\sqrt{3}"),
    ],
)  # fmt: skip
def test_the_same_answer_written_otherwise_is_right(answer: str, gold: str) -> None:
    assert is_right(answer, gold)


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("41", "42"),
        (None, "42"),
        ("", ""),
        ("1/0", "1"),
        ("__import__('os')", "0"),
        ("2**10", "1024"),
        ("(1,2)", "(2,1)"),
    ],
)
def test_other_answers_are_wrong_and_nothing_is_evaluated(answer: str | None, gold: str) -> None:
    assert not is_right(answer, gold)


@given(st.integers(-(10**9), 10**9), st.integers(1, 10**6))
def test_fractions_are_compared_exactly(top: int, bottom: int) -> None:
    assert number(f"{top}/{bottom}") == number(rf"\frac{{{top}}}{{{bottom}}}")
    assert is_right(str(top), f"{top}.0")


@given(st.text(max_size=200))
def test_any_text_is_survived(text: str) -> None:
    for kind in ("math", "letter"):
        answer = extract(text, kind)
        assert answer is None or isinstance(normalized(answer), str)
        is_right(answer, "1")
