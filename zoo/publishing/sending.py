"""Sends one signed message to an address that a stranger gave, and to no other place.

The name is resolved here and the connection goes to the very address that was checked; addresses of private networks,
of this machine and of cloud metadata services are refused, unless the operator allows them. Redirects are not followed.
Signed as the Standard Webhooks specification 1.0 says: HMAC-SHA256 over id, time and body.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import socket
import time
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urlsplit

import httpcore

from evaluation.addresses import is_public

TIMEOUT_SECONDS = 10.0
MAX_ANSWER = 64 << 10
SECRET_PREFIX = "whsec_"  # noqa: S105 - the prefix of secrets, not one


class Refused(Exception):
    """The address may not be spoken to."""


class Answer(NamedTuple):
    """What came back: a status, or the trouble there was. Never both."""

    status: int | None
    trouble: str
    seconds: float


class _Guarded(httpcore.SyncBackend):
    """Connects to checked addresses alone."""

    def __init__(self, allow_private: bool) -> None:
        self._allow_private = allow_private

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise Refused(f"the name {host} cannot be resolved") from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        for address in addresses:
            if not self._allow_private and not is_public(address):
                raise Refused(f"{host} is {address}, which is not on the public internet")
        return super().connect_tcp(addresses[0], port, timeout, local_address, socket_options)


def check_address(url: str, *, allow_private: bool) -> str | None:
    """What is wrong with an address, in words, without resolving its name; None when nothing is."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "this is no address"
    if parts.scheme not in ("https", *(("http",) if allow_private else ())):
        return "the address must begin with https://"
    if not parts.hostname or parts.username or parts.password or port == 0:
        return "the address must name a host, and no user or password"
    literal = parts.hostname
    if not allow_private and (
        literal == "localhost" or literal.endswith((".localhost", ".local", ".internal"))
    ):
        return "the address must be one of the public internet"
    if not allow_private and _is_literal(literal) and not is_public(literal):
        return "the address must be one of the public internet"
    return None


def secret_of(key: str, salt: str) -> str:
    """The secret of a webhook, derived from the instance's key: it is stored nowhere."""
    raw = hmac.new(key.encode(), f"webhook:{salt}".encode(), hashlib.sha256).digest()
    return SECRET_PREFIX + base64.b64encode(raw).decode()


def sign(secret: str, *, identifier: str, timestamp: int, body: str) -> str:
    """The value of ``webhook-signature``: version 1, HMAC-SHA256, base64."""
    raw = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = f"{identifier}.{timestamp}.{body}".encode()
    return "v1," + base64.b64encode(hmac.new(raw, signed, hashlib.sha256).digest()).decode()


def verify(
    secret: str, *, identifier: str, timestamp: int, body: str, signature: str, now: int, tolerance: int = 300
) -> bool:
    """For whoever receives: whether a message is genuine and not older than ``tolerance`` seconds."""
    if abs(now - timestamp) > tolerance:
        return False
    expected = sign(secret, identifier=identifier, timestamp=timestamp, body=body)
    return any(hmac.compare_digest(expected, one) for one in signature.split(" "))


def post(url: str, *, identifier: str, body: str, secret: str, now: int, allow_private: bool) -> Answer:
    """Sends one message. Every trouble is an answer, never an exception."""
    began = time.monotonic()
    wrong = check_address(url, allow_private=allow_private)
    if wrong is not None:
        return Answer(None, wrong, 0.0)
    headers: dict[bytes | str, bytes | str] = {
        "Content-Type": "application/json",
        "User-Agent": "distill-zoo-webhooks/1",
        "webhook-id": identifier,
        "webhook-timestamp": str(now),
        "webhook-signature": sign(secret, identifier=identifier, timestamp=now, body=body),
    }
    limits = dict.fromkeys(("connect", "read", "write", "pool"), TIMEOUT_SECONDS)
    try:
        with (
            httpcore.ConnectionPool(network_backend=_Guarded(allow_private), retries=0) as pool,
            pool.stream(
                "POST", url, headers=headers, content=body.encode(), extensions={"timeout": limits}
            ) as answer,
        ):
            _drain(answer.iter_stream())
            status: int | None = answer.status
            trouble = ""
    except Refused as error:
        status, trouble = None, str(error)
    except (
        httpcore.NetworkError,
        httpcore.TimeoutException,
        httpcore.ProtocolError,
        OSError,
        ValueError,
    ) as error:
        status, trouble = None, f"{type(error).__name__}: {error}"
    return Answer(status, trouble[:300], time.monotonic() - began)


def _drain(pieces: Iterable[bytes]) -> None:
    """Reads the answer up to a bound; what it says does not matter."""
    size, began = 0, time.monotonic()
    for piece in pieces:
        size += len(piece)
        if size > MAX_ANSWER or time.monotonic() - began > TIMEOUT_SECONDS:
            return


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
