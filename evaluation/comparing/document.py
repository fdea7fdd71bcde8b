"""The comparison as JSON: what ``zoo evaluate --json``, the REST API and a release carry alike.

More fields may be added, none renamed. A number that cannot be had is ``{"undefined": code, "message": ...}``.
"""

from __future__ import annotations

import shlex
from typing import Any

from evaluation.comparing.inputs import Measured, task_inputs
from evaluation.contract import ModelSource, PairReport, RunReport, RunSpec
from evaluation.scoring.compare import Settings, compare, score_alone
from evaluation.scoring.efficiency import per_unit
from evaluation.scoring.values import Estimate, plain
from evaluation.suites import loader

Document = dict[str, Any]
"""A JSON object; its form is that of the interface, described there and checked by its tests."""

NOT_MEASURED: Document = {"undefined": "not_measured", "message": "No job had both models loaded."}


def settings_for(spec: RunSpec, *, resamples: int = 10_000) -> Settings:
    """How runs of a spec are compared: seeded by the protocol, weighted as the suite says."""
    weights: tuple[tuple[str, float], ...] = ()
    if spec.suite is not None:
        suite = loader.load(spec.suite.name, spec.suite.version)
        weights = tuple((capability.name, capability.weight) for capability in suite.capabilities)
    return Settings(
        seed=spec.protocol.seed,
        resamples=resamples,
        limited=spec.protocol.limit is not None,
        capability_weights=weights,
    )


def comparison_document(
    student: Measured, teacher: Measured, *, identifier: str | None, resamples: int = 10_000
) -> Document:
    """The document of a student against its teacher, without what needs both models loaded (``with_pair``)."""
    body = compare(task_inputs(student, teacher), settings_for(student.spec, resamples=resamples))
    return {
        "id": identifier,
        "student": _model(student),
        "teacher": _model(teacher),
        **_common(student),
        **plain(body),
        "fidelity": NOT_MEASURED,
        "efficiency": efficiency_of_runs(student.report, teacher.report),
        "reproduce": student.report.reproduce,
        "reproduce_teacher": teacher.report.reproduce,
        "reproduce_zoo": reproduce_zoo(student.spec, teacher.spec.model),
        "notes": [*student.report.notes, *teacher.report.notes],
    }


def with_pair(document: Document, report: PairReport | None) -> Document:
    """The document with what a job with both models loaded has measured. The original is not changed."""
    if report is None:
        return document
    if report.failure is not None:
        undefined = {"undefined": "not_measured", "message": report.failure.message}
        return document | {"fidelity": undefined, "pair_failure": report.failure.model_dump(mode="json")}
    measured = {
        name: value
        for name in ("fidelity", "similarity", "speculation")
        if (value := getattr(report, name)) is not None
    }
    return document | measured | {"efficiency": _costs(document, report.efficiency or {})}


SHARES = {
    "parameters": "parameter_share",
    "weights": "weight_share",
    "memory": "memory_share",
    "compute": "compute_share",
    "energy": "energy_share",
    "cost": "cost_share",
}
"""Resources by the field of the pair job that holds the student's share of the teacher's."""


def _costs(document: Document, paired: Document) -> Document:
    """What the runs and the pair job say of sizes and speed, as one; and retention per unit of each resource."""
    known = document["efficiency"]
    merged: Document = known | paired
    for side in ("student", "teacher"):
        found = {name: value for name, value in (paired.get(side) or {}).items() if value is not None}
        merged[side] = (known.get(side) or {}) | found
    retention = document["overall"]["retention"]
    merged["per_unit"] = [
        {
            "resource": resource,
            "share": paired[field],
            "retention_per_unit": _per_unit(retention, paired[field]),
        }
        for resource, field in SHARES.items()
        if paired.get(field)
    ]
    return merged


def _per_unit(retention: Document, share: float) -> Document:
    if "undefined" in retention:
        return retention
    estimate = Estimate(**{name: retention[name] for name in Estimate.__dataclass_fields__})
    divided: Document = plain(per_unit(estimate, share))
    return divided


def scores_document(measured: Measured, *, identifier: str | None) -> Document:
    """The document of one model without a teacher: scores, and no retention anywhere."""
    body = score_alone(task_inputs(measured, None), settings_for(measured.spec))
    return {
        "id": identifier,
        "student": _model(measured),
        "teacher": None,
        **_common(measured),
        **plain(body),
        "reproduce": measured.report.reproduce,
        "reproduce_zoo": reproduce_zoo(measured.spec, None),
        "notes": list(measured.report.notes),
    }


def _model(measured: Measured) -> Document:
    source, report = measured.spec.model, measured.report
    facts = report.model.model_dump(mode="json") if report.model else None
    digest = source.digest or measured.digest
    return {"model": source.name, "revision": source.revision, "digest": digest, "facts": facts}


def _common(measured: Measured) -> Document:
    spec, report = measured.spec, measured.report
    return {
        "suite": spec.suite.model_dump(mode="json") if spec.suite else None,
        "protocol": spec.protocol.model_dump(mode="json"),
        "engine": report.engine.model_dump(mode="json") if report.engine else None,
        "environment": report.environment.model_dump(mode="json") if report.environment else None,
    }


def efficiency_of_runs(student: RunReport, teacher: RunReport) -> Document:
    """Sizes, memory and time of the two runs themselves. Times of runs on other machines are not compared."""
    return {
        "student": _footprint(student),
        "teacher": _footprint(teacher),
        "parameters_ratio": _ratio(student, teacher, "parameters"),
        "weights_bytes_ratio": _ratio(student, teacher, "weights_bytes"),
        "same_machine": student.environment is not None and student.environment == teacher.environment,
    }


def _footprint(report: RunReport) -> Document:
    return {
        "parameters": report.model.parameters if report.model else None,
        "weights_bytes": report.model.weights_bytes if report.model else None,
        "peak_memory_bytes": report.peak_memory_bytes,
        "run_seconds": report.seconds,
    }


def _ratio(student: RunReport, teacher: RunReport, field: str) -> float | None:
    mine = getattr(student.model, field, None)
    theirs = getattr(teacher.model, field, None)
    return mine / theirs if mine is not None and theirs else None


def reproduce_zoo(spec: RunSpec, teacher: ModelSource | None) -> str:
    """The ``zoo evaluate`` command that repeats the comparison in the foreground."""
    protocol = spec.protocol
    words = ["zoo", "evaluate", _reference(spec.model)]
    words += ["--teacher", _reference(teacher)] if teacher else []
    words += (
        ["--suite", f"{spec.suite.name}@{spec.suite.version}"]
        if spec.suite
        else ["--tasks", ",".join(spec.tasks)]
    )
    words += ["--num_fewshot", str(protocol.num_fewshot)] if protocol.num_fewshot is not None else []
    words += ["--limit", str(protocol.limit)] if protocol.limit is not None else []
    words += [
        "--batch_size",
        str(protocol.batch_size),
        "--dtype",
        protocol.dtype.value,
        "--seed",
        str(protocol.seed),
    ]
    words += ["--apply_chat_template"] if protocol.apply_chat_template else []
    words += ["--engine", spec.engine.value]
    return shlex.join(words)


def _reference(source: ModelSource) -> str:
    return f"{source.name}@{source.revision}" if len(source.revision) == 40 else source.name
