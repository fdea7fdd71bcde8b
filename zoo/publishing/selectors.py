"""Reads about releases."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from evaluation import samples as samples_file
from evaluation.contract import RunReport, RunSpec
from evaluation.samples import Sample
from zoo.catalog.models import Kind, Model
from zoo.catalog.selectors import find_model, revisions_of
from zoo.comparisons.models import STATISTICS_VERSION
from zoo.comparisons.noise import is_noise_floor
from zoo.comparisons.redaction import redacted_tasks, without_texts
from zoo.core import storage
from zoo.core.errors import NotFound
from zoo.lineage.selectors import parents_of
from zoo.publishing import signing, staleness
from zoo.publishing.document import FIRST_HASH
from zoo.publishing.exports import terms
from zoo.publishing.exports.measurement import Measurement
from zoo.publishing.exports.subject import Parent, Subject
from zoo.publishing.models import Release
from zoo.publishing.services import key_path, parse
from zoo.runs.lifecycle import State
from zoo.runs.selectors import run_by_id


class ReleaseNotFound(NotFound):
    """There is no such release."""

    code = "release_not_found"


class NotMeasured(NotFound):
    """The run has no result that could be exported."""

    code = "not_measured"


class Head(NamedTuple):
    """The end of the chain: how many releases there are, and the hash that covers them all."""

    sequence: int
    hash: str


def releases() -> QuerySet[Release]:
    """All releases, newest first, with what replaced them."""
    return Release.objects.select_related("replaces", "comparison", "replaced_by").order_by("-sequence")


def listed() -> QuerySet[Release]:
    """The releases that compare two models, newest first. A noise floor that was once published keeps its place
    in the chain, and is a result about no student.
    """
    return releases().exclude(is_noise_floor("comparison__"))


def release_by_id(release_id: UUID | str) -> Release:
    """One release with its runs and results. Raises ReleaseNotFound."""
    found = (
        releases()
        .select_related("comparison__student_run__result", "comparison__teacher_run__result")
        .filter(pk=release_id)
        .first()
    )
    if found is None:
        raise ReleaseNotFound("there is no such release")
    return found


def releases_of(model: str) -> QuerySet[Release]:
    """The releases in which a model is the student, newest first, without those that were replaced."""
    return listed().filter(student=model, replaced_by=None)


def head() -> Head:
    """The end of the chain of releases."""
    last = Release.objects.order_by("-sequence").values_list("sequence", "hash").first()
    return Head(*last) if last else Head(0, FIRST_HASH)


def public_key() -> str:
    """The key that this instance signs with, as PEM. Makes the key when there is none yet."""
    return signing.public_pem(signing.private_key(key_path()).public_key())


def bundles(release: Release) -> dict[str, Any]:
    """The two recorded results behind a release, as they were hashed: for whoever recomputes it."""
    runs = {"student": release.comparison.student_run, "teacher": release.comparison.teacher_run}
    return {side: run.result.bundle for side, run in runs.items()}


def newest(models: Iterable[str]) -> dict[str, Release]:
    """For each student its newest standing release; one of a whole suite before a trial on a part of it."""
    found: dict[str, Release] = {}
    standing = listed().filter(student__in=list(models), replaced_by=None)
    for release in standing.order_by("comparison__rankable", "sequence"):
        found[release.student] = release
    return found


def subject(model: Model) -> Subject:
    """A model's facts and standing releases, for exports."""
    revision = revisions_of(model).first()
    parents = tuple(
        Parent(
            model=edge.parent.slug,
            kind=edge.kind,
            methods=tuple(edge.methods),
            status=edge.status,
            is_dataset=edge.parent.kind == Kind.DATASET,
            role=edge.role,
            stage=edge.stage,
            outputs_made=edge.outputs_made,
        )
        for edge in parents_of(model)
    )
    return Subject(
        id=model.slug,
        title=model.title,
        publisher=model.organization.name,
        license=model.license,
        license_spdx=terms.spdx_expression(model.license),
        license_tag=model.hub_license_tag or terms.hub_tag(model.license),
        license_url=model.license_url,
        hub_id=model.hub_id,
        parameters=model.parameters,
        architecture=model.architecture,
        modality=model.modality,
        released=model.released,
        paper=model.paper,
        notes=model.notes,
        revision=revision.label if revision else "",
        digest=revision.digest if revision else "",
        parents=parents,
        releases=tuple(_current(model.slug)),
        address=f"{settings.ZOO_PUBLIC_URL}/models/{model.slug}/",
    )


def _current(model: str) -> Iterator[dict[str, Any]]:
    """One standing release for each teacher and suite, so that no task has two scores in an export.

    The newest one over all items; one with a limit only where there is no other.
    """
    seen: set[tuple[str, str]] = set()
    documents = [parse(release) for release in releases_of(model)]
    for document in sorted(documents, key=lambda one: one["comparison"]["protocol"].get("limit") is not None):
        comparison = document["comparison"]
        what = comparison["suite"] or sorted(task["task"] for task in comparison["tasks"])
        key = (comparison["teacher"]["model"], json.dumps(what, sort_keys=True))
        if key not in seen:
            seen.add(key)
            yield document


def stale(release: Release) -> list[staleness.Mark]:
    """What moved on since a release was published."""
    return staleness.marks(parse(release), staleness.current(statistics=STATISTICS_VERSION))


def stale_ids(of: Iterable[Release]) -> set[UUID]:
    """Which of these releases something moved on from."""
    now = staleness.current(statistics=STATISTICS_VERSION)
    return {release.pk for release in of if staleness.marks(parse(release), now)}


def measurement(run_id: UUID | str) -> Measurement:
    """A finished run of one model, for exports. Raises RunNotFound, NotMeasured."""
    run = run_by_id(run_id)
    report = run.result.report if run.state == State.SUCCEEDED else None
    spec = run.parsed_spec
    if not isinstance(report, RunReport) or not isinstance(spec, RunSpec) or report.samples is None:
        raise NotMeasured(
            "this run has no samples to export", remedy="Only runs of one model that succeeded have them."
        )
    digest = report.samples.sha256
    model = find_model(run.model_name)

    def read() -> Iterator[Sample]:
        with storage.open_artifact(digest) as file:
            yield from without_texts(samples_file.read(file), redacted_tasks(run.spec))

    return Measurement(
        run=str(run.pk),
        spec=spec,
        report=report,
        finished_at=run.finished_at or run.created_at,
        samples=read,
        instance=settings.ZOO_PUBLIC_URL,
        license=model.license if model else "",
    )
