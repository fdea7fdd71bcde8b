"""Which reported benchmark is which task here. Only names that mean the same data and the same question are listed.

What a source calls a benchmark is printed as it stands; this table is the one place where it is read.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Equivalent(NamedTuple):
    """A task here: its metric, the level of guessing, and settings that belong to the task itself."""

    task: str
    metric: str
    chance: float | None = None
    settings: tuple[tuple[str, str], ...] = ()


_BY_NAME: dict[tuple[str, str], Equivalent] = {
    ("AIME 2024", "pass@1"): Equivalent("aime_2024", "exact_match", 0.0),
    ("MATH-500", "pass@1"): Equivalent("math_500", "exact_match", 0.0),
    ("GPQA Diamond", "pass@1"): Equivalent("gpqa_diamond", "exact_match", 0.25),
    ("ARC-Easy", "acc"): Equivalent("arc_easy", "acc", 0.25),
    ("ARC-Challenge", "acc_norm"): Equivalent("arc_challenge", "acc_norm", 0.25),
    ("HellaSwag", "acc_norm"): Equivalent("hellaswag", "acc_norm", 0.25),
    ("PIQA", "acc_norm"): Equivalent("piqa", "acc_norm", 0.5),
    ("IFEval", "prompt-level strict"): Equivalent("ifeval", "prompt_level_strict_acc", 0.0),
}
_GLUE = {
    "CoLA": ("glue_cola", "mcc", None),
    "SST-2": ("glue_sst2", "acc", 0.5),
    "MRPC": ("glue_mrpc", "acc", 0.5),
    "QQP": ("glue_qqp", "acc", 0.5),
    "MNLI": ("glue_mnli", "acc", 1 / 3),
    "MNLI-m": ("glue_mnli", "acc", 1 / 3),
    "QNLI": ("glue_qnli", "acc", 0.5),
    "RTE": ("glue_rte", "acc", 0.5),
    "WNLI": ("glue_wnli", "acc", 0.5),
    "STS-B": ("glue_stsb", "spearman", None),
}
_HARNESS = {
    "lambada_openai": 0.0, "piqa": 0.5, "winogrande": 0.5, "arc_easy": 0.25, "arc_challenge": 0.25, "sciq": 0.25,
    "logiqa": 0.25, "openbookqa": 0.25, "hellaswag": 0.25, "boolq": 0.5,
}  # fmt: skip
"""Tasks that sources name as the harness does, with the level of guessing."""
_RUNS_CODE = ("HumanEval", "MBPP", "LiveCodeBench", "SWE-bench", "Aider", "Codeforces", "EvalPlus")
_NO_RATIO = re.compile(
    r"CoLA|STS-B|rating|percentile|change against|claimed|reduction|speed|size|time|MT-Bench|win rate"
    r"|Matthews|Spearman",
    re.IGNORECASE,
)
_SHOTS = re.compile(r"\b(\d+)[- ]shot", re.IGNORECASE)
NO_SANDBOX = "it runs what the model writes, and there is no sandbox for that here"


def equivalent(benchmark: str, metric: str) -> Equivalent | None:
    """The task here that measures the same, or None."""
    if benchmark.startswith("GLUE dev: "):
        found = _GLUE.get(benchmark.removeprefix("GLUE dev: "))
        return Equivalent(*found) if found else None
    if benchmark in _HARNESS and metric in ("acc", "acc_norm"):
        return Equivalent(benchmark, metric, _HARNESS[benchmark])
    return _BY_NAME.get((benchmark, metric))


def runs_code(benchmark: str) -> bool:
    """Whether a benchmark executes what the model writes."""
    return benchmark.startswith(_RUNS_CODE)


def is_ratio(benchmark: str, metric: str, unit: str, *, lower_is_better: bool) -> bool:
    """Whether two reported values of this kind may be divided: higher is better, and zero means none."""
    return (
        not lower_is_better
        and unit in ("percent", "ratio", "points")
        and not _NO_RATIO.search(f"{benchmark} {metric}")
    )


def settings_of(text: str) -> tuple[tuple[str, str], ...]:
    """What of a source's words on settings can be held against ours: the number of examples."""
    found = {int(number) for number in _SHOTS.findall(text)}
    return (("num_fewshot", str(found.pop())),) if len(found) == 1 else ()
