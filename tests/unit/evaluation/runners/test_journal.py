"""The journal: what a killed run finds again."""

from pathlib import Path

import pytest

from evaluation import samples as samples_file
from evaluation.contract import Score, TaskResult
from evaluation.runners.journal import ANSWERS, FOLDER, SAMPLES, Journal, request_key
from evaluation.samples import Sample


def make_result(task: str = "arc_easy") -> TaskResult:
    return TaskResult(
        task=task,
        task_version="1",
        task_hash="a" * 64,
        output_type="multiple_choice",
        num_fewshot=0,
        metric="acc",
        higher_is_better=True,
        is_ratio=True,
        n=1,
        score=Score(value=1.0),
    )


def make_sample(task: str = "arc_easy", doc_id: int = 0) -> Sample:
    return Sample(task, doc_id, "d", "p", "t", 1.0, loglikelihoods=[-1.5, -2.25])


def test_answers_and_results_are_found_again(tmp_path: Path) -> None:
    with Journal(tmp_path, "one") as journal:
        journal.record_answers([("k1", [-1.0, True]), ("k2", "text\nwith a line")])
        journal.finish(make_result(), [make_sample()])
    with Journal(tmp_path, "one") as again:
        assert again.answer("k1") == [-1.0, True]
        assert again.answer("k2") == "text\nwith a line"
        assert again.finished == {"arc_easy": make_result()}
        assert [sample.loglikelihoods for sample in again.samples(["arc_easy"])] == [[-1.5, -2.25]]


def test_the_journal_of_another_spec_is_thrown_away(tmp_path: Path) -> None:
    with Journal(tmp_path, "one") as journal:
        journal.record_answers([("k1", 1)])
    with Journal(tmp_path, "two") as other:
        assert other.answer("k1") is None
    with Journal(tmp_path, "one") as again:
        assert again.answer("k1") is None


@pytest.mark.parametrize("torn", [1, 5, 20])
def test_a_torn_last_line_is_dropped_and_later_lines_are_whole(tmp_path: Path, torn: int) -> None:
    with Journal(tmp_path, "one") as journal:
        journal.record_answers([("k1", 1), ("k2", 2)])
    path = tmp_path / FOLDER / ANSWERS
    path.write_bytes(path.read_bytes()[:-torn])
    with Journal(tmp_path, "one") as again:
        assert (again.answer("k1"), again.answer("k2")) == (1, None)
        again.record_answers([("k3", 3)])
    with Journal(tmp_path, "one") as final:
        assert (final.answer("k1"), final.answer("k3")) == (1, 3)


def test_a_result_whose_samples_are_missing_does_not_count(tmp_path: Path) -> None:
    with Journal(tmp_path, "one") as journal:
        journal.finish(make_result(), [make_sample()])
    for path in (tmp_path / FOLDER).glob("*.parquet"):
        path.unlink()
    with Journal(tmp_path, "one") as again:
        assert again.finished == {}


def test_samples_are_written_in_the_order_of_the_spec(tmp_path: Path) -> None:
    with Journal(tmp_path, "one") as journal:
        journal.finish(make_result("b"), [make_sample("b")])
        journal.finish(make_result("a"), [make_sample("a", 0), make_sample("a", 1)])
        reference = journal.write_samples(tmp_path / SAMPLES, ["a", "b"])
    assert reference.name == SAMPLES
    assert reference.size == (tmp_path / SAMPLES).stat().st_size
    rows = [(sample.task, sample.doc_id) for sample in samples_file.read(tmp_path / SAMPLES)]
    assert rows == [("a", 0), ("a", 1), ("b", 0)]


def test_request_keys_tell_methods_and_arguments_apart() -> None:
    keys = {
        request_key("loglikelihood", ["a", "b"]),
        request_key("loglikelihood", ["ab", ""]),
        request_key("x", ["a", "b"]),
    }
    assert len(keys) == 3
