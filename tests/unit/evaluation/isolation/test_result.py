"""What a run leaves is a claim: rows 63 and 64 of the bad-input table, and reports that cannot be true."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from evaluation import samples
from evaluation.contract import (
    Failure,
    Fault,
    FileRef,
    ModelSource,
    Protocol,
    RunReport,
    RunSpec,
    Score,
    TaskResult,
)
from evaluation.isolation.output import Lines, Log, clean, read_progress
from evaluation.isolation.result import BadResult, open_output, open_samples, read_report
from evaluation.runners.journal import file_ref
from evaluation.samples import Sample

SPEC = RunSpec(model=ModelSource(name="org/x", revision="1"), tasks=("t",), protocol=Protocol(limit=10))


def result(**changes: Any) -> TaskResult:
    values: dict[str, Any] = {
        "task": "t",
        "task_version": "1",
        "task_hash": "0" * 64,
        "output_type": "multiple_choice",
        "num_fewshot": 0,
        "metric": "acc",
        "higher_is_better": True,
        "is_ratio": True,
        "n": 10,
        "score": Score(value=0.5),
    }
    return TaskResult.model_validate({**values, **changes})


TEN = [Sample("t", number, "d", "p", "g", 1.0) for number in range(10)]


def leave(folder: Path, *results: TaskResult, rows: list[Sample] = TEN, **changes: Any) -> None:
    samples.write(folder / "samples.parquet", rows)
    report = RunReport(
        identity=SPEC.identity(), results=results or (result(),), samples=file_ref(folder / "samples.parquet")
    )
    document = report.model_dump(mode="json") | changes
    (folder / "report.json").write_text(json.dumps(document))


def test_a_true_report_is_read(tmp_path: Path) -> None:
    leave(tmp_path)
    report = read_report(tmp_path, SPEC, expected={"t": 10})
    assert isinstance(report, RunReport)
    assert report.results[0].score.value == 0.5


def test_a_failure_is_a_report_too(tmp_path: Path) -> None:
    failure = Failure(code="x_y", fault=Fault.SUBMITTER, message="m")
    report = RunReport(identity=SPEC.identity(), failure=failure)
    (tmp_path / "report.json").write_bytes(report.model_dump_json().encode())
    assert read_report(tmp_path, SPEC).failure == failure


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (result(score=Score(value=1.7)), "between 0 and 1"),
        (result(score=Score(value=-0.1)), "between 0 and 1"),
        (result(metrics={"acc_norm,none": Score(value=2.0)}), "between 0 and 1"),
        (result(n=11), "must have 10"),
        (result(n=9), "must have 10"),
        (result(ties=11), "more ties"),
        (result(task="other"), "expected tasks are missing"),
    ],
)
def test_a_report_that_cannot_be_true_is_refused(tmp_path: Path, changed: TaskResult, words: str) -> None:
    leave(tmp_path, changed)
    with pytest.raises(BadResult, match=words):
        read_report(tmp_path, SPEC, expected={"t": 10})


def test_a_task_twice_is_refused(tmp_path: Path) -> None:
    leave(tmp_path, result(), result())
    with pytest.raises(BadResult, match="twice"):
        read_report(tmp_path, SPEC)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"null", b"[]", b"{}", b'{"kind": "run"', b"\xff\xfe", b"[" * 100_000,
        b'{"kind": "run", "identity": "' + b"0" * 64 + b'"}', b'{"kind": "pair", "identity": "' + b"0" * 64 + b'"}',
    ],
)  # fmt: skip
def test_63_what_has_another_form_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "report.json").write_bytes(content)
    with pytest.raises(BadResult):
        read_report(tmp_path, SPEC)


def test_63_a_score_that_is_no_number_is_refused(tmp_path: Path) -> None:
    leave(tmp_path)
    text = (tmp_path / "report.json").read_text()
    for wrong in ("NaN", "Infinity", "1e400", "null", '"0.5"'):
        (tmp_path / "report.json").write_text(text.replace('"value": 0.5', f'"value": {wrong}'))
        if wrong != '"0.5"':
            with pytest.raises(BadResult):
                read_report(tmp_path, SPEC)


def test_63_fields_of_its_own_are_refused(tmp_path: Path) -> None:
    leave(tmp_path, extra=1)
    with pytest.raises(BadResult):
        read_report(tmp_path, SPEC)


@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "device", "missing", "large"])
def test_63_what_is_no_plain_small_file_is_refused(tmp_path: Path, kind: str) -> None:
    (tmp_path / "elsewhere").write_text("{}")
    path = tmp_path / "report.json"
    if kind == "link":
        path.symlink_to(tmp_path / "elsewhere")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "large":
        with path.open("wb") as file:
            file.truncate(2 << 30)
    with pytest.raises(BadResult):
        read_report(tmp_path, SPEC)


def test_63_a_folder_that_became_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    leave(tmp_path / "real")
    (tmp_path / "out").symlink_to(tmp_path / "real")
    with pytest.raises(BadResult):
        open_output(tmp_path / "out", "report.json", limit=1 << 20)


def test_samples_are_those_that_the_report_describes(tmp_path: Path) -> None:
    leave(tmp_path)
    reference = file_ref(tmp_path / "samples.parquet")
    open_samples(tmp_path, reference, limit=1 << 20).close()
    for wrong in (
        FileRef(name="samples.parquet", sha256="0" * 64, size=reference.size),
        FileRef(name="other.parquet", sha256=reference.sha256, size=reference.size),
    ):
        with pytest.raises(BadResult):
            open_samples(tmp_path, wrong, limit=1 << 20)
    with pytest.raises(BadResult):
        open_samples(tmp_path, reference, limit=10)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([Sample("t", number, "d", "p", "g", 1.0) for number in range(9)], "9 samples in the file"),
        ([Sample("u", number, "d", "p", "g", 1.0) for number in range(10)], "other tasks"),
        ([Sample("t", number, "d", "p", "g", float("nan")) for number in range(10)], "without a score"),
    ],
)
def test_samples_must_agree_with_the_results(tmp_path: Path, rows: list[Sample], words: str) -> None:
    leave(tmp_path, rows=rows)
    with pytest.raises(BadResult, match=words):
        read_report(tmp_path, SPEC)


def test_more_documents_than_the_limit_are_refused(tmp_path: Path) -> None:
    leave(tmp_path, result(n=11), rows=[Sample("t", number, "d", "p", "g", 1.0) for number in range(11)])
    with pytest.raises(BadResult, match="more than the limit of 10"):
        read_report(tmp_path, SPEC)


def test_a_samples_file_that_is_none_is_refused(tmp_path: Path) -> None:
    leave(tmp_path)
    (tmp_path / "samples.parquet").write_bytes(b"PAR1 hello PAR1")
    described = file_ref(tmp_path / "samples.parquet").model_dump(mode="json")
    document = json.loads((tmp_path / "report.json").read_text()) | {"samples": described}
    (tmp_path / "report.json").write_text(json.dumps(document))
    with pytest.raises(BadResult, match="cannot be read"):
        read_report(tmp_path, SPEC)


def test_results_without_samples_are_refused(tmp_path: Path) -> None:
    leave(tmp_path, samples=None)
    with pytest.raises(BadResult, match="no samples"):
        read_report(tmp_path, SPEC)


def test_64_a_log_is_plain_text() -> None:
    dirty = b"\x1b[31mred\x1b[0m \x1b]0;title\x07bell\x07 \x9b2J \xe2\x80\xaeright \x00nul \xff"
    assert clean(dirty) == "red bell  right nul \ufffd"


@pytest.mark.parametrize(
    "secret",
    [
        "hf_" + "a" * 34,
        *(name + "b" * 40 for name in ("zoo_", "zoow_")),
        "ghp_" + "c" * 36,
        "AKIA" + "D" * 16,
        "sk-" + "e" * 40,
    ],
)
def test_64_what_looks_like_a_secret_is_masked(secret: str) -> None:
    assert secret not in clean(f"token={secret} end".encode())


def test_64_no_more_than_the_limit_is_kept() -> None:
    log = Log(1000)
    for _ in range(10_000):
        log.feed(b"x" * 99 + b"\n")
    assert len(log.tail) < 1200
    assert "more than is kept" in log.tail


def test_the_last_words_are_whole_lines_that_fit() -> None:
    log = Log(10_000)
    log.feed(b"first\nsecond\nthird\n")
    assert log.last_words(100) == "first\nsecond\nthird"
    assert log.last_words(9) == "third"
    log.feed(b"z" * 50 + b"\n")
    assert log.last_words(10) == "z" * 10


def test_64_a_line_without_end_takes_bounded_memory() -> None:
    lines = Lines()
    found = [line for _ in range(100) for line in lines.feed(b"y" * 50_000)]
    assert [len(line) for line in found] == [64 << 10]
    assert list(lines.feed(b"rest\nnext\n")) == [b"next"]


def test_progress_is_read_and_anything_else_is_not() -> None:
    read = read_progress(b'{"stage": "scoring", "done": 3, "total": 9, "message": "\\u001b[31mred"}')
    assert read is not None
    assert (read.done, read.message) == (3, "red")
    for other in (
        b"hello",
        b"{}",
        b'{"stage": "scoring", "done": -1}',
        b'{"stage": "scoring", "x": 1}',
        b"[1]",
    ):
        assert read_progress(other) is None
