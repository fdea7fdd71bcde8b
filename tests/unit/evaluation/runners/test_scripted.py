"""The scripted runner: answers that depend on nothing but the spec."""

from pathlib import Path

import pytest

from evaluation import samples as samples_file
from evaluation.contract import Engine, ModelSource, Progress, Protocol, RunSpec
from evaluation.runners.base import Context, RunFailed
from evaluation.runners.journal import Journal, request_key
from evaluation.runners.registry import runner_for
from evaluation.runners.scripted import ScriptedRunner, script_of


def make_spec(
    *tasks: str,
    model: str = "scripted/teacher-p90",
    protocol: Protocol = Protocol(),  # noqa: B008
) -> RunSpec:
    return RunSpec(
        model=ModelSource(name=model, revision="1"), tasks=tasks, engine=Engine.SCRIPTED, protocol=protocol
    )


def test_the_same_spec_gives_the_same_results_and_samples(tmp_path: Path) -> None:
    spec = make_spec("scripted_choice.n-50", "scripted_generate.n-20", "scripted_rolling.n-10")
    first = ScriptedRunner().run(spec, Context(output=tmp_path / "a"))
    second = ScriptedRunner().run(spec, Context(output=tmp_path / "b"))
    assert first.samples == second.samples
    assert [result.score for result in first.results] == [result.score for result in second.results]


def test_a_model_is_right_about_as_often_as_its_name_says(tmp_path: Path) -> None:
    report = ScriptedRunner().run(make_spec("scripted_choice.n-2000"), Context(output=tmp_path))
    assert report.results[0].score.value == pytest.approx(0.9, abs=0.02)


def test_two_models_see_the_same_documents_and_prompts(tmp_path: Path) -> None:
    for name in ("teacher-p90", "student-p80"):
        spec = make_spec("scripted_pair.n-30", model=f"scripted/{name}")
        ScriptedRunner().run(spec, Context(output=tmp_path / name))
    teacher, student = (
        list(samples_file.read(tmp_path / name / "samples.parquet"))
        for name in ("teacher-p90", "student-p80")
    )
    assert [(s.doc_hash, s.prompt_hash) for s in teacher] == [(s.doc_hash, s.prompt_hash) for s in student]


def test_a_weaker_model_mostly_fails_where_the_stronger_one_fails(tmp_path: Path) -> None:
    scores = []
    for name in ("teacher-p90", "student-p70"):
        spec = make_spec("scripted_choice.n-1000", model=f"scripted/{name}")
        ScriptedRunner().run(spec, Context(output=tmp_path / name))
        scores.append([s.score for s in samples_file.read(tmp_path / name / "samples.parquet")])
    gained = sum(student > teacher for teacher, student in zip(*scores, strict=True))
    assert gained < 80


def test_the_prediction_is_the_most_likely_choice_and_right_when_the_score_says_so(tmp_path: Path) -> None:
    ScriptedRunner().run(make_spec("scripted_choice.n-100"), Context(output=tmp_path))
    for sample in samples_file.read(tmp_path / "samples.parquet"):
        best = max(range(4), key=lambda choice: sample.loglikelihoods[choice])
        assert sample.prediction == best
        assert sample.score == float(sample.prediction == sample.gold)


def test_progress_counts_every_request_once(tmp_path: Path) -> None:
    told: list[Progress] = []
    context = Context(output=tmp_path, report_progress=told.append)
    ScriptedRunner().run(make_spec("scripted_choice.n-20", "scripted_pair.n-9"), context)
    counts = [progress.done for progress in told if progress.stage == "scoring"]
    assert counts == sorted(counts)
    assert counts[-1] == told[-2].total == 29


def test_limit_takes_the_first_documents(tmp_path: Path) -> None:
    spec = make_spec("scripted_choice.n-20", protocol=Protocol(limit=5))
    assert ScriptedRunner().run(spec, Context(output=tmp_path)).results[0].n == 5


def test_an_unknown_scripted_task_is_refused_with_the_known_names(tmp_path: Path) -> None:
    with pytest.raises(RunFailed) as caught:
        script_of("scripted_nonsense")
    assert caught.value.failure.code == "unknown_task"
    assert "scripted_choice" in caught.value.failure.remedy


def test_a_finished_task_is_not_measured_again(tmp_path: Path) -> None:
    spec = make_spec("scripted_choice.n-10", "scripted_error.n-10")
    with pytest.raises(RuntimeError):
        ScriptedRunner().run(spec, Context(output=tmp_path))
    with Journal(tmp_path, spec.identity()) as journal:
        assert list(journal.finished) == ["scripted_choice.n-10"]
        assert journal.answer(request_key("scripted_error.n-10", [4])) == 4
        assert journal.answer(request_key("scripted_error.n-10", [5])) is None


def test_the_registry_gives_the_scripted_runner_for_its_engine() -> None:
    assert isinstance(runner_for(make_spec("scripted_choice")), ScriptedRunner)
