"""Finds the answer in what a model wrote, and says whether it is right. Pure text; nothing written is ever run.

For models that think before they answer: the part after the thinking counts, and the last boxed expression or
named letter in it. Equality is of normalized text or of numbers, never of evaluated expressions.
"""

from __future__ import annotations

import re
from fractions import Fraction

THINK_END = "</think>"
THINK_START = "<think>"
LETTER = re.compile(
    r"(?:answer|choice|option)\s*(?:is|:)?\s*\**\s*\(?([A-J])\)?(?![A-Za-z])|^\s*\**\(?([A-J])\)?\**\s*[.:)]?\s*$",
    re.IGNORECASE | re.MULTILINE,
)
NUMBER = re.compile(r"-?(?:\d[\d,]*(?:\.\d+)?|\.\d+)(?:\s*/\s*\d+)?%?")


def final_part(text: str) -> str:
    """What was written after the thinking; all of it where there was none, nothing where it never ended."""
    _, end, after = text.rpartition(THINK_END)
    if end:
        return after
    return "" if THINK_START in text else text


def boxed(text: str) -> str | None:
    r"""The content of the last ``\boxed{...}`` with balanced braces, or None."""
    start = text.rfind("\\boxed{")
    while start >= 0:
        content = _balanced(text, start + len("\\boxed"))
        if content is not None:
            return content.strip()
        start = text.rfind("\\boxed{", 0, start)
    return None


def _balanced(text: str, start: int) -> str | None:
    """What stands between the brace at ``start`` and the one that closes it."""
    depth = 0
    for place in range(start, len(text)):
        if text[place] == "{":
            depth += 1
        elif text[place] == "}":
            depth -= 1
            if depth == 0:
                return text[start + 1 : place]
    return None


def extract(text: str, kind: str) -> str | None:
    """The answer in a response: ``letter`` for lettered choices, ``math`` for expressions and numbers.

    A boxed expression comes first; without one the last letter that is named as the answer, or the last number.
    """
    part = final_part(text)
    found = boxed(part)
    if kind == "letter":
        inner = re.search(r"[A-J]", found.replace("\\text", "").upper()) if found else None
        if inner:
            return inner[0]
        named = LETTER.findall(part)
        return (named[-1][0] or named[-1][1]).upper() if named else None
    if found is not None:
        return found
    numbers = NUMBER.findall(part)
    return numbers[-1] if numbers else None


def is_right(answer: str | None, gold: str) -> bool:
    """Whether two answers are the same after normalization: as text, or as numbers."""
    if answer is None:
        return False
    mine, theirs = normalized(answer), normalized(gold)
    if mine == theirs and mine:
        return True
    left, right = number(mine), number(theirs)
    return left is not None and left == right


REPLACEMENTS = (
    ("\\left", ""), ("\\right", ""), ("\\!", ""), ("\\,", ""), ("\\;", ""), ("\\ ", ""), ("\\$", ""), ("$", ""),
    ("\\%", ""), ("%", ""), ("^\\circ", ""), ("^{\\circ}", ""), ("dfrac", "frac"), ("tfrac", "frac"), ("\\cdot", "*"),
    ("\\times", "*"), ("\\{", "{"), ("\\}", "}"),
)  # fmt: skip


def normalized(text: str) -> str:
    r"""An answer without what does not change it: spaces, dollar signs, degrees, ``\left``, units in ``\text``."""
    made = text.strip().rstrip(".")
    made = re.sub(r"\\text(?:bf|rm|it)?\s*\{([^{}]*)\}", lambda match: _unit(match[1]), made)
    for old, new in REPLACEMENTS:
        made = made.replace(old, new)
    made = re.sub(r"\\frac\s*(\d)\s*(\d)", r"\\frac{\1}{\2}", made)
    made = re.sub(r"\\sqrt\s*(\d)(?!\d)", r"\\sqrt{\1}", made)
    made = re.sub(r"^[a-zA-Z]\s*=\s*", "", made)
    made = re.sub(r"\s+", "", made)
    made = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", made)
    return made.lower()


def _unit(text: str) -> str:
    """A word beside a number is a unit and goes; a word that is the whole answer stays."""
    return text if re.fullmatch(r"\s*\(?[A-Za-z]+\)?\s*", text) and len(text.strip()) <= 12 else ""


def number(text: str) -> Fraction | None:
    r"""The exact value of an integer, a decimal, a fraction ``a/b`` or ``\frac{a}{b}``; None for anything else."""
    match = re.fullmatch(r"(-?)\\frac\{(-?\d+)\}\{(-?\d+)\}", text)
    if match:
        text = f"{match[1]}{match[2]}/{match[3]}"
    if not re.fullmatch(r"-?(\d+(\.\d+)?|\.\d+)(/-?\d+)?", text) or len(text) > 60:
        return None
    numerator, _, denominator = text.partition("/")
    try:
        return Fraction(numerator) / Fraction(denominator or "1")
    except (ValueError, ZeroDivisionError):
        return None
