"""The documents of the repository's docs/ folder as pages. Only names that exist there are served."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from zoo.web import markdown

FOLDER = Path(settings.BASE_DIR) / "docs"
_FIRST = ("start", "concepts", "methods", "licensing", "operations", "security")
"""The order in which a newcomer reads; documents that are not named follow by name."""
_PICTURES = {".png": "image/png", ".svg": "image/svg+xml"}


class Entry(NamedTuple):
    """A document: where it is served, its title and its first sentence."""

    slug: str
    title: str
    summary: str


def index(request: HttpRequest) -> HttpResponse:
    """All documents: guides first, then the decisions."""
    entries = _entries()
    guides = sorted((entry for entry in entries if "/" not in entry.slug), key=_reading_order)
    decisions = [entry for entry in entries if entry.slug.startswith("decisions/")]
    return render(request, "docs/index.html", {"guides": guides, "decisions": decisions})


def document(request: HttpRequest, slug: str) -> HttpResponse:
    """One document."""
    path = _files().get(slug)
    if path is None:
        raise Http404
    text = re.sub(
        r"\]\((?!https?:|/|#)([\w./-]+?)\.md(#[\w-]+)?\)", _page_link(slug), path.read_text("utf-8")
    )
    page = markdown.render(text)
    outline = [heading for heading in page.headings if heading.level == 2]
    return render(request, "docs/document.html", {"page": page, "outline": outline, "entries": _entries()})


def picture(request: HttpRequest, name: str) -> FileResponse:
    """A picture of the documents."""
    path = FOLDER / "images" / name
    kind = _PICTURES.get(path.suffix)
    if kind is None or not path.is_file():
        raise Http404
    response = FileResponse(path.open("rb"), content_type=kind)
    response["Cache-Control"] = "public, max-age=3600"
    return response


def _page_link(slug: str) -> str:
    folder = slug.rpartition("/")[0]
    return f"](/docs/{folder + '/' if folder else ''}\\1/\\2)"


def _reading_order(entry: Entry) -> tuple[int, str]:
    return (_FIRST.index(entry.slug) if entry.slug in _FIRST else len(_FIRST), entry.slug)


def _files() -> dict[str, Path]:
    return {
        path.relative_to(FOLDER).with_suffix("").as_posix(): path
        for path in sorted(FOLDER.rglob("*.md"))
        if path.stem != "README"
    }


def _entries() -> list[Entry]:
    return [_entry(slug, path, path.stat().st_mtime_ns) for slug, path in _files().items()]


@lru_cache(maxsize=256)
def _entry(slug: str, path: Path, changed: int) -> Entry:
    """Title and summary; `changed` is in the arguments so that an edited file is read again."""
    title, _, rest = path.read_text("utf-8").strip().partition("\n")
    first = next((part for part in rest.split("\n\n") if re.match(r"\s*(\*\*)?[A-Za-z]", part)), "")
    summary = _plain(re.sub(r"^\*\*[^*]+\.\*\* ", "", " ".join(first.split())))
    return Entry(slug, _plain(title.lstrip("# ")), re.split(r"(?<=[.!?]) ", summary)[0])


def _plain(text: str) -> str:
    """Text without its emphasis, code marks and links."""
    return re.sub(r"[*`]|\[([^\]]+)\]\([^)]*\)", lambda found: found[1] or "", text)
