"""The comparison as JSON: what ``zoo evaluate --json``, the REST API and a release carry alike.

More fields may be added, none renamed. A number that cannot be had is ``{"undefined": code, "message": ...}``.
"""

from __future__ import annotations

import shlex
from typing import Any

from evaluation.comparing.drawn import with_draws
from evaluation.comparing.inputs import Measured, is_repetition, task_inputs
from evaluation.comparing.macro import macro_of
from evaluation.contract import ModelSource, PairReport, RunReport, RunSpec
from evaluation.scoring.compare import Settings, compare, score_alone
from evaluation.scoring.efficiency import cost_per_million, per_unit
from evaluation.scoring.flips import flips_above, floor_of
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
    student: Measured,
    teacher: Measured,
    *,
    identifier: str | None,
    resamples: int = 10_000,
    again: Measured | None = None,
) -> Document:
    """The document of a student against its teacher, without what needs both models loaded (``with_pair``).

    ``again`` is the teacher's run at another batch size, for the noise floor. Where the two runs are of one model,
    the document is such a floor itself, and says so (``repetition``).
    """
    body = compare(task_inputs(student, teacher, again), settings_for(student.spec, resamples=resamples))
    repetition = is_repetition(student, teacher)
    document: Document = {
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
        "noise": _noise_settings(again or student, teacher) if again or repetition else None,
        "repetition": repetition,
        "macro": macro_of(student, teacher),
    }
    return with_draws(document, student, teacher)


def _noise_settings(again: Measured, teacher: Measured) -> Document:
    """What the noise floor was taken from: one model at two batch sizes."""
    sizes = sorted(run.spec.protocol.batch_size for run in (again, teacher))
    return {"model": teacher.spec.model.name, "batch_sizes": sizes}


def with_noise(document: Document, repetition: Document | None) -> Document:
    """The document with the noise floor of its teacher, as the teacher's comparison with itself has found it."""
    if repetition is None or document.get("noise"):
        return document
    floors = {row["task"]: row for row in repetition["tasks"]}
    return document | {
        "tasks": [_above_floor(row, floors.get(row["task"])) for row in document["tasks"]],
        "noise": repetition["noise"] | {"comparison": repetition["id"]},
    }


def _above_floor(row: Document, itself: Document | None) -> Document:
    pair, floor = row.get("flips"), (itself or {}).get("flips")
    if not pair or not floor:
        return row
    noise = floor_of(floor["lost"] + floor["gained"], floor["n"])
    above = flips_above(pair["lost"] + pair["gained"], pair["n"], noise)
    return row | {"noise": plain(noise), "above_noise": plain(above)}


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
    efficiency = _costs(document, report.efficiency or {})
    if report.environment is not None:
        efficiency["device"] = report.environment.device_name
    return document | measured | {"efficiency": efficiency}


def with_price(document: Document, price_per_hour: float | None) -> Document:
    """The document with what a million tokens cost on the device that timed both models, at its price per hour.

    In the currency of the price; written tokens where both models write, else tokens read.
    """
    efficiency = document["efficiency"]
    timed = efficiency.get("decode") or efficiency.get("prefill")
    if price_per_hour is None or not timed:
        return document
    costs = {
        side: cost_per_million(timed[f"{side}_units_per_second"], price_per_hour)
        for side in ("student", "teacher")
    }
    priced: Document = efficiency | {
        "price_per_hour": price_per_hour,
        "priced": "written" if efficiency.get("decode") else "read",
        "student_cost_per_million": costs["student"],
        "teacher_cost_per_million": costs["teacher"],
        "cost_share": costs["student"] / costs["teacher"] if costs["teacher"] else None,
    }
    return document | {"efficiency": _costs(document | {"efficiency": priced}, {})}


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
        found = {name: value for name, value in (merged.get(side) or {}).items() if value is not None}
        merged[side] = (known.get(side) or {}) | found
    retention = document["overall"]["retention"]
    merged["per_unit"] = [
        {
            "resource": resource,
            "share": merged[field],
            "retention_per_unit": _per_unit(retention, merged[field]),
        }
        for resource, field in SHARES.items()
        if merged.get(field)
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
    document = {
        "id": identifier,
        "student": _model(measured),
        "teacher": None,
        **_common(measured),
        **plain(body),
        "reproduce": measured.report.reproduce,
        "reproduce_zoo": reproduce_zoo(measured.spec, None),
        "notes": list(measured.report.notes),
    }
    return with_draws(document, measured, None)


def _model(measured: Measured) -> Document:
    source, report = measured.spec.model, measured.report
    facts = report.model.model_dump(mode="json") if report.model else None
    digest = source.digest or measured.digest
    return {
        "model": source.name,
        "revision": source.revision,
        "digest": digest,
        "gguf_file": source.gguf_file,
        "facts": facts,
    }


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
    words += ["--gguf_file", spec.model.gguf_file] if spec.model.gguf_file else []
    words += ["--teacher_gguf_file", teacher.gguf_file] if teacher and teacher.gguf_file else []
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
