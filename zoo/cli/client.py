"""Speaks to a zoo's REST API for the command line. ``ZOO_URL`` and ``ZOO_TOKEN`` say where and as whom."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import httpx

DEFAULT_URL = "http://127.0.0.1:8000"
FINAL = frozenset({"succeeded", "failed", "cancelled"})
PATIENCE_SECONDS = 120.0
"""How long a server may be silent while something is followed."""


class ApiProblem(Exception):
    """The server said no: its problem document, in words."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        self.status = status
        self.code = str(body.get("code", "error"))
        lines = [str(body.get("detail") or body.get("title") or f"status {status}")]
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


class Api:
    """One server, as one person."""

    def __init__(self, url: str, token: str | None) -> None:
        self.url = url.rstrip("/")
        headers = {"Authorization": f"Token {token}"} if token else {}
        self._http = httpx.Client(base_url=f"{self.url}/api/v1/", headers=headers, timeout=60)

    @classmethod
    def of_environment(cls) -> Api:
        """The server of ``ZOO_URL`` with the token of ``ZOO_TOKEN``."""
        return cls(os.environ.get("ZOO_URL") or DEFAULT_URL, os.environ.get("ZOO_TOKEN"))

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def get(self, path: str) -> dict[str, Any]:
        """The document at a path below ``/api/v1/`` or at a full address. Raises ApiProblem, Unreachable."""
        return self._ask("GET", path)

    def post(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Posts a document and gives the answer. Raises ApiProblem, Unreachable."""
        return self._ask("POST", path, body)

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        try:
            answer = self._http.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise Unreachable(
                f"no zoo answers at {self.url}: start one with 'zoo up', or set ZOO_URL"
            ) from error
        try:
            found: dict[str, Any] = answer.json()
        except ValueError:
            found = {}
        if not answer.is_success:
            raise ApiProblem(answer.status_code, found)
        return found

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
                time.sleep(pause)
                continue
            tell(found, runs)
            if found["state"] in FINAL:
                return found
            time.sleep(pause)


def _roles(submission: dict[str, Any]) -> list[str]:
    return [role for role in ("student_run", "teacher_run") if submission.get(role)]
