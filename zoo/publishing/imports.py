"""Files of scores that others measured, read within limits: lm-eval's results document and ``.eval_results`` lists.

Pure. Numbers are taken as they are printed, whatever their scale; nothing is computed from them.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field

from evaluation.formats import bounded_json, card
from evaluation.formats.bounded_json import Json
from evaluation.formats.errors import FormatError

MAX_BYTES = 8 << 20
MAX_SCORES = 5_000
_RUN_SETTINGS = (
    *(
        "model",
        "model_args",
        "model_dtype",
        "batch_size",
        "limit",
        "num_fewshot",
        "random_seed",
        "gen_kwargs",
    ),
)


@dataclass(frozen=True, slots=True)
class Score:
    """One number as it is printed."""

    task: str
    value: float
    metric: str = ""
    filter: str = ""
    stderr: float | None = None
    task_version: str = ""
    n: int | None = None
    num_fewshot: int | None = None
    higher_is_better: bool | None = None
    date: str = ""
    source: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class File:
    """What a file says."""

    format: str
    scores: tuple[Score, ...]
    model: str = ""
    revision: str = ""
    harness_version: str = ""
    limited: bool = False
    protocol: dict[str, str] = field(default_factory=dict)


def read(data: bytes) -> File:
    """The file, whichever of the two it is. Raises FormatError saying what is wrong with it."""
    if len(data) > MAX_BYTES:
        raise FormatError("file_too_large", f"The file has {len(data)} bytes and may have {MAX_BYTES}.")
    found = _harness(data) if data.lstrip()[:1] == b"{" else _entries(data)
    if not found.scores:
        raise FormatError("no_scores", "The file holds no score.", "Give a results file with finished tasks.")
    if len(found.scores) > MAX_SCORES:
        raise FormatError("too_many_scores", f"The file holds more than {MAX_SCORES} scores.")
    return found


def _harness(data: bytes) -> File:
    document = bounded_json.parse_object(data, name="The results file", max_bytes=MAX_BYTES)
    if not isinstance(document.get("results"), dict) or not isinstance(document.get("config"), dict):
        raise FormatError(
            "not_lm_eval",
            "The file is no results document of lm-eval: it needs 'results' and 'config'.",
            "Give the file results_<date>.json that lm-eval wrote with --output_path.",
        )
    config = _object(document, "config")
    return File(
        format="lm-eval",
        scores=tuple(_harness_scores(document)),
        model=_text(document.get("model_name")) or _model_of(config.get("model_args")),
        revision=_text(config.get("model_sha")) or _text(config.get("model_revision")),
        harness_version=_text(document.get("lm_eval_version"), 40),
        limited=config.get("limit") not in (None, 0),
        protocol={
            name: _text(_shown(config[name]), 500)
            for name in _RUN_SETTINGS
            if config.get(name) not in (None, "", {}, [])
        },
    )


def _harness_scores(document: dict[str, Json]) -> list[Score]:
    counts, shots = _object(document, "n-samples"), _object(document, "n-shot")
    versions, higher = _object(document, "versions"), _object(document, "higher_is_better")
    found = []
    for task, rows in _object(document, "results").items():
        if not isinstance(rows, dict):
            continue
        for key, value in rows.items():
            metric, comma, name = key.partition(",")
            if not comma or metric.endswith("_stderr") or not _is_number(value):
                continue
            direction = _object(higher, task).get(metric)
            found.append(
                Score(
                    task=task[:300],
                    value=_number(value),
                    metric=metric[:120],
                    filter=name[:120],
                    stderr=_number_or_none(rows.get(f"{metric}_stderr,{name}")),
                    task_version=_text(_shown(versions.get(task)), 40),
                    n=_count(_object(counts, task).get("effective")),
                    num_fewshot=_count(shots.get(task)),
                    higher_is_better=direction if isinstance(direction, bool) else None,
                )
            )
    return found


def _entries(data: bytes) -> File:
    """The hub's list: checked by the hub library's own reader after the limits are."""
    from huggingface_hub import parse_eval_result_entries

    text = data.decode("utf-8", "replace").removeprefix("\ufeff").removeprefix("---\n")
    try:
        rows = card.read_front(f"entries:\n{text}").get("entries")
    except FormatError as error:
        raise FormatError("not_eval_results", "The file is no YAML that can be read safely.") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise FormatError(
            "not_eval_results",
            "The file is neither lm-eval's results document nor a list of .eval_results entries.",
            "An entry holds 'dataset' (with 'id' and 'task_id') and 'value'.",
        )
    try:
        entries = parse_eval_result_entries([row for row in rows if isinstance(row, dict)])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise FormatError(
            "not_eval_results", f"An entry is incomplete: {error}", "It needs 'dataset' and 'value'."
        ) from error
    scores = [
        Score(
            task=_text(entry.dataset_id, 200) + (f"/{_text(entry.task_id, 90)}" if entry.task_id else ""),
            value=_number(entry.value),
            task_version=_text(entry.dataset_revision, 40),
            date=_text(entry.date, 40),
            source=_text(entry.source_url or entry.source_name or entry.source_org or "", 400),
            note=_text(entry.notes, 500),
        )
        for entry in entries
        if _is_number(entry.value)
    ]
    return File(format="eval-results", scores=tuple(scores))


def _model_of(arguments: Json) -> str:
    """The model in ``model_args``, which is an object in newer files and a text in older ones."""
    if isinstance(arguments, dict):
        return _text(arguments.get("pretrained") or arguments.get("model"))
    pairs = dict(part.partition("=")[::2] for part in str(arguments or "").split(","))
    return _text(pairs.get("pretrained") or pairs.get("model"))


def _object(value: dict[str, Json], key: str) -> dict[str, Json]:
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _number_or_none(value: Json) -> float | None:
    return _number(value) if _is_number(value) else None


def _count(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 31 else None


def _shown(value: Json) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)


def _text(value: object, length: int = 200) -> str:
    return str(value)[:length] if value else ""
