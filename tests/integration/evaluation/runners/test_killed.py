"""Nothing is computed twice: not after kill -9 at ten places of one run, not in a suite that changed in part."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from evaluation import samples as samples_file
from evaluation.contract import Engine, ModelSource, Protocol, RunReport, RunSpec
from evaluation.runners import earlier
from evaluation.runners.base import Context

pytestmark = [pytest.mark.engine, pytest.mark.filterwarnings("ignore")]

MIRROR = Path(__file__).parents[3] / "data" / "datasets"
KILLS = 10
TASKS = ("blimp_adjunct_island", "blimp_anaphor_number_agreement", "arc_easy", "gsm8k_cot")


class Process:
    """Runs one spec in this process, or in a copy of it that is killed. A copy spares the imports."""

    def __init__(self, model: Path, cache: Path) -> None:
        self.model = model
        self.cache = cache
        self.spec = RunSpec(
            model=ModelSource(name="tiny/causal", revision="local"),
            tasks=TASKS,
            protocol=Protocol(num_fewshot=1, limit=16, batch_size=2),
            engine=Engine.CAUSAL,
        )

    def run(self, output: Path) -> RunReport:
        from evaluation.runners.harness import HarnessRunner

        context = Context(output=output, model=self.model, datasets=MIRROR, cache=self.cache)
        return HarnessRunner().run(self.spec, context)

    def run_and_kill(self, output: Path, at: int) -> None:
        """Kills the run as soon as its journal holds so many answers."""
        child = os.fork()
        if child == 0:
            try:
                self.run(output)
            finally:
                os._exit(1)
        deadline = time.monotonic() + 60
        while answers(output) < at and time.monotonic() < deadline:
            time.sleep(0.001)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), "the run ended before it could be killed"


def answers(output: Path) -> int:
    try:
        return (output / "journal" / "answers.jsonl").read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0


def test_a_run_that_is_killed_ten_times_ends_with_the_samples_of_one_that_was_not(
    causal_model: Path, engine_environment: Path, tmp_path: Path
) -> None:
    process = Process(causal_model, engine_environment)
    whole = process.run(tmp_path / "whole")
    count = answers(tmp_path / "whole")
    cut = tmp_path / "cut"
    before = 0
    for number in range(1, KILLS + 1):
        process.run_and_kill(cut, at=max(before + 1, number * count // (KILLS + 1)))
        after = answers(cut)
        assert before < after < count, "a kill must cost no answer that was given, and come before the last"
        before = after
    resumed = process.run(cut)
    assert resumed.samples == whole.samples
    assert [result.score for result in resumed.results] == [result.score for result in whole.results]
    assert answers(cut) == count, "an answer was computed twice"


def test_a_changed_list_of_tasks_pays_only_for_what_changed(
    causal_model: Path, engine_environment: Path, tmp_path: Path
) -> None:
    process = Process(causal_model, engine_environment)
    model = ModelSource(name="tiny/causal", revision="local", digest="a" * 64)
    first = RunSpec(
        model=model, tasks=("arc_easy",), protocol=Protocol(limit=6, batch_size=2), engine=Engine.CAUSAL
    )
    changed = first.model_copy(update={"tasks": ("blimp_adjunct_island", "arc_easy")})
    process.spec = first
    process.run(tmp_path / "first")
    paid = answers(tmp_path / "first")
    earlier.collect(first, tmp_path / "answers", tmp_path / "first")
    earlier.lend(changed, tmp_path / "answers", tmp_path / "changed")
    process.spec = changed
    report = process.run(tmp_path / "changed")
    assert answers(tmp_path / "changed") == 2 * 6, "only the new task was computed"
    assert f"{paid} answers are those of earlier runs of these weights under this protocol." in report.notes
    whole = process.run(tmp_path / "whole")
    assert [result.score for result in report.results] == [result.score for result in whole.results]
    pairs = zip(
        *(samples_file.read(tmp_path / name / "samples.parquet") for name in ("changed", "whole")),
        strict=True,
    )
    for mine, theirs in pairs:
        assert mine.loglikelihoods == pytest.approx(theirs.loglikelihoods, abs=1e-3)
