"""The macro score as GLUE's claims form it: every task's own metric, medians over seeds, and no mixing in silence."""

from __future__ import annotations

import pyarrow as pa
import pytest

from evaluation.comparing.inputs import Measured
from evaluation.comparing.macro import macro_of
from evaluation.contract import ModelSource, RunReport, RunSpec, Score, SuiteRef, TaskResult
from evaluation.samples import SCHEMA
from evaluation.suites import loader

GLUE = loader.load("glue-distilbert", "1")
# DistilBERT (Sanh et al. 2019), Table 1, as the catalog has it: CoLA, SST-2, MRPC, STS-B, QQP, MNLI, QNLI, RTE, WNLI.
BERT = (56.3, 92.7, 88.6, 89.0, 89.6, 86.7, 91.8, 69.3, 53.5)
DISTILBERT = (51.3, 91.3, 87.5, 86.9, 88.5, 82.2, 89.2, 59.9, 56.3)


def side(values: tuple[float, ...], leave_out: int = 0) -> Measured:
    results = tuple(
        TaskResult(
            task=task.name, task_version="1", task_hash="0" * 64, output_type="multiple_choice", num_fewshot=0,
            metric=task.metric, higher_is_better=True, is_ratio=task.metric == "acc", n=10,
            score=Score(value=0.1),
            metrics={f"{task.metric},{kind}": Score(value=value / 100) for kind in ("median", "none")},
        )
        for task, value in zip(GLUE.tasks, values, strict=True)
    )  # fmt: skip
    spec = RunSpec(
        model=ModelSource(name="a/b", revision="1"),
        suite=SuiteRef(name=GLUE.name, version=GLUE.version),
        tasks=GLUE.task_names,
    )
    report = RunReport(identity=spec.identity(), results=results[leave_out:])
    return Measured(spec, report, pa.Table.from_pylist([], schema=SCHEMA))


def test_the_papers_own_scores_give_the_papers_macro_and_its_share() -> None:
    macro = macro_of(side(DISTILBERT), side(BERT))
    assert macro is not None
    assert macro["student"] == pytest.approx(0.770, abs=0.0006)
    assert macro["teacher"] == pytest.approx(0.797, abs=0.0006)
    assert macro["tasks"] == 9
    assert "Sanh et al. 2019" in macro["source"]


def test_each_metric_has_its_own_mean_and_correlations_have_no_ratio() -> None:
    macro = macro_of(side(DISTILBERT), side(BERT))
    assert macro is not None
    rows = {row["metric"]: row for row in macro["by_metric"]}
    assert {name: row["tasks"] for name, row in rows.items()} == {"mcc": 1, "acc": 7, "spearman": 1}
    assert rows["mcc"]["retention"]["undefined"] == "not_a_ratio_metric"
    assert 0.9 < rows["acc"]["retention"]["value"] < 1


def test_a_macro_needs_all_of_its_tasks_and_a_suite_that_defines_one() -> None:
    assert macro_of(side(DISTILBERT, leave_out=1), side(BERT, leave_out=1)) is None
    loose = side(BERT).spec.model_copy(update={"suite": None})
    alone = Measured(loose, side(BERT).report, pa.Table.from_pylist([], schema=SCHEMA))
    assert macro_of(alone, alone) is None
