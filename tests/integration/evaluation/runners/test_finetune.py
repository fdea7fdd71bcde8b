"""Fine-tuning as a protocol: every seed's predictions kept, the same numbers again, and encoders only."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluation import samples as samples_file
from evaluation.comparing import Measured, comparison_document
from evaluation.comparing.inputs import SAMPLE_COLUMNS
from evaluation.contract import Engine, ModelSource, Progress, Protocol, RunReport, RunSpec, SuiteRef
from evaluation.runners.base import Context, RunFailed
from evaluation.runners.registry import target_of

pytestmark = [pytest.mark.engine, pytest.mark.filterwarnings("ignore")]


def make_spec(name: str = "tiny/bert") -> RunSpec:
    return RunSpec(
        model=ModelSource(name=name, revision="local"),
        suite=SuiteRef(name="demo-finetune", version="1"),
        tasks=("finetune_acceptable",),
        protocol=Protocol(limit=60),
        engine=Engine.AUTO,
    )


def run(model: Path, output: Path, cache: Path, told: list[Progress] | None = None) -> RunReport:
    from evaluation.runners.finetune import FinetuneRunner

    tell = (told if told is not None else []).append
    return FinetuneRunner().run(
        make_spec(), Context(output=output, model=model, cache=cache, report_progress=tell)
    )


@pytest.fixture(scope="module")
def finished(
    masked_model: Path, engine_environment: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[RunReport, Path, list[Progress]]:
    told: list[Progress] = []
    output = tmp_path_factory.mktemp("finetune")
    return run(masked_model, output, engine_environment, told), output, told


def test_a_suite_that_trains_goes_to_the_runner_that_trains() -> None:
    assert target_of(make_spec()).endswith("finetune:FinetuneRunner")


def test_every_example_has_a_prediction_of_every_seed(
    finished: tuple[RunReport, Path, list[Progress]],
) -> None:
    report, output, _ = finished
    (result,) = report.results
    samples = list(samples_file.read(output / "samples.parquet"))
    assert (result.n, result.draws, len(samples)) == (180, 3, 180)
    assert [sample.draw for sample in samples] == [draw for draw in range(3) for _ in range(60)]
    for draw in range(3):
        scores = [sample.score for sample in samples if sample.draw == draw]
        assert result.metrics[f"acc,seed-{draw}"].value == pytest.approx(sum(scores) / 60)
    assert result.score.value == pytest.approx(sum(sample.score for sample in samples) / 180)
    assert all(sample.score == float(sample.prediction == sample.gold) for sample in samples)


def test_the_record_says_which_grid_it_was(finished: tuple[RunReport, Path, list[Progress]]) -> None:
    report, _, told = finished
    assert report.engine is not None
    assert report.engine.engine_version == "finetune-1"
    assert "3 seeds" in report.engine.served_by
    assert report.reproduce is None
    assert "learning rate" in report.notes[0]
    scoring = [progress for progress in told if progress.stage == "scoring"]
    assert (scoring[-1].done, scoring[-1].total) == (600, 600)


def test_trainings_that_were_cut_short_end_with_the_same_numbers(
    finished: tuple[RunReport, Path, list[Progress]], masked_model: Path, engine_environment: Path
) -> None:
    report, output, _ = finished
    journal = output / "journal"
    (journal / "results.jsonl").write_text("")
    answers = (journal / "answers.jsonl").read_text().splitlines(keepends=True)
    assert len(answers) == 6
    (journal / "answers.jsonl").write_text("".join(answers[:5]) + answers[5][:50])
    again = run(masked_model, output, engine_environment)
    assert again.samples == report.samples


def test_only_encoders_are_trained(causal_model: Path, engine_environment: Path, tmp_path: Path) -> None:
    with pytest.raises(RunFailed) as caught:
        run(causal_model, tmp_path, engine_environment)
    assert caught.value.failure.code == "wrong_engine"


def test_what_comes_out_is_compared_like_any_run(
    finished: tuple[RunReport, Path, list[Progress]],
) -> None:
    report, output, _ = finished
    table = samples_file.read_table(output / "samples.parquet", columns=SAMPLE_COLUMNS)
    own = Measured(make_spec(), report, table)
    document = comparison_document(own, own, identifier=None, resamples=200)
    (row,) = document["tasks"]
    assert row["n"] == 60
    assert row["retention"].get("value", 1.0) == 1.0
    assert row["reasoning"]["student"]["draws"] == 3
    assert document["macro"]["ratio"] == 1.0
    assert {one["metric"] for one in document["macro"]["by_metric"]} == {"acc", "mcc", "f1"}
