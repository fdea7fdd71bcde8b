"""A run as an Every Eval Ever record (schema 0.3.0): the aggregate document, and one line a sample.

The schema forbids unknown fields; validated against the project's own files in the tests.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from evaluation.contract import TaskResult
from evaluation.samples import Sample
from zoo.publishing.exports.measurement import Measurement

SCHEMA_VERSION = "0.3.0"


def record(measurement: Measurement, *, now: datetime) -> dict[str, Any]:
    """The aggregate document. ``now`` is when the record is made."""
    engine = measurement.report.engine
    return {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": evaluation_id(measurement),
        "evaluation_timestamp": str(measurement.finished_at.timestamp()),
        "retrieved_timestamp": str(now.timestamp()),
        "source_metadata": {
            "source_name": "Distill Zoo",
            "source_type": "evaluation_run",
            "source_organization_name": "Distill Zoo",
            "source_organization_url": measurement.instance,
            "evaluator_relationship": "third_party",
            "additional_details": {"run": measurement.page, "identity": measurement.report.identity},
        },
        "eval_library": {
            "name": "lm_eval" if engine and engine.harness_version else "distill_zoo",
            "version": (engine.harness_version if engine else None) or "unknown",
            "additional_details": {"served_by": engine.served_by if engine else "unknown"},
        },
        "model_info": _model(measurement),
        "evaluation_results": [_result(measurement, row) for row in measurement.report.results],
    }


def instances(measurement: Measurement) -> Iterator[str]:
    """The lines of the instance-level file."""
    rows = {row.task: row for row in measurement.report.results}
    for sample in measurement.samples():
        line = _instance(measurement, sample, rows[sample.task])
        yield json.dumps(line, ensure_ascii=False) + "\n"


def evaluation_id(measurement: Measurement) -> str:
    """Name, model and time; the same for the same run, so that loading a record again is noticed."""
    what = measurement.spec.suite.name if measurement.spec.suite else "tasks"
    return f"{what}/{measurement.model.replace('/', '_')}/{int(measurement.finished_at.timestamp())}"


def _model(measurement: Measurement) -> dict[str, Any]:
    spec, facts = measurement.spec, measurement.report.model
    engine = measurement.report.engine
    details = {
        "deployment_type": "self_deployed",
        "model_availability": "open_weights",
        "revision": spec.model.revision,
        "dtype": spec.protocol.dtype.value,
        "weights_format": spec.model.weights_format.value,
        **({"digest": spec.model.digest} if spec.model.digest else {}),
        **({"license": measurement.license} if measurement.license else {}),
        **({"architecture": facts.architecture, "parameters": str(facts.parameters)} if facts else {}),
    }
    return {
        "name": measurement.model,
        "id": measurement.model,
        "developer": measurement.model.split("/")[0],
        "inference_engine": {
            "name": engine.engine.value if engine else spec.engine.value,
            "version": (engine.transformers_version if engine else None) or "unknown",
        },
        "additional_details": details,
    }


def _result(measurement: Measurement, row: TaskResult) -> dict[str, Any]:
    bounded = row.is_ratio
    uncertainty: dict[str, Any] = {"num_samples": row.n}
    if row.score.stderr is not None:
        uncertainty["standard_error"] = {"value": row.score.stderr, "method": "analytic"}
    arguments: dict[str, Any] = {}
    if measurement.report.reproduce:
        arguments["execution_command"] = measurement.report.reproduce
    return {
        "evaluation_result_id": result_id(measurement, row),
        "evaluation_name": row.task,
        "source_data": {
            "dataset_name": row.task,
            "source_type": "other",
            "additional_details": {"task_version": row.task_version, "task_hash": row.task_hash},
        },
        "metric_config": {
            "evaluation_description": f"{row.metric} of {row.task}, filter {row.filter}",
            "metric_id": row.metric,
            "metric_name": row.metric,
            "metric_unit": "proportion" if bounded else "unbounded",
            "lower_is_better": not row.higher_is_better,
            "score_type": "continuous",
            "min_score": 0 if bounded else "-Infinity",
            "max_score": 1 if bounded else "Infinity",
        },
        "score_details": {"score": row.score.value, "uncertainty": uncertainty},
        "generation_config": {
            **({"generation_args": arguments} if arguments else {}),
            "additional_details": {
                "num_fewshot": str(row.num_fewshot),
                "batch_size": str(measurement.spec.protocol.batch_size),
                "seed": str(measurement.spec.protocol.seed),
                "limit": str(measurement.spec.protocol.limit or "none"),
            },
        },
    }


def result_id(measurement: Measurement, row: TaskResult) -> str:
    """What joins instances to their aggregate."""
    return f"{measurement.run}/{row.task}/{row.metric},{row.filter}"


def _instance(measurement: Measurement, sample: Sample, row: TaskResult) -> dict[str, Any]:
    taken = sample.answer if sample.response is not None else _chosen(sample)
    return {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": evaluation_id(measurement),
        "model_id": measurement.model,
        "evaluation_name": row.task,
        "evaluation_result_id": result_id(measurement, row),
        "sample_id": f"{sample.doc_id}" if not sample.draw else f"{sample.doc_id}#{sample.draw}",
        "sample_hash": sample.doc_hash,
        "interaction_type": "single_turn",
        "input": {
            "raw": sample.prompt,
            "reference": [sample.target],
            "choices": list(sample.choices) or None,
        },
        "output": {"raw": [sample.response if sample.response is not None else _chosen(sample)]},
        "answer_attribution": [
            {
                "turn_idx": 0,
                "source": "output.raw",
                "extracted_value": taken or "",
                "extraction_method": row.filter if sample.response is not None else "highest log-likelihood",
                "is_terminal": True,
            }
        ],
        "evaluation": {"score": sample.score, "is_correct": sample.score == 1.0},
        "metadata": {"metric": row.metric},
    }


def _chosen(sample: Sample) -> str:
    """The choice that was taken; the log-likelihood where there are no choices."""
    if sample.choices and sample.prediction is not None:
        return sample.choices[sample.prediction]
    return ", ".join(str(value) for value in sample.loglikelihoods)
