"""Runs that break, hang, flood, fork or forge: each ends in time, with a reason, and leaves nothing behind.

Real processes in the strongest isolation that this machine has. Rows 18 and 61 to 65 of the bad-input table are here.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from evaluation import isolation
from evaluation.contract import Engine, Failure, Fault, ModelSource, Progress, RunReport, RunSpec
from evaluation.isolation import Isolation, Level, Limits, Outcome
from evaluation.isolation.levels import candidates, works
from evaluation.isolation.watch import descendants

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="isolation is Linux's")


def spec_of(*tasks: str) -> RunSpec:
    model = ModelSource(name="scripted/one", revision="1")
    return RunSpec(model=model, tasks=tasks, engine=Engine.SCRIPTED)


def outcome_of(folder: Path, *tasks: str, **settings: object) -> Outcome:
    limits = settings.pop("limits", None) or Limits(time_seconds=60, stall_seconds=30)
    child = isolation.start(spec_of(*tasks), out_dir=folder / "out", limits=limits, **settings)  # type: ignore[arg-type]
    return child.wait(90)


def notes(outcome: Outcome) -> str:
    assert isinstance(outcome.report, RunReport)
    assert outcome.failure is None
    return "; ".join(outcome.report.notes)


def code(outcome: Outcome) -> str:
    assert outcome.failure is not None
    return outcome.failure.code


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat", "rb") as file:
        return file.read().rpartition(b")")[2].split()[0] != b"Z"


def until(condition: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


def working() -> list[Isolation]:
    """One isolation of each kind that works here; a second bubblewrap program is tried out and not used further."""
    found: dict[tuple[Level, bool], Isolation] = {}
    for candidate in candidates():
        kind = (candidate.level, candidate.other_user)
        if kind not in found and works(candidate):
            found[kind] = candidate
    return list(found.values())


LEVELS = working() if sys.platform.startswith("linux") else []
each_level = pytest.mark.parametrize("level", [pytest.param(found, id=found.label) for found in LEVELS])


@each_level
def test_a_run_ends_with_its_results_and_says_how_it_was_isolated(tmp_path: Path, level: Isolation) -> None:
    told: list[Progress] = []
    outcome = outcome_of(tmp_path, "scripted_choice.n-20", isolation=level, on_progress=told.append)
    assert isinstance(outcome.report, RunReport)
    assert [result.n for result in outcome.report.results] == [20]
    assert outcome.report.environment is not None
    assert outcome.report.environment.isolation == level.label
    assert max(progress.done for progress in told) == 20


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        ("scripted_nan.n-20", "non_finite_outputs"),
        ("scripted_killed.n-20", "crashed"),
        ("scripted_crash.n-20", "crashed"),
        ("scripted_leave.n-20", "bad_result"),
        ("scripted_garbage.n-20", "bad_result"),
        ("scripted_forged.n-20", "bad_result"),
        ("scripted_links.n-20", "bad_result"),
        ("scripted_threads.n-20", "runner_error"),
        ("scripted_error.n-20", "runner_error"),
        ("scripted_refuse.n-20", "scripted_refusal"),
    ],
)
def test_a_death_has_a_reason(tmp_path: Path, task: str, expected: str) -> None:
    assert code(outcome_of(tmp_path, task)) == expected


def test_a_run_without_progress_is_ended(tmp_path: Path) -> None:
    outcome = outcome_of(tmp_path, "scripted_stubborn.n-20", limits=Limits(stall_seconds=4))
    assert code(outcome) == "stalled"


def test_a_run_over_its_time_is_ended(tmp_path: Path) -> None:
    outcome = outcome_of(tmp_path, "scripted_spin.n-20", limits=Limits(time_seconds=4))
    assert code(outcome) == "time_limit"


def test_65_memory_is_limited(tmp_path: Path) -> None:
    outcome = outcome_of(tmp_path, "scripted_memory.n-20", limits=Limits(memory_bytes=300 << 20))
    assert code(outcome) == "out_of_memory"
    assert outcome.failure is not None
    assert "GiB" in outcome.failure.message


def test_65_disk_is_limited(tmp_path: Path) -> None:
    outcome = outcome_of(tmp_path, "scripted_fill.n-20", limits=Limits(disk_bytes=64 << 20, stall_seconds=30))
    assert code(outcome) in {"disk_limit", "runner_error"}
    assert sum(path.lstat().st_size for path in (tmp_path / "out").rglob("*")) < 80 << 20


def test_65_processes_are_limited(tmp_path: Path) -> None:
    outcome = outcome_of(tmp_path, "scripted_fork_bomb.n-20", limits=Limits(processes=100, stall_seconds=30))
    if outcome.failure is None:
        assert int(notes(outcome).rpartition("started ")[2].split()[0]) <= 100
    else:
        # The watch counts them, or the runner itself can start nothing more: which comes first is chance.
        assert code(outcome) in {"too_many_processes", "runner_error"}


@each_level
def test_61_there_is_no_network(tmp_path: Path, level: Isolation) -> None:
    outcome = outcome_of(tmp_path, "scripted_network.n-20", isolation=level)
    assert "network: open" not in notes(outcome)
    assert "network: no answer" not in notes(outcome)


def test_62_foreign_folders_are_out_of_reach(tmp_path: Path) -> None:
    if isolation.detect().level is Level.LIMITS:
        pytest.skip("nothing stronger than limits works here")
    # Inside the walls it may write to a temporary folder that is its own and is gone with it.
    outcome_of(tmp_path, "scripted_escape.n-20")
    assert not (tmp_path / "escaped").exists()


def test_64_a_flood_is_read_and_dropped(tmp_path: Path) -> None:
    outcome = outcome_of(tmp_path, "scripted_flood.n-20", limits=Limits(log_bytes=1 << 20, stall_seconds=60))
    assert outcome.failure is None
    assert len(outcome.log) < 16 << 20
    assert "printed more than is kept" in outcome.log


@each_level
def test_what_a_run_leaves_behind_is_killed(tmp_path: Path, level: Isolation) -> None:
    outcome_of(tmp_path, "scripted_orphan.n-20", isolation=level)
    marker = tmp_path / "out" / "orphan"
    size = marker.stat().st_size if marker.exists() else 0
    time.sleep(0.5)
    assert (marker.stat().st_size if marker.exists() else 0) == size


@each_level
def test_a_killed_run_is_gone_at_once(tmp_path: Path, level: Isolation) -> None:
    child = isolation.start(
        spec_of("scripted_hang.n-20"),
        out_dir=tmp_path / "out",
        limits=Limits(stall_seconds=60),
        isolation=level,
    )
    assert until(lambda: child.progress is not None and child.progress.done > 0)
    assert child.pid is not None
    pids = descendants(child.pid)
    child.kill(Failure(code="lease_lost", fault=Fault.PLATFORM, message="The lease was lost."))
    assert code(child.wait(10)) == "lease_lost"
    assert until(lambda: not any(is_alive(pid) for pid in pids), 2)


def test_a_stopped_run_ends_by_itself_and_goes_on_later(tmp_path: Path) -> None:
    spec = spec_of("scripted_slow.n-400.ms-20")
    child = isolation.start(spec, out_dir=tmp_path / "out", limits=Limits(stall_seconds=60))
    assert until(lambda: child.progress is not None and child.progress.done > 16)
    child.stop()
    began = time.monotonic()
    outcome = child.wait(30)
    assert code(outcome) == "cancelled"
    assert time.monotonic() - began < 9
    answers = (tmp_path / "out" / "journal" / "answers.jsonl").read_text()
    assert answers.count("\n") >= 16
    assert answers.endswith("\n")
    again = isolation.start(spec, out_dir=tmp_path / "out")
    assert until(lambda: again.progress is not None and again.progress.done > 0)
    again.kill()
    again.wait(10)
    assert (tmp_path / "out" / "journal" / "answers.jsonl").read_text().startswith(answers)


def test_a_run_that_does_not_hear_is_killed_after_the_grace_time(tmp_path: Path) -> None:
    limits = Limits(stall_seconds=60, grace_seconds=1)
    child = isolation.start(spec_of("scripted_stubborn.n-20"), out_dir=tmp_path / "out", limits=limits)
    assert until(lambda: child.progress is not None and child.progress.done > 0)
    child.stop()
    assert code(child.wait(10)) == "cancelled"


SUPERVISOR = """
import sys, time
from pathlib import Path
from evaluation import isolation
from evaluation.contract import ModelSource, RunSpec
from evaluation.isolation import levels
level = next(found for found in levels.candidates() if found.label == sys.argv[2] and levels.works(found))
spec = RunSpec(model=ModelSource(name="scripted/one", revision="1"), tasks=("scripted_hang.n-20",), engine="scripted")
child = isolation.start(spec, out_dir=Path(sys.argv[1]), isolation=level)
while child.progress is None or not child.progress.done:
    time.sleep(0.05)
print(child.pid, flush=True)
time.sleep(600)
"""


@each_level
def test_a_run_dies_with_its_supervisor(tmp_path: Path, level: Isolation) -> None:
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(tmp_path / "out"), level.label],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with supervisor:
        assert supervisor.stdout is not None
        pids = descendants(int(supervisor.stdout.readline()))
        assert all(is_alive(pid) for pid in pids)
        supervisor.send_signal(signal.SIGKILL)
        supervisor.wait()
        assert until(lambda: not any(is_alive(pid) for pid in pids), 3)


def test_the_thread_that_asked_may_end_before_the_run(tmp_path: Path) -> None:
    made: list[isolation.Child] = []

    def begin() -> None:
        made.append(isolation.start(spec_of("scripted_slow.n-40.ms-20"), out_dir=tmp_path / "out"))

    thread = threading.Thread(target=begin)
    thread.start()
    thread.join()
    assert made[0].wait(60).failure is None


def test_links_left_by_an_earlier_attempt_are_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("untouched")
    out = tmp_path / "out"
    out.mkdir()
    (out / "spec.json").symlink_to(target)
    (out / "report.json").symlink_to(target)
    outcome = outcome_of(tmp_path, "scripted_choice.n-20")
    assert outcome.failure is None
    assert target.read_text() == "untouched"
    assert target.stat().st_uid == os.getuid()
