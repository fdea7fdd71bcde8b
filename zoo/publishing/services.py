"""Publishes comparisons: freezes the document, chains it, signs it. A correction names the release it replaces."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q

from evaluation.contract import RunReport, canonical_json
from zoo.comparisons.models import Comparison
from zoo.comparisons.noise import is_noise_floor
from zoo.comparisons.selectors import document_of
from zoo.core.ids import uuid7
from zoo.core.models import record
from zoo.publishing import document as documents
from zoo.publishing import signing
from zoo.publishing.models import Release
from zoo.runs.lifecycle import FINAL
from zoo.runs.models import Run

STATISTICS_CHANGED = "the statistics were revised (version {version})"
MEASURED_AGAIN = "both models were measured again: {what}"


def publish_ready(*, now: datetime, limit: int = 20) -> int:
    """Publishes the comparisons that wait for it; gives how many.

    One whose pair job still runs waits for it, so that a release carries all that was asked for. A noise floor
    is no comparison of two models and is never published.
    """
    waiting = Comparison.objects.filter(release=None).filter(
        Q(pairing__pair_run=None) | Q(pairing__pair_run__state__in=sorted(FINAL))
    )
    waiting = waiting.exclude(is_noise_floor())
    ids = list(waiting.order_by("created_at", "id").values_list("pk", flat=True)[:limit])
    for comparison_id in ids:
        publish(comparison_id=comparison_id, now=now)
    return len(ids)


def publish(*, comparison_id: UUID, now: datetime) -> Release:
    """The release of a comparison; publishing again gives the one that is there."""
    comparison = Comparison.objects.select_related(
        "student_run__result", "teacher_run__result", "pairing__pair_run__result"
    ).get(pk=comparison_id)
    try:
        with transaction.atomic():
            return getattr(comparison, "release", None) or _add(comparison, now)
    except IntegrityError:
        # Another process published it, or took the next place in the chain, at the same moment.
        existing = Release.objects.filter(comparison=comparison).first()
        if existing is None:
            raise
        return existing


def _add(comparison: Comparison, now: datetime) -> Release:
    last = Release.objects.select_for_update().order_by("-sequence").first()
    before, reason = _replaced(comparison)
    identifier = uuid7()
    document = documents.build(
        release_id=str(identifier),
        sequence=last.sequence + 1 if last else 1,
        published_at=now.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        comparison=document_of(comparison),
        statistics_version=comparison.statistics_version,
        student=_evidence(comparison.student_run),
        teacher=_evidence(comparison.teacher_run),
        instance=settings.ZOO_PUBLIC_URL,
        replaces=str(before.pk) if before else None,
        reason=reason,
    )
    digest = documents.digest(document)
    previous = last.hash if last else documents.FIRST_HASH
    release = Release.objects.create(
        id=identifier,
        sequence=document["sequence"],
        comparison=comparison,
        student=comparison.student,
        teacher=comparison.teacher,
        document=canonical_json(document).decode(),
        digest=digest,
        previous_hash=previous,
        hash=documents.chained(previous, digest),
        envelope=signing.sign(signing.statement(document, digest), signing.private_key(key_path())),
        replaces=before,
        reason=reason,
        created_at=now,
    )
    record(
        action="release.published",
        subject=f"release:{release.pk}",
        acting_user=None,
        now=now,
        detail={"digest": digest, "replaces": str(before.pk) if before else ""},
    )
    return release


def _replaced(comparison: Comparison) -> tuple[Release | None, str]:
    """The standing release of the same measurement, which this one corrects, and why. Equal identities measure
    the same: so a release of runs that newer code superseded is replaced by that of their successors.
    """
    before = (
        Release.objects.filter(
            comparison__student_run__identity=comparison.student_run.identity,
            comparison__teacher_run__identity=comparison.teacher_run.identity,
            replaced_by=None,
        )
        .select_related("comparison")
        .order_by("-sequence")
        .first()
    )
    if before is None:
        return None, ""
    if before.comparison.pairing_id == comparison.pairing_id:
        return before, STATISTICS_CHANGED.format(version=comparison.statistics_version)
    engine = document_of(comparison).get("engine") or {}
    what = f"with lm-eval {engine['harness_version']}" if engine.get("harness_version") else "with newer code"
    return before, MEASURED_AGAIN.format(what=what)


def key_path() -> Path:
    """Where the instance keeps its signing key."""
    return Path(settings.ZOO_HOME) / "signing-key.pem"


def _evidence(run: Run) -> documents.Evidence:
    report = run.result.report
    assert isinstance(report, RunReport)
    return documents.Evidence(
        run=str(run.pk),
        identity=run.identity,
        result_sequence=run.result.sequence,
        result_hash=run.result.hash,
        samples_sha256=report.samples.sha256 if report.samples else "",
    )


def parse(release: Release) -> documents.Document:
    """The document of a release."""
    document: documents.Document = json.loads(release.document)
    return document
