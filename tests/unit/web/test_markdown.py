"""Markdown of strangers: nothing runs, nothing is fetched from elsewhere, headings can be linked."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from zoo.web import markdown


class Elements(HTMLParser):
    """Collects the elements and attributes of a piece of HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[a](javascript:alert(1))",
        "[a](data:text/html,x)",
        "![a](https://elsewhere.example/pixel.png)",
        "![a](//elsewhere.example/pixel.png)",
        '<a href="x" style="position:fixed">a</a>',
    ],
)
def test_nothing_active_and_nothing_remote_survives(text: str) -> None:
    found = Elements()
    found.feed(markdown.render(text).html)
    assert "script" not in found.tags
    for name, value in found.attributes:
        assert name in {"href", "alt", "title", "rel"}
        assert name != "href" or not value.startswith(("javascript:", "data:"))


def test_tables_code_and_local_pictures_are_kept() -> None:
    html = markdown.render("| a | b |\n|---|---|\n| 1 | 2 |\n\n```sh\nls\n```\n\n![x](images/x.png)").html
    assert "<table>" in html
    assert '<code class="language-sh">' in html
    assert 'src="images/x.png"' in html


def test_headings_get_anchors_that_differ() -> None:
    page = markdown.render("# One\n\n## Two *words*\n\n## Two words")
    assert page.title == "One"
    assert [heading.anchor for heading in page.headings] == ["one", "two-words", "two-words-2"]
    assert 'id="two-words-2"' in page.html


def test_headings_can_be_moved_down_under_the_pages_own() -> None:
    assert "<h3" in markdown.render("# One", lowest=3).html
