"""Compares the pairs that wait for it, and stores what comes out. A pair that cannot be compared says why."""

from __future__ import annotations

import hashlib
import json
import logging
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from evaluation import samples as samples_file
from evaluation.comparing import Measured, comparison_document, mismatches
from evaluation.comparing.inputs import SAMPLE_COLUMNS
from evaluation.contract import Failure, Fault, RunReport, RunSpec, canonical_json
from evaluation.scoring.values import BadInput
from zoo.catalog.selectors import find_models
from zoo.catalog.services import publish_retention
from zoo.comparisons.known import Known, from_catalog
from zoo.comparisons.models import STATISTICS_VERSION, Comparison
from zoo.core import storage
from zoo.core.ids import uuid7
from zoo.runs.lifecycle import State
from zoo.runs.models import Pairing, Run

logger = logging.getLogger(__name__)


def settle_ready(*, now: datetime, limit: int = 20) -> int:
    """Compares pairs whose runs have both succeeded; gives how many were settled."""
    ready = Pairing.objects.filter(
        settled_at=None, student_run__state=State.SUCCEEDED, teacher_run__state=State.SUCCEEDED
    ).order_by("pk")
    return sum(settle(pairing_id=pairing.pk, now=now) is not None for pairing in ready[:limit])


def settle(*, pairing_id: int, now: datetime) -> Comparison | None:
    """Compares one pair and settles it. None when it is not ready, or cannot be compared (the pairing says why).

    Settling again gives the comparison that is there; two at once store one.
    """
    pairing = Pairing.objects.select_related("student_run__result", "teacher_run__result").get(pk=pairing_id)
    known = pairing.comparisons.filter(statistics_version=STATISTICS_VERSION).first()
    if known is not None:
        return known
    if {pairing.student_run.state, pairing.teacher_run.state} != {State.SUCCEEDED}:
        return None
    student, teacher = measured(pairing.student_run), measured(pairing.teacher_run)
    differences = mismatches(student, teacher)
    if differences:
        _cannot(pairing, _not_comparable(differences), now)
        return None
    identifier = uuid7()
    try:
        document = comparison_document(student, teacher, identifier=str(identifier))
    except BadInput as error:
        logger.exception("pair %s cannot be compared", pairing.pk)
        _cannot(pairing, _failed(error), now)
        return None
    return _store(pairing, identifier, document, now)


def _store(pairing: Pairing, identifier: Any, document: dict[str, Any], now: datetime) -> Comparison:
    text = canonical_json(document).decode()
    overall, suite = document["overall"], document["suite"] or {}
    retention = overall["retention"]
    try:
        with transaction.atomic():
            comparison = Comparison.objects.create(
                id=identifier,
                pairing=pairing,
                student_run=pairing.student_run,
                teacher_run=pairing.teacher_run,
                student=document["student"]["model"],
                teacher=document["teacher"]["model"],
                suite=suite.get("name", ""),
                suite_version=suite.get("version", ""),
                document=text,
                digest=hashlib.sha256(text.encode()).hexdigest(),
                retention=retention.get("value"),
                retention_low=retention.get("ci_low"),
                retention_high=retention.get("ci_high"),
                verdict=overall["verdict"] or "",
                rankable=bool(suite) and overall["coverage"]["rankable"] and not document["repetition"],
                created_at=now,
            )
            Pairing.objects.filter(pk=pairing.pk, settled_at=None).update(settled_at=now, reason=None)
            _tell_catalog(comparison)
            return comparison
    except IntegrityError:
        # Another process compared the same pair at the same time and was first; the numbers are the same.
        return Comparison.objects.get(pairing=pairing, statistics_version=STATISTICS_VERSION)


def _tell_catalog(comparison: Comparison) -> None:
    """Lets the catalog's lists know both models as measured, and what each keeps of its teacher."""
    names = [comparison.student, comparison.teacher]
    known = from_catalog(names)
    publish_retention(
        {model.pk: _kept(name, known[name]) for name, model in find_models(names).items() if name in known}
    )


def _kept(student: str, known: Known) -> float | None:
    """Overall retention by the newest whole comparison with a teacher of the student."""
    whole = Comparison.objects.filter(student=student, rankable=True).order_by("-created_at", "-pk")
    for teacher, retention in whole.values_list("teacher", "retention"):
        if known.learned_from(teacher):
            return retention
    return None


@transaction.atomic
def _cannot(pairing: Pairing, failure: Failure, now: datetime) -> None:
    Pairing.objects.filter(pk=pairing.pk, settled_at=None).update(
        settled_at=now, reason=failure.model_dump(mode="json")
    )


def measured(run: Run) -> Measured:
    """A run with the numbers of its samples. Raises FileNotFoundError when the artifact store has lost them."""
    spec, report = run.parsed_spec, run.result.report
    assert isinstance(spec, RunSpec)
    assert isinstance(report, RunReport)
    assert report.samples is not None
    fetched = run.result.fetched
    with storage.open_artifact(report.samples.sha256) as file:
        table = samples_file.read_table(file, columns=SAMPLE_COLUMNS)
    return Measured(spec, report, table, fetched[0].digest if fetched else None)


def parse(comparison: Comparison) -> dict[str, Any]:
    """The stored document."""
    found: dict[str, Any] = json.loads(comparison.document)
    return found


def _not_comparable(differences: list[str]) -> Failure:
    return Failure(
        code="not_comparable",
        fault=Fault.PLATFORM,
        message=f"The two runs were measured differently: {'; '.join(differences)}."[:4000],
        remedy="Measure the older of the two again.",
    )


def _failed(error: BadInput) -> Failure:
    return Failure(
        code="comparison_failed",
        fault=Fault.PLATFORM,
        message=f"The samples cannot be compared: {error}."[:4000],
        remedy="An operator should look at the two runs.",
    )
