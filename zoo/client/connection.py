"""HTTP with a zoo: one server, as one person, with retries for what passes and problems in words for what does not."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

DEFAULT_URL = "http://127.0.0.1:8000"
FINAL = frozenset({"succeeded", "failed", "cancelled"})
PATIENCE_SECONDS = 120.0
"""How long a server may be silent while something is followed."""
PAUSES_SECONDS = (0.3, 1.0, 3.0)
LONGEST_PAUSE_SECONDS = 60.0
PASSING = frozenset({429, 502, 503, 504})
"""Statuses that a second try may mend."""


class ApiProblem(Exception):
    """The server said no: its problem document (RFC 9457), in words. ``code`` is stable."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        self.status = status
        self.code = str(body.get("code", "error"))
        self.body = body
        lines = [str(body.get("detail") or body.get("title") or f"the server answered {status}")]
        for error in body.get("errors", []):
            pointer = str(error.get("pointer", "")).strip("/")
            detail = str(error.get("detail", ""))
            if detail and detail not in lines[0]:
                lines.append(f"{pointer}: {detail}" if pointer else detail)
        if body.get("remedy"):
            lines.append(str(body["remedy"]))
        super().__init__("\n     ".join(lines))


class Unreachable(Exception):
    """No zoo answers at the address, or it broke off; the message says which, and what to do."""


class NotAZoo(Unreachable):
    """Something answers at the address, but not as a zoo does: a proxy's page, or another service."""


class Connection:
    """One server, as one person. Use it as a context manager, or call ``close``."""

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        timeout: float = 60.0,
        pauses: tuple[float, ...] = PAUSES_SECONDS,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url = url.rstrip("/")
        self._pauses = pauses
        self._sleep = sleep
        headers = {"Authorization": f"Token {token}"} if token else {}
        headers["User-Agent"] = "distill-zoo-client/1"
        self._http = httpx.Client(
            base_url=f"{self.url}/api/v1/", headers=headers, timeout=timeout, transport=transport
        )

    @classmethod
    def of_environment(cls) -> Connection:
        """The server of ``ZOO_URL`` with the token of ``ZOO_TOKEN``."""
        return cls(os.environ.get("ZOO_URL") or DEFAULT_URL, os.environ.get("ZOO_TOKEN"))

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *about: object) -> None:
        self.close()

    def get(self, path: str, parameters: dict[str, Any] | None = None) -> dict[str, Any]:
        """The document at a path below ``/api/v1/`` or at a full address. Raises ApiProblem, Unreachable, NotAZoo."""
        return _document(self.ask("GET", path, parameters=parameters))

    def post(
        self, path: str, body: dict[str, Any] | None = None, *, key: str | None = None
    ) -> dict[str, Any]:
        """Posts a document and gives the answer. With a ``key`` (Idempotency-Key) it may safely be tried again.

        Raises ApiProblem, Unreachable, NotAZoo.
        """
        return _document(self.ask("POST", path, body=body, key=key))

    def put(self, path: str, content: bytes, parameters: dict[str, Any] | None = None) -> None:
        """Puts bytes at a path. Putting them again is harmless: it is tried again. Raises ApiProblem, Unreachable."""
        self.ask("PUT", path, content=content, parameters=parameters)

    def delete(self, path: str) -> None:
        """Deletes what is at a path. Raises ApiProblem, Unreachable."""
        self.ask("DELETE", path)

    def fetch(self, path: str, parameters: dict[str, Any] | None = None) -> bytes:
        """The bytes at a path, for files. Raises ApiProblem, Unreachable."""
        return self.ask("GET", path, parameters=parameters).content

    def listed(self, path: str, parameters: dict[str, Any] | None = None) -> Iterator[dict[str, Any]]:
        """Every row of a list, page after page. Raises ApiProblem, Unreachable, NotAZoo."""
        page = self.get(path, parameters)
        while True:
            if not isinstance(page.get("results"), list):
                raise NotAZoo(f"what answers at {self.url} is no zoo: its list has no results; see ZOO_URL")
            yield from page["results"]
            if not page.get("next"):
                return
            page = self.get(page["next"])

    def ask(
        self,
        method: str,
        path: str,
        *,
        body: dict[str, Any] | None = None,
        content: bytes | None = None,
        parameters: dict[str, Any] | None = None,
        key: str | None = None,
    ) -> httpx.Response:
        """One request, tried again where that is harmless: reads always, writes when they have a key or never
        reached the server. A server that says ``Retry-After`` is waited for. Raises ApiProblem, Unreachable.
        """
        given = {name: value for name, value in (parameters or {}).items() if value is not None}
        headers = {"Idempotency-Key": key} if key else {}
        if content is not None:
            headers["Content-Type"] = "application/octet-stream"
        harmless = method in ("GET", "PUT") or key is not None
        for pause in (*self._pauses, None):
            trouble: httpx.HTTPError | None = None
            try:
                answer = self._http.request(
                    method, path, json=body, content=content, params=given or None, headers=headers
                )
            except httpx.HTTPError as error:
                trouble = error
                again = harmless or isinstance(error, httpx.ConnectError)
                again = again and not isinstance(error, httpx.UnsupportedProtocol)
            else:
                again = harmless and answer.status_code in PASSING
                if not again or pause is None:
                    return _checked(answer)
                pause = max(pause, _asked_pause(answer))
            if pause is None or not again:
                assert trouble is not None
                raise Unreachable(self._in_words(trouble)) from trouble
            self._sleep(pause)
        raise AssertionError("the last pass returns or raises")

    def _in_words(self, trouble: httpx.HTTPError) -> str:
        """What happened to a request that got no answer."""
        if isinstance(trouble, httpx.UnsupportedProtocol):
            return f"{self.url} is no address of a zoo: it must begin with http:// or https://; see ZOO_URL"
        if isinstance(trouble, httpx.ConnectError | httpx.ConnectTimeout):
            return f"no zoo answers at {self.url}: start one with 'zoo up', or set ZOO_URL ({trouble})"
        if isinstance(trouble, httpx.TimeoutException):
            return (
                f"the zoo at {self.url} took too long to answer; whether it did what was asked is not known"
            )
        return f"the zoo at {self.url} broke off before it had answered ({trouble}); ask it what it has done"

    def follow(
        self,
        submission: str,
        *,
        tell: Callable[[dict[str, Any], dict[str, dict[str, Any]]], None],
        pause: float = 0.5,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> dict[str, Any]:
        """Asks until a submission has ended, and gives it. ``tell`` gets it and its runs by role, each time.

        A server that is silent for a while is asked again. Raises ApiProblem, NotAZoo, and after two minutes
        Unreachable.
        """
        silent_since: float | None = None
        while True:
            meanwhile()
            try:
                found = self.get(f"submissions/{submission}/")
                runs = {role: self.get(f"runs/{found[role]}/") for role in _roles(found)}
                silent_since = None
            except NotAZoo:
                raise
            except Unreachable:
                silent_since = silent_since or time.monotonic()
                if time.monotonic() - silent_since > PATIENCE_SECONDS:
                    raise
                self._sleep(pause)
                continue
            tell(found, runs)
            if found["state"] in FINAL:
                return found
            self._sleep(pause)


def _checked(answer: httpx.Response) -> httpx.Response:
    if answer.is_success:
        return answer
    try:
        body = answer.json()
    except ValueError:
        body = {}
    raise ApiProblem(answer.status_code, body if isinstance(body, dict) else {})


def _document(answer: httpx.Response) -> dict[str, Any]:
    """The JSON object of an answer; an answer without a body is an empty one. Raises NotAZoo."""
    if not answer.content:
        return {}
    try:
        found = answer.json()
    except ValueError:
        found = None
    if not isinstance(found, dict):
        kind = answer.headers.get("Content-Type", "").partition(";")[0] or "something without a type"
        raise NotAZoo(
            f"what answers at {answer.url} is no zoo: it sent {kind} where a JSON object belongs; see ZOO_URL"
        )
    return found


def _asked_pause(answer: httpx.Response) -> float:
    """Seconds of ``Retry-After``, a number or a date (RFC 9110, 10.2.3), bounded; 0 where it says none."""
    text = answer.headers.get("Retry-After", "")
    seconds = 0.0
    if text.isdecimal():
        seconds = float(text)
    elif text:
        try:
            seconds = (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            seconds = 0.0
    return min(max(seconds, 0.0), LONGEST_PAUSE_SECONDS)


def _roles(submission: dict[str, Any]) -> list[str]:
    return [role for role in ("student_run", "teacher_run") if submission.get(role)]
