"""HTTP with a zoo: one server, as one person, with retries for what passes and problems in words for what does not."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
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
    """No server answers at the address."""


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
        """The document at a path below ``/api/v1/`` or at a full address. Raises ApiProblem, Unreachable."""
        return _document(self.ask("GET", path, parameters=parameters))

    def post(
        self, path: str, body: dict[str, Any] | None = None, *, key: str | None = None
    ) -> dict[str, Any]:
        """Posts a document and gives the answer. With a ``key`` (Idempotency-Key) it may safely be tried again.

        Raises ApiProblem, Unreachable.
        """
        return _document(self.ask("POST", path, body=body, key=key))

    def delete(self, path: str) -> None:
        """Deletes what is at a path. Raises ApiProblem, Unreachable."""
        self.ask("DELETE", path)

    def fetch(self, path: str, parameters: dict[str, Any] | None = None) -> bytes:
        """The bytes at a path, for files. Raises ApiProblem, Unreachable."""
        return self.ask("GET", path, parameters=parameters).content

    def listed(self, path: str, parameters: dict[str, Any] | None = None) -> Iterator[dict[str, Any]]:
        """Every row of a list, page after page."""
        page = self.get(path, parameters)
        while True:
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
        parameters: dict[str, Any] | None = None,
        key: str | None = None,
    ) -> httpx.Response:
        """One request, tried again where that is harmless: reads always, writes when they have a key or never
        reached the server. A server that says ``Retry-After`` is waited for. Raises ApiProblem, Unreachable.
        """
        given = {name: value for name, value in (parameters or {}).items() if value is not None}
        headers = {"Idempotency-Key": key} if key else {}
        harmless = method == "GET" or key is not None
        for pause in (*self._pauses, None):
            trouble: httpx.HTTPError | None = None
            try:
                answer = self._http.request(method, path, json=body, params=given or None, headers=headers)
            except httpx.HTTPError as error:
                trouble = error
                again = harmless or isinstance(error, httpx.ConnectError)
            else:
                again = harmless and answer.status_code in PASSING
                if not again or pause is None:
                    return _checked(answer)
                pause = max(pause, _asked_pause(answer))
            if pause is None or not again:
                raise Unreachable(
                    f"no zoo answers at {self.url}: start one with 'zoo up', or set ZOO_URL"
                ) from trouble
            self._sleep(pause)
        raise AssertionError("the last pass returns or raises")

    def follow(
        self,
        submission: str,
        *,
        tell: Callable[[dict[str, Any], dict[str, dict[str, Any]]], None],
        pause: float = 0.5,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> dict[str, Any]:
        """Asks until a submission has ended, and gives it. ``tell`` gets it and its runs by role, each time.

        A server that is silent for a while is asked again. Raises ApiProblem, and Unreachable after two minutes.
        """
        silent_since: float | None = None
        while True:
            meanwhile()
            try:
                found = self.get(f"submissions/{submission}/")
                runs = {role: self.get(f"runs/{found[role]}/") for role in _roles(found)}
                silent_since = None
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
    try:
        found: dict[str, Any] = answer.json()
    except ValueError:
        found = {}
    return found


def _asked_pause(answer: httpx.Response) -> float:
    """Seconds of ``Retry-After``, bounded; 0 where it says none."""
    text = answer.headers.get("Retry-After", "")
    return min(float(text), LONGEST_PAUSE_SECONDS) if text.isdecimal() else 0.0


def _roles(submission: dict[str, Any]) -> list[str]:
    return [role for role in ("student_run", "teacher_run") if submission.get(role)]
