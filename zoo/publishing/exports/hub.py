"""Hugging Face's formats: a model card, its ``model-index``, ``.eval_results``. Written by the hub's own library.

``base_model`` names only models whose weights were taken over: the hub shows a list of several as a merge. Teachers go
into a ``distillation`` block of our own, since no relation of the hub says "distilled from".
"""

from __future__ import annotations

from typing import Any

import yaml
from huggingface_hub import EvalResult, EvalResultEntry, ModelCard, ModelCardData, eval_result_entries_to_yaml
from huggingface_hub.repocard_data import eval_results_to_model_index

from zoo.publishing.exports.subject import RELATIONS, Subject, sentence

HARNESS = "lm-evaluation-harness"


def card(subject: Subject) -> str:
    """A complete README.md: front matter, what is known, what was measured."""
    own: dict[str, Any] = {"distillation": _distillation(subject)} if subject.teachers else {}
    data = ModelCardData(
        **_license(subject),
        base_model=[parent.model for parent in subject.bases] or None,
        base_model_relation=RELATIONS[subject.bases[0].kind] if subject.bases else None,
        datasets=list(subject.datasets) or None,
        tags=["distillation"] if subject.teachers else None,
        pipeline_tag=subject.task or None,
        model_name=subject.title,
        eval_results=_results(subject) or None,
        **own,
    )
    return str(ModelCard(f"---\n{data.to_yaml()}\n---\n\n{_prose(subject)}"))


def model_index(subject: Subject) -> str:
    """The ``model-index`` block as YAML; an empty list where nothing was measured."""
    results = _results(subject)
    index = eval_results_to_model_index(subject.title, results) if results else []
    return yaml.safe_dump({"model-index": index}, sort_keys=False, allow_unicode=True)


def eval_results(subject: Subject) -> str:
    """A file for ``.eval_results/``: one entry per task of each standing release."""
    entries = [
        EvalResultEntry(
            dataset_id=f"{release['comparison']['suite']['name'] if release['comparison']['suite'] else 'lm-eval'}"
            f"/{task['task']}",
            task_id=task["task"],
            value=task["student"]["value"],
            date=release["published_at"],
            source_url=_address(subject, release),
            source_name="Distill Zoo",
            notes=f"{HARNESS} {_harness(release)}, {task['metric']}, n={task['n']}",
        )
        for release in subject.releases
        for task in release["comparison"]["tasks"]
        if task["student"].get("value") is not None
    ]
    return yaml.safe_dump(eval_result_entries_to_yaml(entries), sort_keys=False, allow_unicode=True)


def _license(subject: Subject) -> dict[str, Any]:
    """The hub knows a list of tags; for what is not in it: ``other``, with name and link."""
    if not subject.license:
        return {}
    tag = subject.license_tag or "other"
    name = subject.license if tag == "other" else None
    return {"license": tag, "license_name": name, "license_link": subject.license_url or None}


def _results(subject: Subject) -> list[EvalResult]:
    return [
        EvalResult(
            task_type=subject.task or "text-generation",
            dataset_type=task["task"],
            dataset_name=task["task"],
            metric_type=task["metric"],
            metric_name=f"{task['metric']} ({HARNESS} {_harness(release)})",
            metric_value=task["student"]["value"],
            source_name="Distill Zoo",
            source_url=_address(subject, release),
        )
        for release in subject.releases
        for task in release["comparison"]["tasks"]
        if task["student"].get("value") is not None
    ]


def _distillation(subject: Subject) -> dict[str, Any] | list[dict[str, Any]]:
    """One block, or one for each of several teachers; what no source says is left out."""
    blocks = [
        {
            "teacher": parent.model,
            "method": list(parent.methods) or ["unknown"],
            "evidence": parent.status,
            **{name: told for name in ("role", "stage", "outputs_made") if (told := getattr(parent, name))},
        }
        for parent in subject.teachers
    ]
    return blocks[0] if len(blocks) == 1 else blocks


def _prose(subject: Subject) -> str:
    lines = [f"# {subject.title}", ""]
    if subject.teachers:
        taught = ", ".join(parent.model for parent in subject.teachers)
        lines += [f"Distilled from {taught}.", ""]
    lines += [f"License as published: {subject.license or 'none stated'}.", ""]
    if subject.releases:
        lines += ["## What it kept of its teacher", ""]
        lines += [f"- {sentence(release)} [{_address(subject, release)}]" for release in subject.releases]
    else:
        lines += ["Not measured here yet."]
    return "\n".join([*lines, "", f"Source: {subject.address}", ""])


def _address(subject: Subject, release: dict[str, Any]) -> str:
    return f"{release['instance']}/releases/{release['release']}/"


def _harness(release: dict[str, Any]) -> str:
    return str((release["comparison"].get("engine") or {}).get("harness_version") or "none")
