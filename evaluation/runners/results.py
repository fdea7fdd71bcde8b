"""Turns what the harness returns for one task into a typed result and samples. A key like ``acc,none`` ends here.

Imports nothing of the harness: it reads its documents. What the harness cannot say is added from the samples:
standard errors, ties, the score with ties split, and hashes over every prompt.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from statistics import fmean, stdev
from typing import Any, NamedTuple, Protocol

from evaluation.contract import Score, TaskResult, canonical_json
from evaluation.runners.planning import Planned
from evaluation.samples import Sample, clip

Conversation = Callable[[str], str | None]


class Generated(Protocol):
    """One generated answer: its text before anything was cut from it, its tokens, and how it ended."""

    @property
    def text(self) -> str:
        """What was written."""

    @property
    def tokens(self) -> int:
        """How many tokens that took."""

    @property
    def truncated(self) -> bool:
        """Whether the longest length ended it."""


class Asked(Protocol):
    """What the model behind an evaluation remembers of it."""

    def conversation(self, prompt: str) -> str | None:
        """Digest of the conversation that a templated prompt was written from; None for other prompts."""

    def generation(self, prompt: str) -> Generated | None:
        """What was generated for a prompt."""


RATIO_METRICS = frozenset(
    {"acc", "acc_norm", "acc_bytes", "acc_mutual_info", "acc_all", "exact_match", "em", "f1", "bleu", "chrf"}
    | {"rouge1", "rouge2", "rougeL", "mc1", "mc2", "accuracy", "score"}
)
RATIO_PREFIXES = ("pass@", "prompt_level_", "inst_level_", "exact_match", "acc_", "em_", "maj@")
CHOICE_METRICS = frozenset({"acc", "acc_norm", "acc_bytes"})
ROLLING = ("bits_per_byte", "byte_perplexity", "word_perplexity")


class Main(NamedTuple):
    """The metric and filter that count for a task."""

    metric: str
    filter: str


class Choice(NamedTuple):
    """A multiple-choice answer: what was taken, what was right, and whether the best tied."""

    prediction: int
    gold: tuple[int, ...]
    tied: bool
    tie_split: float


class Converted(NamedTuple):
    """One task, converted."""

    result: TaskResult
    samples: list[Sample]
    notes: tuple[str, ...]


def convert(document: dict[str, Any], planned: Planned, asked: Asked, seconds: float) -> Converted:
    """The result and samples of one task from the harness's document of an evaluation of that task alone."""
    (name,) = document["samples"]
    rows = document["samples"][name]
    main = _main_metric(planned, document, rows)
    counted = [row for row in rows if row["filter"] == main.filter]
    samples = [_sample(row, planned, main, asked) for row in counted]
    chance = (
        planned.chance if planned.chance is not None else _chance(planned.task.OUTPUT_TYPE, main, samples)
    )
    higher = bool(document["higher_is_better"].get(name, {}).get(main.metric, True))
    value = document["results"][name].get(f"{main.metric},{main.filter}")
    scores = [sample.score for sample in samples]
    derived = value is None or (not _is_scalar(counted[0].get(main.metric)) and main.metric not in ROLLING)
    result = TaskResult(
        task=planned.name,
        task_version=str(document["versions"].get(name)),
        task_hash=task_hash(rows),
        capability=planned.capability,
        group=planned.groups[-1] if planned.groups else None,
        groups=planned.groups,
        weight=planned.weight,
        aggregation=_aggregation(main.metric),
        output_type=planned.task.OUTPUT_TYPE,
        num_fewshot=int(document["n-shot"].get(name) or 0),
        metric=main.metric,
        filter=main.filter,
        higher_is_better=higher,
        is_ratio=higher and is_ratio(main.metric),
        chance=chance,
        n=len(samples),
        score=Score(value=fmean(scores) if derived else float(value), stderr=_stderr(main.metric, samples)),
        tie_split=_split_score(samples),
        ties=sum(sample.tied for sample in samples),
        metrics=_metrics(document["results"][name], rows),
        truncated=_share_truncated(samples),
        seconds=seconds,
    )
    notes = (f"{planned.name}: {main.metric} is counted from the samples.",) if derived else ()
    return Converted(result, samples, notes)


def merged(draws: Sequence[Converted]) -> Converted:
    """One result of several draws of the same documents: samples numbered by draw, scores averaged over draws.

    The standard error is over documents, each with its mean over draws.
    """
    if len(draws) == 1:
        return draws[0]
    samples = [sample._replace(draw=number) for number, one in enumerate(draws) for sample in one.samples]
    first = draws[0].result
    documents = [fmean(one.samples[place].score for one in draws) for place in range(len(draws[0].samples))]
    score = Score(value=fmean(documents), stderr=mean_stderr(documents))
    metrics = {
        key: Score(value=fmean(one.result.metrics[key].value for one in draws)) for key in first.metrics
    }
    result = first.model_copy(
        update={
            "n": len(samples),
            "draws": len(draws),
            "score": score,
            "truncated": _share_truncated(samples),
            "metrics": metrics,
            "seconds": sum(one.result.seconds for one in draws),
        }
    )
    return Converted(result, samples, draws[0].notes)


def _share_truncated(samples: Sequence[Sample]) -> float | None:
    known = [sample.truncated for sample in samples if sample.truncated is not None]
    return fmean(known) if known else None


def task_hash(rows: Sequence[dict[str, Any]]) -> str:
    """The harness's own hash of a task: over the hashes of all documents, prompts and targets."""
    joined = "".join(row["doc_hash"] + row["prompt_hash"] + row["target_hash"] for row in rows)
    return hashlib.sha256(joined.encode()).hexdigest()


def is_ratio(metric: str) -> bool:
    """Whether half of the value means half as good: zero means nothing was achieved."""
    return metric in RATIO_METRICS or metric.startswith(RATIO_PREFIXES)


def prompt_hash(arguments: Sequence[Sequence[Any]], conversation: Conversation) -> str:
    """SHA-256 over everything that was put to the model for one document: contexts and continuations.

    The harness hashes the first context alone, which for minimal pairs is empty. A prompt that a chat
    template wrote counts as its conversation: the template is a part of the model, as its tokenizer is.
    """
    texts = [[_text(argument, conversation) for argument in request] for request in arguments]
    return hashlib.sha256(canonical_json(texts)).hexdigest()


def _text(argument: Any, conversation: Conversation) -> Any:
    if isinstance(argument, str):
        return conversation(argument) or argument
    return json.loads(json.dumps(argument, default=str))


def _main_metric(planned: Planned, document: dict[str, Any], rows: Sequence[dict[str, Any]]) -> Main:
    """The suite's choice, else the first metric that is a mean over documents, else the first of a text."""
    filters = list(dict.fromkeys(row["filter"] for row in rows))
    filter_name = str(planned.filter if planned.filter in filters else filters[0])
    names = list(dict.fromkeys(metric for row in rows for metric in row["metrics"]))
    if planned.metric is not None and planned.metric in names:
        return Main(planned.metric, filter_name)
    if planned.task.OUTPUT_TYPE == "loglikelihood_rolling":
        return Main(next((name for name in ROLLING if name in names), names[0]), filter_name)
    first = next(row for row in rows if row["filter"] == filter_name)
    scalars = [name for name in names if _is_scalar(first.get(name)) and name != "perplexity"]
    if scalars:
        return Main(scalars[0], filter_name)
    return Main("acc" if planned.task.OUTPUT_TYPE == "multiple_choice" else names[0], filter_name)


def _is_scalar(value: Any) -> bool:
    return isinstance(value, bool | int | float) or (
        hasattr(value, "item") and getattr(value, "ndim", 1) == 0
    )


def _sample(row: dict[str, Any], planned: Planned, main: Main, asked: Asked) -> Sample:
    arguments = row["arguments"]
    doc = row["doc"] if isinstance(row["doc"], dict) else {}
    sample = Sample(
        task=planned.name,
        doc_id=int(row["doc_id"]),
        doc_hash=row["doc_hash"],
        prompt_hash=prompt_hash(arguments, asked.conversation),
        target_hash=row["target_hash"],
        score=float(row[main.metric]) if _is_scalar(row.get(main.metric)) else 0.0,
        cluster=doc.get(planned.cluster_column) if planned.cluster_column else None,
        prompt=clip(str(arguments[0][0])),
        target=clip(str(row["target"])),
    )
    kind = planned.task.OUTPUT_TYPE
    if kind == "multiple_choice":
        return _with_choice(sample, row, planned, main)
    if kind == "generate_until":
        return _with_text_answer(sample, row, planned, asked)
    if kind == "loglikelihood_rolling":
        return _with_text(sample, row)
    value, greedy = row["resps"][0][0]
    return sample._replace(loglikelihoods=[float(value)], answer=str(bool(greedy)))


def _with_text_answer(sample: Sample, row: dict[str, Any], planned: Planned, asked: Asked) -> Sample:
    response = str(row["resps"][0][0])
    answer = planned.extract(response) if planned.extract is not None else str(row["filtered_resps"][0])
    generated = asked.generation(str(row["arguments"][0][0]))
    return sample._replace(
        response=clip(response),
        answer=None if answer is None else clip(answer),
        tokens=generated.tokens if generated is not None else None,
        truncated=generated.truncated if generated is not None else None,
    )


def _with_text(sample: Sample, row: dict[str, Any]) -> Sample:
    """A whole text: its log-likelihood, its bytes, and bits per byte as the score."""
    loglikelihood = float(row["resps"][0][0])
    stated = row.get("bits_per_byte") or row.get("byte_perplexity")
    size = int(stated[1]) if isinstance(stated, tuple | list) else len(str(row["arguments"][0][0]).encode())
    bits = -loglikelihood / max(size, 1) / math.log(2)
    return sample._replace(score=bits, loglikelihoods=[loglikelihood], byte_count=size)


def _with_choice(sample: Sample, row: dict[str, Any], planned: Planned, main: Main) -> Sample:
    values = [float(response[0][0]) for response in row["resps"]]
    choices = _choices(planned.task, row)
    if len(values) == 2 * len(choices):
        values = values[: len(choices)]
    sample = sample._replace(choices=[clip(choice) for choice in choices], loglikelihoods=values)
    gold = _gold(planned.task, row, choices)
    if not gold or len(values) != len(choices):
        return sample
    choice = judge(values, choices, gold, main.metric)
    score = sample.score if _is_scalar(row.get(main.metric)) else float(choice.prediction in choice.gold)
    return sample._replace(
        score=score,
        prediction=choice.prediction,
        gold=gold[0],
        tied=choice.tied if main.metric in CHOICE_METRICS else False,
        tie_split=choice.tie_split if main.metric in CHOICE_METRICS else None,
    )


def judge(values: Sequence[float], choices: Sequence[str], gold: Sequence[int], metric: str) -> Choice:
    """The harness's choice (the first of the best), and whether others were just as good.

    ``acc`` compares log-likelihoods, ``acc_norm`` divides them by the choice's characters, ``acc_bytes`` by
    its bytes. ``tie_split`` is the share of right choices among the best ones.
    """
    sizes = {
        "acc_norm": [float(len(choice)) for choice in choices],
        "acc_bytes": [float(len(choice.encode())) for choice in choices],
    }.get(metric, [1.0] * len(choices))
    compared = [value / size if size else -math.inf for value, size in zip(values, sizes, strict=True)]
    best = max(compared)
    tied = [number for number, value in enumerate(compared) if value == best]
    right = sum(number in gold for number in tied)
    return Choice(tied[0], tuple(gold), len(tied) > 1, right / len(tied))


def _choices(task: Any, row: dict[str, Any]) -> list[str]:
    if getattr(task.config, "doc_to_choice", None) is not None:
        return [str(choice) for choice in task.doc_to_choice(row["doc"])]
    return [str(request[1]) for request in row["arguments"]]


def _gold(task: Any, row: dict[str, Any], choices: Sequence[str]) -> tuple[int, ...]:
    """Numbers of the right choices; empty where the harness's own target is not one of them."""
    target = task.doc_to_text(row["doc"]) if getattr(task, "multiple_input", 0) else row["target"]
    found = []
    for one in target if isinstance(target, list | tuple) else [target]:
        if isinstance(one, str):
            found.append(choices.index(one) if one in choices else -1)
        else:
            found.append(int(one))
    return tuple(number for number in found if 0 <= number < len(choices))


def _chance(kind: str, main: Main, samples: Sequence[Sample]) -> float | None:
    """The expected score of guessing, where it follows from the form of the task."""
    if (
        kind == "multiple_choice"
        and main.metric in CHOICE_METRICS
        and all(sample.choices for sample in samples)
    ):
        return fmean(1 / len(sample.choices) for sample in samples)
    return 0.0 if kind in ("generate_until", "loglikelihood") and is_ratio(main.metric) else None


def _aggregation(metric: str) -> Any:
    return {
        "bits_per_byte": "per_size",
        "byte_perplexity": "perplexity",
        "word_perplexity": "perplexity",
        "perplexity": "perplexity",
    }.get(metric, "mean")


def _split_score(samples: Sequence[Sample]) -> Score | None:
    values = [sample.tie_split for sample in samples if sample.tie_split is not None]
    if len(values) != len(samples) or not values:
        return None
    return Score(value=fmean(values), stderr=mean_stderr(values))


def _stderr(metric: str, samples: Sequence[Sample]) -> float | None:
    """Standard error of the score over documents: of a mean, or (by linearization) of a ratio of sums."""
    if _aggregation(metric) == "mean":
        return mean_stderr([sample.score for sample in samples])
    if metric != "bits_per_byte" or len(samples) < 2:
        return None
    sizes = [float(sample.byte_count or 0) for sample in samples]
    bits = [sample.score * size for sample, size in zip(samples, sizes, strict=True)]
    ratio, mean_size = sum(bits) / sum(sizes), fmean(sizes)
    return mean_stderr([(bit - ratio * size) / mean_size for bit, size in zip(bits, sizes, strict=True)])


def mean_stderr(values: Sequence[float]) -> float | None:
    """s / sqrt(n) with n - 1, as the harness computes it; None for a single value."""
    return stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None


def _metrics(results: dict[str, Any], rows: Sequence[dict[str, Any]]) -> dict[str, Score]:
    """Every number that the harness returned, keyed ``metric,filter``, with standard errors of means."""
    found = {}
    for key, value in results.items():
        metric, comma, filter_name = key.partition(",")
        if (
            not comma
            or metric.endswith("_stderr")
            or not isinstance(value, int | float)
            or not math.isfinite(value)
        ):
            continue
        values = [row[metric] for row in rows if row["filter"] == filter_name and _is_scalar(row.get(metric))]
        is_mean = len(values) > 1 and math.isclose(fmean(values), value, abs_tol=1e-9)
        found[key] = Score(value=float(value), stderr=mean_stderr(values) if is_mean else None)
    return found
