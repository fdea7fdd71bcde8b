"""The documents of the repository's docs/ folder as pages. Only names that exist there are served."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from zoo.web import markdown

FOLDER = Path(settings.BASE_DIR) / "docs"
_FIRST = (
    *("start", "concepts", "methods", "licensing", "operations", "security"),
    *("how-to/evaluate-mine", "how-to/check-a-license", "how-to/verify-a-release", "how-to/import-scores"),
    *(
        "how-to/propose-and-curate",
        "how-to/webhooks",
        "how-to/keep-the-data",
        "how-to/air-gapped",
        "how-to/gpu-worker",
    ),
    *("how-to/add-a-suite", "how-to/add-a-license", "how-to/add-a-scoring-engine"),
    *("reference/api", "reference/cli", "reference/settings", "reference/formats"),
)
"""The order in which a newcomer reads; documents that are not named follow by name."""
_GROUPS = {"": "Guides", "how-to": "How to", "reference": "Reference", "decisions": "Decisions"}
_PICTURES = {".png": "image/png", ".svg": "image/svg+xml"}


class Entry(NamedTuple):
    """A document: where it is served, its title and its first sentence."""

    slug: str
    title: str
    summary: str


def index(request: HttpRequest) -> HttpResponse:
    """All documents by group: guides, how to do something, reference, decisions."""
    return render(request, "docs/index.html", {"groups": groups(_entries())})


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
    context = {"page": page, "outline": outline, "groups": groups(_entries()), "slug": slug}
    return render(request, "docs/document.html", context)


def groups(entries: list[Entry]) -> list[tuple[str, list[Entry]]]:
    """The documents by group, each in reading order; groups without one are left out."""
    found = []
    for folder, title in _GROUPS.items():
        rows = [entry for entry in entries if entry.slug.rpartition("/")[0] == folder]
        if rows:
            found.append((title, sorted(rows, key=_reading_order)))
    return found


def picture(request: HttpRequest, name: str) -> FileResponse:
    """A picture of the documents."""
    path = FOLDER / "images" / name
    kind = _PICTURES.get(path.suffix)
    if kind is None or not path.is_file():
        raise Http404
    response = FileResponse(path.open("rb"), content_type=kind)
    response["Cache-Control"] = "public, max-age=3600"
    return response


def _page_link(slug: str) -> Callable[[re.Match[str]], str]:
    """Turns a link to a file beside a document into one to that file's page."""
    folder = slug.rpartition("/")[0]

    def link(found: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(folder, found[1]))
        return f"](/docs/{target}/{found[2] or ''})"

    return link


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
    parts = [part for part in rest.split("\n\n") if re.match(r"\s*(\*\*)?[A-Za-z]", part)]
    first = next((part for part in parts if not part.startswith("Made by ")), "")
    summary = _plain(re.sub(r"^\*\*[^*]+\.\*\* ", "", " ".join(first.split())))
    return Entry(slug, _plain(title.lstrip("# ")), re.split(r"(?<=[.!?]) ", summary)[0])


def _plain(text: str) -> str:
    """Text without its emphasis, code marks and links."""
    return re.sub(r"[*`]|\[([^\]]+)\]\([^)]*\)", lambda found: found[1] or "", text)
