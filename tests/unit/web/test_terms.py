"""Words that lead to the glossary lead to words that are there."""

from __future__ import annotations

import re
from pathlib import Path

from zoo.catalog.data import curated

TEMPLATES = Path(__file__).resolve().parents[3] / "templates"


def test_every_term_of_the_pages_is_in_the_glossary() -> None:
    text = "\n".join(path.read_text("utf-8") for path in TEMPLATES.rglob("*.html"))
    used = set(re.findall(r"""\{% term "([^"]+)" """, text))
    assert used
    assert used <= {term.slug for term in curated().glossary}
