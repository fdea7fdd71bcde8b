"""The one HTTP client of intake: bounded answers, bounded time, and no way to an address inside the house.

A name is resolved once, every address it has is checked, and the connection goes to the checked address, so that
a second lookup cannot give another one. The operator's own endpoint may be private; where it sends us may not.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import httpcore
import httpx

from evaluation.addresses import is_public
from evaluation.formats.errors import FormatError, shown

MAX_REDIRECTS = 5
MAX_JSON = 32 << 20
TIMEOUT = httpx.Timeout(30.0, connect=10.0)
SLOWEST = 64 << 10
"""Bytes per second below which, after a minute, a transfer is given up."""
SOCKET_OPTIONS = Iterable[
    tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]
]
PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy")


class Unreachable(Exception):
    """The other side did not answer, or broke off, or is too busy. May be tried again."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class GuardedBackend(httpcore.SyncBackend):
    """Connects to public addresses, and to the hosts that the operator named."""

    def __init__(self, allowed_hosts: Iterable[str]) -> None:
        self._allowed = frozenset(host.lower() for host in allowed_hosts)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: SOCKET_OPTIONS | None = None,
    ) -> httpcore.NetworkStream:
        """Resolves, checks, connects to what was checked. Raises FormatError (``address_refused``)."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpcore.ConnectError(f"cannot resolve {shown(host)}") from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        if host.lower() not in self._allowed and not all(is_public(address) for address in addresses):
            raise FormatError(
                "address_refused",
                f"The hub sent us to {shown(host)}, which has an address inside the house.",
                "Nothing is fetched from private addresses; check the repository's files.",
            )
        return self._first_that_connects(addresses, port, timeout, local_address, socket_options)

    def _first_that_connects(self, addresses: list[str], *rest: Any) -> httpcore.NetworkStream:
        error: httpcore.ConnectError | None = None
        for address in addresses[:4]:
            try:
                return super().connect_tcp(address, *rest)
            except httpcore.ConnectError as problem:
                error = problem
        raise error or httpcore.ConnectError("no address")


class GuardedTransport(httpx.HTTPTransport):
    """httpx's transport on connections that ``GuardedBackend`` makes."""

    def __init__(self, allowed_hosts: Iterable[str]) -> None:
        super().__init__()
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(), network_backend=GuardedBackend(allowed_hosts), retries=1
        )


class Client:
    """Reads from one hub. ``token`` goes to the hub's own host and nowhere else."""

    def __init__(self, endpoint: str, *, token: str | None = None) -> None:
        self.endpoint = endpoint.rstrip("/")
        self._home = httpx.URL(self.endpoint)
        self._token = token
        # With a proxy it is the proxy that resolves and connects, and the operator who chose it that guards.
        proxied = any(os.environ.get(name) for name in PROXIES)
        transport = None if proxied else GuardedTransport([self._home.host])
        self._client = httpx.Client(
            transport=transport, timeout=TIMEOUT, follow_redirects=False, trust_env=proxied
        )

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    @contextlib.contextmanager
    def stream(self, path: str, *, start: int = 0) -> Iterator[httpx.Response]:
        """Opens ``path`` of the hub for reading from byte ``start``, following redirects as far as they are safe.

        Raises Unreachable, or FormatError (``address_refused``). The answer may be an error of the hub; the caller
        looks at its status.
        """
        url = httpx.URL(self.endpoint + path)
        for _ in range(MAX_REDIRECTS + 1):
            request = self._client.build_request("GET", url, headers=self._headers(url, start))
            with _translated():
                response = self._client.send(request, stream=True)
            try:
                if not response.is_redirect:
                    _check_busy(response)
                    yield response
                    return
                url = self._next(url, response)
            finally:
                response.close()
        raise FormatError("address_refused", "The hub redirects without end.")

    def get(self, path: str, *, limit: int = MAX_JSON) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body of a short answer.

        Raises like ``stream``, and FormatError (``answer_too_large``).
        """
        with self.stream(path) as response:
            body = b"".join(blocks(response, limit))
            return response.status_code, dict(response.headers), body

    def _headers(self, url: httpx.URL, start: int) -> dict[str, str]:
        headers = {"User-Agent": "distill-zoo-intake", "Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        if self._token and (url.scheme, url.host, url.port) == (
            self._home.scheme,
            self._home.host,
            self._home.port,
        ):
            headers["Authorization"] = f"Bearer {self._token}"
        return headers

    def _next(self, url: httpx.URL, response: httpx.Response) -> httpx.URL:
        try:
            following = url.join(response.headers.get("Location", ""))
        except httpx.InvalidURL as error:
            raise FormatError(
                "address_refused", "The hub redirects to something that is no address."
            ) from error
        same_host = (following.host, following.port) == (self._home.host, self._home.port)
        if following.scheme != "https" and not (same_host and following.scheme == self._home.scheme):
            raise FormatError(
                "address_refused", f"The hub redirects to {shown(following.host)} without encryption."
            )
        return following


def blocks(response: httpx.Response, limit: int) -> Iterator[bytes]:
    """The body in blocks, up to ``limit`` bytes and not slower than SLOWEST.

    Raises FormatError (``answer_too_large``), or Unreachable when the connection breaks or crawls.
    """
    count, began = 0, time.monotonic()
    with _translated():
        for block in response.iter_raw():
            count += len(block)
            if count > limit:
                raise FormatError(
                    "answer_too_large", f"The hub sent more than {limit} bytes where less belongs."
                )
            if time.monotonic() - began > 60 + count / SLOWEST:
                raise Unreachable("the transfer was too slow")
            yield block


def _check_busy(response: httpx.Response) -> None:
    if response.status_code == 429 or response.status_code >= 500:
        wait = response.headers.get("Retry-After", "")
        raise Unreachable(
            f"the hub answered {response.status_code}", retry_after=float(wait) if wait.isdigit() else None
        )


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Errors of the HTTP library as ours."""
    try:
        yield
    except httpx.HTTPError as error:
        raise Unreachable(f"{type(error).__name__} while reading from the hub") from error
