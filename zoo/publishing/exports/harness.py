"""A run in the files that lm-evaluation-harness writes: the results document, and one line a sample.

Names and shapes are the harness's (0.4.13). What says something about the machine is left out. What was not kept
cannot be written again: ``doc`` holds prompt, choices and answer instead of the data set's row, whether a continuation
was greedy is "None", and ``prompt_hash`` covers all that was put to the model instead of the first context alone.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from typing import Any

from evaluation.contract import Engine, TaskResult
from evaluation.samples import Sample
from zoo.core.errors import NotFound
from zoo.publishing.exports.measurement import Measurement

_UNSAFE_IN_NAMES = re.compile(r'["<>:/|\\?*\[\]]+')
_BACKENDS = {Engine.HARNESS: "hf", Engine.VLLM: "vllm", Engine.SGLANG: "sglang"}


class UnknownTask(NotFound):
    """The run has no such task."""

    code = "unknown_task"


def results(measurement: Measurement) -> dict[str, Any]:
    """The document that the harness calls ``results_<date>.json``."""
    report = measurement.report
    engine, model = report.engine, report.model
    by_task = {row.task: row for row in report.results}
    groups: dict[str, list[str]] = {row.task: [] for row in report.results}
    for row in report.results:
        for group in row.groups:
            groups.setdefault(group, []).append(row.task)
    return {
        "results": {name: _scores(row) for name, row in by_task.items()},
        "group_subtasks": groups,
        "configs": {name: _configuration(row) for name, row in by_task.items()},
        "versions": {name: _version(row.task_version) for name, row in by_task.items()},
        "n-shot": {name: row.num_fewshot for name, row in by_task.items()},
        "higher_is_better": {name: {row.metric: row.higher_is_better} for name, row in by_task.items()},
        "n-samples": {name: _counted(row, measurement) for name, row in by_task.items()},
        "config": _run_configuration(measurement),
        "git_hash": None,
        "date": measurement.finished_at.timestamp() - report.seconds,
        "transformers_version": engine.transformers_version if engine else None,
        "lm_eval_version": engine.harness_version if engine else None,
        "max_length": measurement.spec.protocol.max_length or (model.context_length if model else None),
        "task_hashes": {name: row.task_hash for name, row in by_task.items()},
        "model_source": _backend(measurement),
        "model_name": measurement.model,
        "model_name_sanitized": sanitized(measurement.model),
        "system_instruction": None,
        "system_instruction_sha": None,
        "fewshot_as_multiturn": None,
        "chat_template": None,
        "chat_template_sha": model.chat_template_digest if model else None,
        "total_evaluation_time_seconds": str(report.seconds),
        "distill_zoo": {
            "run": measurement.page,
            "identity": report.identity,
            "engine": engine.engine.value if engine else None,
            "served_by": engine.served_by if engine else None,
        },
    }


def samples(measurement: Measurement, task: str) -> Iterator[str]:
    """The lines of ``samples_<task>_<date>.jsonl``. Raises UnknownTask."""
    row = _row(measurement, task)
    for sample in measurement.samples():
        if sample.task == task:
            yield json.dumps(_line(sample, row), ensure_ascii=False) + "\n"


def archive(measurement: Measurement) -> bytes:
    """A ZIP with the folder that the harness would have written for ``--output_path``."""
    folder = sanitized(measurement.model)
    date = measurement.finished_at.replace(tzinfo=None).isoformat().replace(":", "-")
    lines: dict[str, list[str]] = {row.task: [] for row in measurement.report.results}
    rows = {row.task: row for row in measurement.report.results}
    for sample in measurement.samples():
        lines[sample.task].append(json.dumps(_line(sample, rows[sample.task]), ensure_ascii=False))
    stamp = measurement.finished_at.timetuple()[:6]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        text = json.dumps(results(measurement), indent=2, ensure_ascii=False)
        file.writestr(zipfile.ZipInfo(f"{folder}/results_{date}.json", stamp), text)
        for task, found in lines.items():
            name = zipfile.ZipInfo(f"{folder}/samples_{task}_{date}.jsonl", stamp)
            file.writestr(name, "".join(f"{line}\n" for line in found))
    return buffer.getvalue()


def sanitized(name: str) -> str:
    """A model's name as the harness writes it into file names."""
    return _UNSAFE_IN_NAMES.sub("__", name)


def _scores(row: TaskResult) -> dict[str, Any]:
    found: dict[str, Any] = {"alias": row.task, "name": row.task, "sample_len": row.n // row.draws}
    scores = dict(row.metrics) or {f"{row.metric},{row.filter}": row.score}
    for key, score in scores.items():
        metric, _, name = key.partition(",")
        found[key] = score.value
        found[f"{metric}_stderr,{name}"] = score.stderr if score.stderr is not None else "N/A"
    return found


def _configuration(row: TaskResult) -> dict[str, Any]:
    return {
        "task": row.task,
        "output_type": row.output_type,
        "num_fewshot": row.num_fewshot,
        "repeats": row.draws,
        "metric_list": [{"metric": row.metric, "higher_is_better": row.higher_is_better}],
        "metadata": {"version": _version(row.task_version)},
    }


def _version(text: str) -> float | str:
    """Versions are numbers in the harness; anything else stays as it is."""
    try:
        return float(text)
    except ValueError:
        return text


def _counted(row: TaskResult, measurement: Measurement) -> dict[str, int | None]:
    documents = row.n // row.draws
    return {
        "original": None if measurement.spec.protocol.limit is not None else documents,
        "effective": documents,
    }


def _run_configuration(measurement: Measurement) -> dict[str, Any]:
    spec, report = measurement.spec, measurement.report
    commit = spec.model.revision if len(spec.model.revision) == 40 else None
    arguments: dict[str, Any] = {"pretrained": spec.model.name, "dtype": spec.protocol.dtype.value}
    if commit:
        arguments["revision"] = commit
    arguments["softmax_dtype"] = spec.protocol.softmax_dtype
    seed = spec.protocol.seed
    return {
        "model": _backend(measurement),
        "model_args": arguments,
        "model_num_parameters": report.model.parameters if report.model else None,
        "model_dtype": f"torch.{spec.protocol.dtype.value}",
        "model_revision": commit or "",
        "model_sha": commit or "",
        "batch_size": spec.protocol.batch_size,
        "batch_sizes": [],
        "device": report.environment.device if report.environment else None,
        "use_cache": None,
        "limit": spec.protocol.limit,
        "bootstrap_iters": 0,
        "gen_kwargs": {},
        "random_seed": seed,
        "numpy_seed": seed,
        "torch_seed": seed,
        "fewshot_seed": seed,
    }


def _backend(measurement: Measurement) -> str:
    engine = measurement.report.engine.engine if measurement.report.engine else measurement.spec.engine
    return _BACKENDS.get(engine, f"distill-zoo-{engine.value}")


def _row(measurement: Measurement, task: str) -> TaskResult:
    for row in measurement.report.results:
        if row.task == task:
            return row
    known = ", ".join(one.task for one in measurement.report.results[:20])
    raise UnknownTask(f"this run has no task '{task[:100]}'", remedy=f"It has: {known}.", field="task")


def _line(sample: Sample, row: TaskResult) -> dict[str, Any]:
    answers = _answers(sample)
    return {
        "doc_id": sample.doc_id,
        "doc": {"prompt": sample.prompt, "choices": list(sample.choices), "gold": sample.gold},
        "target": sample.target,
        "arguments": _arguments(sample),
        "resps": [[answer] for answer in answers],
        "filtered_resps": answers if sample.answer is None or sample.loglikelihoods else [sample.answer],
        "filter": row.filter,
        "metrics": [row.metric],
        "doc_hash": sample.doc_hash,
        "prompt_hash": sample.prompt_hash,
        "target_hash": sample.target_hash,
        row.metric: sample.score,
    }


def _arguments(sample: Sample) -> dict[str, dict[str, str]]:
    if sample.choices:
        pairs = [(sample.prompt, choice) for choice in sample.choices]
        return {f"gen_args_{n}": {"arg_0": one, "arg_1": two} for n, (one, two) in enumerate(pairs)}
    return {"gen_args_0": {"arg_0": sample.prompt}}


def _answers(sample: Sample) -> list[Any]:
    """Log-likelihoods as the harness's file has them: text, each with whether it was greedy."""
    if sample.loglikelihoods:
        greedy = sample.answer if sample.answer in ("True", "False") else "None"
        return [[str(value), greedy] for value in sample.loglikelihoods]
    return [sample.response or ""]
