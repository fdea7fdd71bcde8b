"""The client: one method for each thing that one asks of a zoo. Answers are typed, refusals are ApiProblems."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import httpx
from pydantic import ValidationError

from zoo.client.answers import (
    Answer,
    Comparison,
    ImportedFile,
    LicenseAnswer,
    ModelSummary,
    Release,
    Run,
    Submission,
)
from zoo.client.connection import DEFAULT_URL, Connection, NotAZoo

Answered = TypeVar("Answered", bound=Answer)


class Failed(Exception):
    """A submission ended without a comparison; ``submission`` says why."""

    def __init__(self, submission: Submission) -> None:
        self.submission = submission
        reason = submission.reason
        super().__init__(
            f"{submission.state}: {reason.message} {reason.remedy}".strip() if reason else submission.state
        )


class Zoo:
    """A zoo at an address, ``ZOO_URL`` by default, as whoever the token (``ZOO_TOKEN``) belongs to."""

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        timeout: float = 60.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.connection = Connection(
            url or os.environ.get("ZOO_URL") or DEFAULT_URL,
            token or os.environ.get("ZOO_TOKEN"),
            timeout=timeout,
            transport=transport,
        )

    def close(self) -> None:
        """Closes the connections."""
        self.connection.close()

    def __enter__(self) -> Zoo:
        return self

    def __exit__(self, *about: object) -> None:
        self.close()

    def models(self, **filters: Any) -> Iterator[ModelSummary]:
        """Every model that matches: ``q``, ``teacher``, ``license``, ``retention__gte``, ``ordering`` and so on."""
        for row in self.connection.listed("models/", filters):
            yield _read(ModelSummary, row)

    def model(self, model: str) -> ModelSummary:
        """One model; what else the catalog knows of it is in ``model_extra``."""
        return _read(ModelSummary, self.connection.get(f"models/{model}/"))

    def lineage(self, model: str, *, direction: str | None = None) -> dict[str, Any]:
        """Nodes and edges around a model; ``direction``: up, down or both."""
        return self.connection.get(f"models/{model}/lineage/", {"direction": direction})

    def license_check(self, model: str, action: str, **facts: Any) -> LicenseAnswer:
        """May one use the model like that? ``facts``: ``commercial``, ``mau``, ``revenue``, ``region``, ``profile``."""
        given = {"model": model, "action": action, **facts}
        return _read(LicenseAnswer, self.connection.get("license-checks/", given))

    def submit(
        self,
        student: str,
        *,
        teacher: str | None = None,
        suite: str | None = None,
        tasks: Sequence[str] | None = None,
        key: str | None = None,
        **protocol: Any,
    ) -> Submission:
        """Submits a student. ``protocol``: ``num_fewshot``, ``limit``, ``batch_size``, ``dtype``, ``seed``, ``engine``.

        Sent with an idempotency key, so that a try that is repeated makes no second submission.
        """
        body = {
            "student": student,
            "teacher": teacher,
            "suite": suite,
            "tasks": list(tasks) if tasks else None,
            **protocol,
        }
        given = {name: value for name, value in body.items() if value is not None}
        made = self.connection.post("submissions/", given, key=key or uuid.uuid4().hex)
        return _read(Submission, made)

    def preflight(self, student: str, **request: Any) -> dict[str, Any]:
        """What would happen, without queueing anything."""
        return self.connection.post(
            "submissions/preflight/", {"student": student, **request}, key="preflight"
        )

    def submission(self, submission: str) -> Submission:
        """Where a submission stands."""
        return _read(Submission, self.connection.get(f"submissions/{submission}/"))

    def wait(
        self,
        submission: Submission | str,
        *,
        tell: Callable[[Submission], None] = lambda _: None,
        pause: float = 1.0,
    ) -> Comparison:
        """Waits until a submission has ended, and gives its comparison. Raises Failed when it has none."""
        identifier = submission if isinstance(submission, str) else submission.id
        done = _read(
            Submission,
            self.connection.follow(
                identifier, tell=lambda found, runs: tell(_read(Submission, found)), pause=pause
            ),
        )
        if done.state != "succeeded" or done.comparison is None:
            raise Failed(done)
        return self.comparison(done.comparison)

    def runs(self, *, state: str | None = None, model: str | None = None) -> Iterator[Run]:
        """All runs, newest first."""
        for row in self.connection.listed("runs/", {"state": state, "model": model}):
            yield _read(Run, row)

    def run(self, run: str) -> Run:
        """One run; its report once it succeeded."""
        return _read(Run, self.connection.get(f"runs/{run}/"))

    def cancel(self, run: str) -> Run:
        """Cancels a run."""
        return _read(Run, self.connection.post(f"runs/{run}/cancel/"))

    def comparison(self, comparison: str) -> Comparison:
        """A student against its teacher."""
        return _read(Comparison, self.connection.get(f"comparisons/{comparison}/"))

    def samples(
        self, comparison: str, *, task: str | None = None, outcome: str | None = None, **filters: Any
    ) -> Iterator[dict[str, Any]]:
        """Paired samples of a task; ``outcome``: both, lost, gained or neither.

        ``filters``: ``q`` for a text, ``margin_of``, ``margin__gte`` and ``margin__lte`` for near misses.
        """
        given = {"task": task, "outcome": outcome, **filters}
        return self.connection.listed(f"comparisons/{comparison}/samples/", given)

    def releases(self) -> Iterator[Release]:
        """Everything published, newest first."""
        for row in self.connection.listed("releases/"):
            yield _read(Release, row)

    def release(self, release: str) -> Release:
        """One release with its frozen document."""
        return _read(Release, self.connection.get(f"releases/{release}/"))

    def export(self, model: str, form: str = "card") -> str:
        """A model in a format of other tools: card, model-index, eval-results, cyclonedx, spdx, json-ld."""
        return self.connection.fetch(f"models/{model}/export/{form}/").decode()

    def export_run(self, run: str, form: str = "lm-eval", *, task: str | None = None) -> bytes:
        """A run in the files of other tools: lm-eval, lm-eval-samples, lm-eval-zip, every-eval-ever."""
        return self.connection.fetch(f"runs/{run}/export/{form}/", {"task": task})

    def import_scores(self, model: str, content: str, *, source: str, source_url: str = "") -> ImportedFile:
        """Brings a results file that others measured; the same bytes are taken once."""
        body = {"content": content, "source": source} | ({"source_url": source_url} if source_url else {})
        return _read(ImportedFile, self.connection.post(f"models/{model}/imports/", body))


def _read(kind: type[Answered], document: dict[str, Any]) -> Answered:
    """A document as the type that was asked for. Raises NotAZoo, naming the first field that does not fit."""
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise NotAZoo(
            f"the answer is no {kind.__name__} as this client knows it ({field}: {first['msg']}); "
            "the server may be of another version"
        ) from error
