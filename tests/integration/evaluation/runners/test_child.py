"""The child process itself: what it leaves behind, whatever happens to it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evaluation import samples as samples_file
from evaluation.contract import Engine, ModelSource, Progress, RunReport, RunSpec

ROOT = Path(__file__).parents[4]


def make_spec(folder: Path, *tasks: str) -> Path:
    spec = RunSpec(
        model=ModelSource(name="scripted/teacher-p90", revision="1"), tasks=tasks, engine=Engine.SCRIPTED
    )
    path = folder / "spec.json"
    path.write_text(spec.model_dump_json())
    return path


def child(spec: Path, out: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "evaluation", str(spec), str(out), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)


def run(folder: Path, *tasks: str) -> tuple[int, str, str]:
    process = child(make_spec(folder, *tasks), folder / "out")
    stdout, stderr = process.communicate(timeout=60)
    return process.returncode, stdout, stderr


def report(folder: Path) -> RunReport:
    return RunReport.model_validate_json((folder / "out" / "report.json").read_bytes())


def test_a_run_leaves_a_report_samples_and_progress_lines(tmp_path: Path) -> None:
    code, stdout, _ = run(tmp_path, "scripted_choice.n-20", "scripted_generate.n-10")
    assert code == 0
    progress = [Progress.model_validate_json(line) for line in stdout.splitlines()]
    assert progress[0].stage == "loading"
    assert progress[-1].stage == "writing"
    assert [result.n for result in report(tmp_path).results] == [20, 10]
    rows = samples_file.read_table(tmp_path / "out" / "samples.parquet")
    assert rows.num_rows == 30


@pytest.mark.parametrize(
    ("task", "code", "fault"),
    [
        ("scripted_error", "runner_error", "platform"),
        ("scripted_refuse", "scripted_refusal", "submitter"),
        ("scripted_nan", "non_finite_outputs", "submitter"),
        ("scripted_oom", "out_of_memory", "platform"),
        ("scripted_deep", "runner_error", "platform"),
        ("scripted_threads", "runner_error", "platform"),
        ("scripted_what", "unknown_task", "submitter"),
    ],
)
def test_whatever_goes_wrong_becomes_a_failure_in_the_report(
    tmp_path: Path, task: str, code: str, fault: str
) -> None:
    exit_code, _, _ = run(tmp_path, "scripted_choice.n-5", task)
    failure = report(tmp_path).failure
    assert exit_code == 70
    assert failure is not None
    assert (failure.code, failure.fault) == (code, fault)


def test_a_spec_of_another_version_or_with_unknown_fields_is_bad_usage(tmp_path: Path) -> None:
    document = json.loads(make_spec(tmp_path, "scripted_choice").read_text())
    for change in ({"version": 2}, {"surprise": 1}, {"kind": "other"}, {"tasks": []}):
        path = tmp_path / "bad.json"
        path.write_text(json.dumps(document | change))
        process = child(path, tmp_path / "out")
        _, stderr = process.communicate(timeout=60)
        assert process.returncode == 64
        assert "cannot be read" in stderr


def test_a_killed_run_goes_on_where_it_stopped_and_ends_with_the_same_numbers(tmp_path: Path) -> None:
    code, _, _ = run(tmp_path, "scripted_choice.n-20", "scripted_flaky.n-40")
    assert code == -signal.SIGKILL
    code, stdout, _ = run(tmp_path, "scripted_choice.n-20", "scripted_flaky.n-40")
    assert code == 0
    undisturbed = tmp_path / "undisturbed"
    (undisturbed / "out").mkdir(parents=True)
    (undisturbed / "out" / "struck").touch()
    run(undisturbed, "scripted_choice.n-20", "scripted_flaky.n-40")
    assert report(tmp_path).samples == report(undisturbed).samples
    assert '"done":20' not in stdout.replace(" ", ""), "the finished task was measured again"


def test_sigterm_leaves_a_report_that_says_cancelled(tmp_path: Path) -> None:
    process = child(make_spec(tmp_path, "scripted_slow.seconds-30"), tmp_path / "out")
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode == 70
    failure = report(tmp_path).failure
    assert failure is not None
    assert failure.code == "cancelled"


def test_progress_goes_to_the_named_descriptor_and_nothing_else_does(tmp_path: Path) -> None:
    read, write = os.pipe()
    spec = make_spec(tmp_path, "scripted_choice.n-8")
    command = [
        sys.executable,
        "-m",
        "evaluation",
        str(spec),
        str(tmp_path / "out"),
        "--progress-fd",
        str(write),
    ]
    done = subprocess.run(
        command, pass_fds=[write], capture_output=True, text=True, check=True, cwd=ROOT, timeout=60
    )
    os.close(write)
    with os.fdopen(read) as stream:
        lines = stream.read().splitlines()
    assert done.stdout == ""
    assert Progress.model_validate_json(lines[0]).stage == "loading"


def test_a_run_does_not_stop_because_nobody_reads_its_progress(tmp_path: Path) -> None:
    process = child(make_spec(tmp_path, "scripted_slow.seconds-1"), tmp_path / "out")
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(timeout=30) == 0
    assert process.stderr is not None
    process.stderr.close()
    assert report(tmp_path).results


def test_a_stubborn_child_does_not_hear_sigterm(tmp_path: Path) -> None:
    process = child(make_spec(tmp_path, "scripted_stubborn.n-8"), tmp_path / "out")
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=1)
    process.kill()
    process.communicate()


def test_the_child_of_a_scripted_run_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys, evaluation.__main__, evaluation.runners.scripted;"
        "print([m for m in ('torch', 'lm_eval', 'transformers', 'datasets', 'django') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
