"""A receiver of webhooks for tests: keeps what arrives, and fails as often as it is told to."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Receiver:
    """``messages`` are headers, by lower-case name, and bodies in the order of arrival."""

    url: str
    failures: int
    """Requests that are still answered with 500."""
    messages: list[tuple[dict[str, str], str]] = field(default_factory=list)


@contextlib.contextmanager
def receiver(*, failures: int = 0) -> Iterator[Receiver]:
    """A server on the loopback interface; its first ``failures`` answers are 500, all others 204."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            made.messages.append(({name.lower(): value for name, value in self.headers.items()}, body))
            made.failures -= 1
            self.send_response(500 if made.failures >= 0 else 204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Receiver(f"http://127.0.0.1:{server.server_port}/zoo", failures)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
