"""A small server that speaks the model hub's API, with the faults that a hub and a network have.

Runs in a thread on the loopback; HF_ENDPOINT is its ``url``. Not a mock: intake talks HTTP to it.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE = (".safetensors", ".gguf")


@dataclass
class HubRepo:
    """A model on the server."""

    files: Mapping[str, bytes]
    commit: str = COMMIT
    gated: bool = False
    moved_to: str | None = None
    lies: Mapping[str, bytes] = field(default_factory=dict)
    """Content sent in place of what the listing says."""
    sizes: Mapping[str, int] = field(default_factory=dict)
    """Sizes that the listing claims."""
    cut_after: Mapping[str, int] = field(default_factory=dict)
    """Bytes after which the connection breaks, once per request."""
    redirects: Mapping[str, str] = field(default_factory=dict)
    """Where a file's address sends the client."""
    endless: frozenset[str] = frozenset()
    busy: int = 0
    """Answers of 503 before the first real one."""


@dataclass
class Hub:
    """The server and what it was asked."""

    repos: dict[str, HubRepo]
    url: str = ""
    asked: list[str] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)
    ranges: list[str | None] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


@contextmanager
def running_hub(repos: dict[str, HubRepo]) -> Iterator[Hub]:
    """A running server with these models."""
    hub = Hub(repos)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _answer(self, hub)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _answer(request: BaseHTTPRequestHandler, hub: Hub) -> None:
    path = unquote(request.path.partition("?")[0])
    hub.asked.append(path)
    hub.tokens.append(request.headers.get("Authorization"))
    hub.ranges.append(request.headers.get("Range"))
    listing = re.fullmatch(r"/api/models/([^/]+/[^/]+)/revision/(.+)", path)
    file = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
    found = listing or file
    if found is None:
        _error(request, 404, "EntryNotFound")
        return
    repo = hub.repos.get(found[1])
    if repo is None:
        _error(request, 401, "RepoNotFound")
    elif hub.counts["busy"] < repo.busy:
        hub.counts["busy"] += 1
        _error(request, 503, "")
    elif repo.gated and file is not None:
        _error(request, 403, "GatedRepo")
    elif found[2] not in ("main", repo.commit):
        _error(request, 404, "RevisionNotFound")
    elif listing is not None:
        _send(
            request, 200, json.dumps(_listing(found[1], repo)).encode(), {"Content-Type": "application/json"}
        )
    else:
        assert file is not None
        _send_file(request, repo, file[3], hub)


def _listing(name: str, repo: HubRepo) -> dict[str, object]:
    return {
        "id": repo.moved_to or name,
        "sha": repo.commit,
        "gated": "auto" if repo.gated else False,
        "siblings": [_sibling(name, content, repo) for name, content in repo.files.items()],
    }


def _sibling(name: str, content: bytes, repo: HubRepo) -> dict[str, object]:
    size = repo.sizes.get(name, len(content))
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    made: dict[str, object] = {"rfilename": name, "size": size, "blobId": blob}
    if name.endswith(LARGE):
        made["lfs"] = {"sha256": hashlib.sha256(content).hexdigest(), "size": size, "pointerSize": 130}
    return made


def _send_file(request: BaseHTTPRequestHandler, repo: HubRepo, name: str, hub: Hub) -> None:
    if name in repo.redirects:
        _send(request, 302, b"", {"Location": repo.redirects[name]})
        return
    if name in repo.endless:
        _send_without_end(request)
        return
    content = repo.lies.get(name, repo.files.get(name))
    if content is None:
        _error(request, 404, "EntryNotFound")
        return
    start = int((request.headers.get("Range") or "bytes=0-").removeprefix("bytes=").partition("-")[0])
    headers = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if start else {}
    _send(request, 206 if start else 200, content[start:], headers, cut_after=repo.cut_after.get(name))


def _send_without_end(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.end_headers()
    block: Callable[[bytes], object] = request.wfile.write
    try:
        while True:
            block(b" " * (1 << 16))
    except OSError:
        request.close_connection = True


def _send(
    request: BaseHTTPRequestHandler,
    status: int,
    body: bytes,
    headers: Mapping[str, str],
    *,
    cut_after: int | None = None,
) -> None:
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name, value)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body if cut_after is None else body[:cut_after])
    request.close_connection = True


def _error(request: BaseHTTPRequestHandler, status: int, code: str) -> None:
    _send(request, status, b"{}", {"X-Error-Code": code} if code else {})
