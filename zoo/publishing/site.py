"""The whole site as files that any file server, or a browser without one, shows: the data outlives the instance.

Pages are fetched from the service's own WSGI application, as a visitor would, and their links made relative. What only
a running service can answer (searching, filters, forms) leads to one page that says so.
"""

from __future__ import annotations

import hashlib
import io
import ipaddress
import re
from collections import deque
from collections.abc import Callable, Iterable
from html import escape, unescape
from pathlib import Path
from posixpath import dirname, relpath
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from zoo.core.errors import Conflict

START = (
    "/",
    "/models/",
    "/releases/",
    "/comparisons/",
    "/leaderboard/",
    "/licenses/",
    "/timeline/",
    "/docs/",
)
LEFT_OUT = (
    *("/admin/", "/account/", "/login/", "/logout/", "/submit/", "/theme/", "/welcome/", "/status/"),
    *("/proposals/", "/models/propose/", "/licenses/check/", "/compare/", "/submissions/", "/dumps/"),
)
"""What only a running service can do."""
KEPT_API = (
    "/api/v1/models/",
    "/api/v1/releases/",
    "/api/v1/comparisons/",
    "/api/v1/runs/",
    "/api/v1/schema/",
)
KEPT_QUERY = frozenset({"page", "cursor", "task"})
"""Parameters whose pages are copied: pages of lists, and the samples of a task."""
NEEDS_SERVICE = "needs-the-service.html"
MARK = ".distill-zoo-site"
_LINK = re.compile(r"""(?P<name>\b(?:href|src|action))=(?P<quote>["'])(?P<url>[^"']*)(?P=quote)""")
_SHEET = re.compile(
    r"""url\((?P<quote>["']?)(?P<url>[^"')]+)(?P=quote)\)|@import\s+["'](?P<other>[^"']+)["']"""
)
_SUFFIXES = {
    "application/json": "json",
    "application/problem+json": "json",
    "application/yaml": "yaml",
    "application/vnd.oai.openapi": "yaml",
    "text/markdown": "md",
    "application/x-ndjson": "jsonl",
}


class NotEmpty(Conflict):
    """The folder holds something that is no earlier copy of a site."""

    code = "folder_not_empty"


class Answer(NamedTuple):
    """What an application answered: the status, headers by lower-case name, and the whole body."""

    status: int
    headers: dict[str, str]
    body: bytes


class Written(NamedTuple):
    """What came of an export: files by kind, and the addresses that answered with an error."""

    pages: int
    files: int
    broken: tuple[str, ...]


Fetch = Callable[[str], Answer]


def fetcher(application: Callable[..., Iterable[bytes]], *, instance: str) -> Fetch:
    """Asks a WSGI application, as a visitor of the instance's address, each time from another private address."""
    parts = urlsplit(instance)
    count = iter(range(1, 1 << 62))

    def fetch(address: str) -> Answer:
        path, _, query = address.partition("?")
        visitor = ipaddress.IPv6Address((0xFD << 120) + next(count))
        environ: dict[str, Any] = {
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(path).encode().decode("latin-1"),
            "QUERY_STRING": query,
            "SERVER_NAME": parts.hostname or "127.0.0.1",
            "SERVER_PORT": str(parts.port or (443 if parts.scheme == "https" else 80)),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": parts.netloc,
            "HTTP_X_FORWARDED_PROTO": parts.scheme,
            "REMOTE_ADDR": str(visitor),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": parts.scheme,
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": False,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        return _asked(application, environ)

    return fetch


def _asked(application: Callable[..., Iterable[bytes]], environ: dict[str, Any]) -> Answer:
    told: list[Any] = []
    pieces = application(environ, lambda status, headers, error=None: told.append((status, headers)))
    try:
        body = b"".join(pieces)
    finally:
        close = getattr(pieces, "close", None)
        if close is not None:
            close()
    status, headers = told[-1]
    return Answer(int(status.split()[0]), {name.lower(): value for name, value in headers}, body)


def export(
    folder: Path,
    fetch: Fetch,
    *,
    instance: str,
    made_at: str,
    more: Iterable[str] = (),
    tell: Callable[[int], None] = lambda _: None,
) -> Written:
    """Copies the site into a folder, which must be empty or hold an earlier copy. ``more`` are further addresses.

    Raises NotEmpty. What answers with an error is left out and named.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / MARK).exists():
        raise NotEmpty(f"{folder} holds other things", remedy="Name an empty folder.")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).write_text(f"{instance} {made_at}\n")
    copy = _Copy(folder, fetch, instance)
    copy.crawl([*START, *more], tell)
    copy.write_needs_service(made_at)
    copy.rewrite(made_at)
    return Written(len(copy.pages), len(copy.where), tuple(copy.broken))


class _Copy:
    """One export in the making: which address lies where."""

    def __init__(self, folder: Path, fetch: Fetch, instance: str) -> None:
        self.folder, self.fetch, self.instance = folder, fetch, instance
        self.where: dict[str, str] = {}
        self.pages: list[str] = []
        self.broken: list[str] = []

    def crawl(self, first: Iterable[str], tell: Callable[[int], None]) -> None:
        """Fetches everything that can be reached, once, and stores it as it came."""
        waiting = deque(dict.fromkeys(first))
        known = set(waiting)
        while waiting:
            address = waiting.popleft()
            for found in self._take(address):
                if found not in known:
                    known.add(found)
                    waiting.append(found)
            tell(len(self.where))

    def _take(self, address: str) -> list[str]:
        answer = self.fetch(address)
        if answer.status in (301, 302, 303, 307, 308):
            target = resolve(answer.headers.get("location", ""), address, self.instance)
            if target is None:
                return []
            self.where[address] = f"->{target}"
            return [target]
        if answer.status != 200:
            self.broken.append(address)
            return []
        kind = answer.headers.get("content-type", "").split(";")[0].strip()
        path = place(address, kind, answer.headers.get("content-disposition", ""))
        target_file = self.folder / path
        target_file.parent.mkdir(parents=True, exist_ok=True)
        target_file.write_bytes(answer.body)
        self.where[address] = path
        if kind == "text/html":
            self.pages.append(address)
            return links(answer.body.decode("utf-8", "replace"), address, self.instance)
        if kind == "text/css":
            return sheet_links(answer.body.decode("utf-8", "replace"), address, self.instance)
        return []

    def located(self, address: str) -> str | None:
        """The file of an address, through redirects."""
        for _ in range(5):
            found = self.where.get(address)
            if found is None or not found.startswith("->"):
                return found
            address = found[2:]
        return None

    def rewrite(self, made_at: str) -> None:
        """Makes the links of every page relative, and marks the page as a copy."""
        banner = f'<p class="small soft static-copy">A copy of {escape(self.instance)}, made {escape(made_at)}.</p>'
        for address in self.pages:
            path = self.where[address]
            file = self.folder / path
            text = file.read_text("utf-8", "replace")
            text = _LINK.sub(lambda found, a=address, p=path: self._link(found, a, p), text)  # type: ignore[misc]
            text = re.sub(r'\bmethod="post"', 'method="get"', text)
            text = re.sub(r"(<main\b[^>]*>)", lambda found: f"{found[1]}{banner}", text, count=1)
            file.write_text(text, "utf-8")

    def _link(self, found: re.Match[str], address: str, path: str) -> str:
        url = unescape(found["url"])
        name, mark = found["name"], found["quote"]
        if url.startswith("#") and name != "action":
            return found[0]
        target = resolve(url, address, self.instance)
        if target is None:
            return found[0] if name != "action" else f'action="{_relative(NEEDS_SERVICE, path)}"'
        fragment = urlsplit(url).fragment
        file = None if name == "action" else self.located(target)
        new = _relative(file or NEEDS_SERVICE, path) + (f"#{fragment}" if fragment and file else "")
        return f"{name}={mark}{escape(new)}{mark}"

    def write_needs_service(self, made_at: str) -> None:
        """The page to which everything leads that a file cannot answer."""
        text = (
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>Needs the service</title>'
            '<meta name="viewport" content="width=device-width"><body><main><h1>This needs the running service</h1>'
            f"<p>You are reading a copy of {escape(self.instance)}, made {escape(made_at)}. Searching, filters, forms "
            f'and accounts need the service itself: <a href="{escape(self.instance)}/">{escape(self.instance)}</a>, '
            "or an installation of your own that loads the dump beside this copy.</p>"
            '<p><a href="index.html">To the start</a></p></main></body></html>\n'
        )
        (self.folder / NEEDS_SERVICE).write_text(text, "utf-8")


def place(address: str, content_type: str, disposition: str) -> str:
    """Where in the folder an address lies. A page is a folder's ``index.html``; a download keeps its file name."""
    path, _, query = address.partition("?")
    parts = [quote(unquote(part), safe="-_.~@+") for part in path.split("/") if part not in ("", ".", "..")]
    if query:
        parts.append("_" + hashlib.sha256(query.encode()).hexdigest()[:16])
    if not path.endswith("/") and not query and "." in parts[-1]:
        return "/".join(parts)
    if content_type == "text/html":
        return "/".join([*parts, "index.html"])
    named = re.search(r'filename="([A-Za-z0-9._-]+)"', disposition)
    return "/".join([*parts, named[1] if named else f"index.{_SUFFIXES.get(content_type, 'bin')}"])


def links(text: str, address: str, instance: str) -> list[str]:
    """The addresses on a page that belong into the copy."""
    found = (
        resolve(unescape(one["url"]), address, instance)
        for one in _LINK.finditer(text)
        if one["name"] != "action"
    )
    return [one for one in dict.fromkeys(found) if one is not None and belongs(one)]


def sheet_links(text: str, address: str, instance: str) -> list[str]:
    """The addresses in a style sheet."""
    found = (resolve(one["url"] or one["other"] or "", address, instance) for one in _SHEET.finditer(text))
    return [one for one in dict.fromkeys(found) if one is not None]


def resolve(url: str, address: str, instance: str) -> str | None:
    """An address of this site from its root, with its query; None for other sites and other schemes."""
    if url.startswith(instance + "/"):
        url = url[len(instance) :]
    parts = urlsplit(url)
    if parts.scheme or parts.netloc or not (parts.path or parts.query):
        return None
    base = address.partition("?")[0]
    path = parts.path or base
    if not path.startswith("/"):
        path = _joined(base, path)
    return path + (f"?{parts.query}" if parts.query else "")


def _joined(base: str, path: str) -> str:
    kept: list[str] = []
    for part in (base.rpartition("/")[0] + "/" + path).split("/"):
        if part == "..":
            del kept[-1:]
        elif part not in ("", "."):
            kept.append(part)
    return "/" + "/".join(kept) + ("/" if path.endswith("/") else "")


def belongs(address: str) -> bool:
    """Whether the copy holds an address."""
    path, _, query = address.partition("?")
    if any(path.startswith(prefix) for prefix in LEFT_OUT) or path.endswith(("/propose/", "/log/")):
        return False
    if path.startswith("/api/") and not path.startswith(KEPT_API):
        return False
    return {name for name, _ in parse_qsl(query, keep_blank_values=True)} <= KEPT_QUERY


def _relative(file: str, page: str) -> str:
    return relpath(file, dirname(page) or ".")
