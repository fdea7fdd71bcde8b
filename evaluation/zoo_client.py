"""The worker's side of the worker API: claim, heartbeat, upload, deliver.

Holds no lease logic: it says whether the zoo answered, refused, or could not be reached. What is worth asking
again is asked again until the time that the caller gives; success is never assumed.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, TypeVar

import httpx
from pydantic import ValidationError

from evaluation.contract import Message
from evaluation.exchange import (
    ArtifactKind,
    Claim,
    ClaimAnswer,
    Delivery,
    DeliveryAnswer,
    Heartbeat,
    HeartbeatAnswer,
    WorkerFacts,
)
from evaluation.formats.manifest import Manifest

TIMEOUT = httpx.Timeout(10.0, connect=5.0, read=30.0, write=60.0)
Answer = TypeVar("Answer", bound=Message)
Given = TypeVar("Given")


class NotAdmitted(Exception):
    """401: the worker token, or the lease, is not good. Stop at once."""


class LeaseGone(Exception):
    """409: somebody else holds the run, or it has ended. Stop working on it at once."""


class Refused(Exception):
    """The zoo understood and said no, and would say no again. The message is the zoo's."""


class Unreachable(Exception):
    """The zoo did not answer, or answered with an error of its own."""


class ZooClient:
    """Speaks to one zoo with one worker token. Not to be shared by threads that must not wait for each other."""

    def __init__(self, url: str, token: str, *, transport: httpx.BaseTransport | None = None) -> None:
        self._http = httpx.Client(
            base_url=url.rstrip("/") + "/api/v1/worker/",
            headers={"Authorization": f"Token {token}", "User-Agent": "distill-zoo-worker"},
            timeout=TIMEOUT,
            transport=transport,
        )

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def claim(self, facts: WorkerFacts) -> Claim | None:
        """A run that fits this worker, or None. One try: the next poll is the retry."""
        return self._post("claim/", facts, ClaimAnswer).claim

    def goodbye(self, facts: WorkerFacts) -> None:
        """Says that this worker stops."""
        self._send("goodbye/", content=facts.model_dump_json().encode())

    def heartbeat(self, claim: Claim, beat: Heartbeat) -> HeartbeatAnswer:
        """Renews the lease. One try: the caller beats again, and knows how long the lease still lasts."""
        return self._post(f"runs/{claim.run}/heartbeat/", beat, HeartbeatAnswer, claim)

    def upload(
        self, claim: Claim, kind: ArtifactKind, file: BinaryIO, sha256: str, *, until: Callable[[], float]
    ) -> None:
        """Sends a file of that digest. Tries until the monotonic time that ``until`` gives."""
        self._repeat(lambda: self._upload(claim, kind, sha256, file), until)

    def download_journal(self, claim: Claim, sha256: str, path: Path) -> None:
        """Fetches an earlier attempt's journal and checks its digest. One try: without it, work starts anew."""
        found = hashlib.sha256()
        try:
            address = f"runs/{claim.run}/journal/{sha256}/"
            with self._http.stream("GET", address, headers=_lease(claim)) as answer, path.open("wb") as file:
                _check(answer)
                for block in answer.iter_bytes():
                    found.update(block)
                    file.write(block)
        except httpx.HTTPError as error:
            raise Unreachable(str(error)) from error
        if found.hexdigest() != sha256:
            path.unlink()
            raise Refused("the journal that arrived is not the one that was named")

    def uploaded_files(self, claim: Claim, digest: str) -> Manifest:
        """Which files an uploaded model of the run has. One try."""
        try:
            answer = self._http.get(f"runs/{claim.run}/uploads/{digest}/", headers=_lease(claim))
            _check(answer)
            return Manifest.model_validate_json(answer.content)
        except (httpx.HTTPError, ValidationError) as error:
            raise Unreachable(str(error)) from error

    def download_upload(
        self, claim: Claim, digest: str, name: str, path: Path, *, advance: Callable[[int], None]
    ) -> str:
        """Fetches a file of an uploaded model into a new file and gives its SHA-256. One try."""
        found = hashlib.sha256()
        address = f"runs/{claim.run}/uploads/{digest}/{name}/"
        try:
            with self._http.stream("GET", address, headers=_lease(claim)) as answer, path.open("xb") as file:
                _check(answer)
                for block in answer.iter_bytes():
                    found.update(block)
                    file.write(block)
                    advance(len(block))
        except httpx.HTTPError as error:
            raise Unreachable(str(error)) from error
        return found.hexdigest()

    def deliver(self, claim: Claim, delivery: Delivery, *, until: Callable[[], float]) -> DeliveryAnswer:
        """Delivers the end of an attempt, until the monotonic time that ``until`` gives. Repeating is harmless."""
        return self._repeat(
            lambda: self._post(f"runs/{claim.run}/report/", delivery, DeliveryAnswer, claim), until
        )

    def _upload(self, claim: Claim, kind: ArtifactKind, digest: str, file: BinaryIO) -> None:
        file.seek(0)
        self._send(
            f"runs/{claim.run}/artifacts/",
            content=file,
            parameters={"kind": kind, "sha256": digest},
            headers=_lease(claim) | {"Content-Type": "application/octet-stream"},
        )

    def _post(self, address: str, message: Message, kind: type[Answer], claim: Claim | None = None) -> Answer:
        headers = _lease(claim) if claim is not None else {}
        answer = self._send(address, content=message.model_dump_json().encode(), headers=headers)
        try:
            return kind.model_validate_json(answer)
        except ValidationError as error:
            raise Unreachable("the zoo's answer is not of this version") from error

    def _send(
        self,
        address: str,
        *,
        content: bytes | BinaryIO,
        parameters: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> bytes:
        known = {"Content-Type": "application/json"} | (headers or {})
        try:
            answer = self._http.post(address, content=content, params=parameters, headers=known)
            _check(answer)
            return answer.content
        except httpx.HTTPError as error:
            raise Unreachable(str(error)) from error

    def _repeat(self, call: Callable[[], Given], until: Callable[[], float]) -> Given:
        pause = 0.2
        while True:
            try:
                return call()
            except Unreachable:
                # A little randomness keeps a fleet of workers from asking all at once.
                pause = min(pause * 2, 10.0) * random.uniform(0.8, 1.2)  # noqa: S311
                if time.monotonic() + pause >= until():
                    raise
                time.sleep(pause)


def _lease(claim: Claim) -> dict[str, str]:
    return {"X-Zoo-Lease": claim.lease}


def _check(answer: httpx.Response) -> None:
    """Raises what an answer other than success means."""
    if answer.is_success:
        return
    answer.read()
    detail = _detail(answer)
    if answer.status_code == 401:
        raise NotAdmitted(detail)
    if answer.status_code == 409:
        raise LeaseGone(detail)
    if answer.status_code >= 500 or answer.status_code in (408, 429):
        raise Unreachable(f"{answer.status_code} {detail}")
    raise Refused(f"{answer.status_code} {detail}")


def _detail(answer: httpx.Response) -> str:
    try:
        body = answer.json()
        return str(body.get("detail", "")) + "".join(f" {item}" for item in body.get("errors", []))
    except (ValueError, AttributeError):
        return answer.text[:200]
