"""Drawn answers beside a task's row: pass@1, maj@k, and the refusal when too many were cut off."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from evaluation.comparing.drawn import with_draws
from evaluation.comparing.inputs import Measured
from evaluation.contract import ModelSource, RunReport, RunSpec, Score, SuiteRef, TaskResult
from evaluation.samples import SCHEMA, Sample

TASK = "gsm8k_drawn"
DRAWS, ITEMS = 4, 30


def measured(right: int, *, cut: int = 0, drop: int = 0) -> Measured:
    """Each item has `right` right draws of four; the first `cut` answers are cut off, the last `drop` are lost."""
    samples = [
        Sample(
            task=TASK, doc_id=item, doc_hash=f"d{item}", prompt_hash="p", target_hash="t",
            score=float(draw < right - (item % 2)), draw=draw, target="42",
            answer="42" if draw < right - (item % 2) else f"wrong {draw}", tokens=100 + draw,
            truncated=item * DRAWS + draw < cut,
        )
        for item in range(ITEMS) for draw in range(DRAWS)
    ]  # fmt: skip
    samples = samples[: len(samples) - drop]
    result = TaskResult(
        task=TASK, task_version="1", task_hash="0" * 64, output_type="generate_until", num_fewshot=0,
        metric="exact_match", higher_is_better=True, is_ratio=True, n=len(samples), draws=DRAWS,
        score=Score(value=0.5),
    )  # fmt: skip
    spec = RunSpec(
        model=ModelSource(name="a/b", revision="1"),
        suite=SuiteRef(name="reasoning-quick", version="1"),
        tasks=(TASK,),
    )
    report = RunReport(identity=spec.identity(), results=(result,))
    return Measured(spec, report, pa.Table.from_pylist([s._asdict() for s in samples], schema=SCHEMA))


def found(side: Measured) -> dict[str, Any] | None:
    document = with_draws({"tasks": [{"task": TASK}]}, side, None)
    reasoning: dict[str, Any] = document["tasks"][0].get("reasoning", {})
    return reasoning.get("student")


def test_pass_and_majority_are_read_from_the_draws() -> None:
    numbers = found(measured(3))
    assert numbers is not None
    assert (numbers["items"], numbers["draws"]) == (ITEMS, DRAWS)
    assert numbers["pass_at_1"]["value"] == pytest.approx((0.75 + 0.5) / 2)
    assert numbers["maj_at_k"]["value"] == 1.0  # Right answers agree with each other, wrong ones do not.
    assert numbers["mean_tokens"] == pytest.approx(101.5)
    assert numbers["truncation_rate"] == 0.0


def test_flips_are_counted_draw_by_draw() -> None:
    student, teacher = measured(2), measured(3)
    (row,) = with_draws({"tasks": [{"task": TASK}]}, student, teacher)["tasks"]
    assert row["flips"]["n"] == ITEMS * DRAWS
    outcomes = row["samples"]
    assert sum(outcomes[name] for name in ("both", "lost", "gained", "neither")) == ITEMS * DRAWS
    right = [sum(side.samples["score"].to_pylist()) for side in (student, teacher)]
    assert outcomes["both"] + outcomes["gained"] == right[0]
    assert outcomes["both"] + outcomes["lost"] == right[1]


def test_too_many_answers_cut_off_leave_no_score_and_say_how_many() -> None:
    numbers = found(measured(3, cut=15))
    assert numbers is not None
    assert numbers["pass_at_1"]["undefined"] == "not_measured"
    assert "12.5% of the answers were cut off" in numbers["pass_at_1"]["message"]


def test_draws_that_are_missing_give_no_numbers() -> None:
    assert found(measured(3, drop=1)) is None


def test_tasks_with_one_answer_stay_as_they_are() -> None:
    side = measured(3)
    once = side.report.results[0].model_copy(update={"draws": 1})
    alone = replace(side, report=side.report.model_copy(update={"results": (once,)}))
    assert found(alone) is None
