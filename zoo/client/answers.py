"""What a zoo answers, typed. Fields that a newer server adds are kept and do no harm (``model_extra``)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict


class Answer(BaseModel):
    """Base: read-only, open for fields that are not known here."""

    model_config = ConfigDict(frozen=True, extra="allow", protected_namespaces=())


class Reason(Answer):
    """Why something did not succeed."""

    code: str
    fault: str
    message: str
    remedy: str = ""


class ModelSummary(Answer):
    """A model as lists show it."""

    id: str
    title: str
    kind: str
    license: str
    verdict: str | None = None
    parameters: int | None = None
    teachers: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    retention: float | None = None
    numbers: tuple[str, ...] = ()


class Submission(Answer):
    """Where a submission stands."""

    id: str
    state: str
    reason: Reason | None = None
    student: str
    teacher: str | None = None
    student_run: str
    teacher_run: str | None = None
    comparison: str | None = None
    queue_position: int | None = None
    eta_seconds: int | None = None
    page_url: str = ""


class Run(Answer):
    """One model, one suite or list of tasks, one protocol."""

    id: str
    state: str
    model: str
    suite: str = ""
    engine: str
    reason: Reason | None = None
    progress: dict[str, Any] | None = None
    spec: dict[str, Any] | None = None
    result: dict[str, Any] | None = None


class Estimate(Answer):
    """A number with its interval, or why there is none: ``value`` is None exactly when ``undefined`` is set."""

    value: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    undefined: str | None = None


class TaskRow(Answer):
    """One task of a comparison."""

    task: str
    metric: str
    n: int
    student: Estimate
    teacher: Estimate
    retention: Estimate | None = None
    retention_above_chance: Estimate | None = None
    difference: Estimate | None = None
    p_adjusted: float | None = None
    verdict: str | None = None


class Overall(Answer):
    """The whole of a comparison."""

    retention: Estimate
    verdict: str | None = None


class Comparison(Answer):
    """A student against its teacher. The whole document is in ``model_dump()``."""

    id: str
    student: dict[str, Any]
    teacher: dict[str, Any]
    suite: dict[str, Any] | None = None
    tasks: tuple[TaskRow, ...]
    overall: Overall


class LicenseAnswer(Answer):
    """The answer to a license check. It is an automated reading, not legal advice."""

    model: str | None = None
    verdict: str
    findings: tuple[dict[str, Any], ...] = ()
    obligations: tuple[dict[str, Any], ...] = ()
    unmet: tuple[str, ...] = ()
    rules_version: str
    disclaimer: str = ""


class Release(Answer):
    """A comparison as it was published."""

    id: str
    sequence: int
    comparison: str
    student: str
    teacher: str
    digest: str
    replaces: str | None = None
    replaced_by: str | None = None
    stale: tuple[str, ...] = ()
    created_at: datetime
    document: dict[str, Any] | None = None


class ImportedFile(Answer):
    """Scores that others measured, as they were brought."""

    id: str
    model: str
    format: str
    source: str
    scores: tuple[dict[str, Any], ...] = ()
