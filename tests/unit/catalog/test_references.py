"""How entries are named."""

import pytest

from zoo.catalog import references
from zoo.catalog.references import BadReference


def test_an_id_keeps_its_case_and_is_compared_without() -> None:
    parsed = references.parse("Qwen/Qwen3-8B")
    assert parsed == ("Qwen", "Qwen3-8B")
    assert parsed.key == "qwen/qwen3-8b"


@pytest.mark.parametrize(
    "text", ["", "bert", "a/b/c", "/b", "a/", "a b/c", "../etc/passwd", "a/..", "ä/b", "a/" + "b" * 97]
)
def test_what_cannot_be_an_id_is_refused(text: str) -> None:
    with pytest.raises(BadReference):
        references.parse(text)
