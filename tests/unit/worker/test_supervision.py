"""What the supervisor decides without a zoo: settings, queues, health, journals carried from machine to machine."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.contract import Requirements
from evaluation.exchange import MEMORY_CLASSES_GIB, queue_for, queues_of
from evaluation.supervision import health, journals
from evaluation.supervision import settings as worker_settings
from evaluation.supervision.keeper import pace
from evaluation.supervision.settings import Misconfigured, WorkerSettings

GIB = 2**30


def settings_at(home: Path) -> WorkerSettings:
    return WorkerSettings(zoo_url="http://x", worker_token="t", redis_url="", home=home)


def test_what_is_missing_in_the_environment_is_named() -> None:
    with pytest.raises(Misconfigured, match="ZOO_WORKER_TOKEN"):
        worker_settings.read({"ZOO_URL": "http://x"})
    with pytest.raises(Misconfigured, match="ZOO_POLL_SECONDS"):
        worker_settings.read({"ZOO_URL": "x", "ZOO_WORKER_TOKEN": "t", "ZOO_POLL_SECONDS": "often"})


def test_settings_are_typed() -> None:
    given = {"ZOO_URL": "x", "ZOO_WORKER_TOKEN": "t", "ZOO_HOME": "/srv/zoo", "HF_HUB_OFFLINE": "1"}
    found = worker_settings.read(given)
    assert found.offline
    assert found.runs == Path("/srv/zoo/worker/worker/runs")


@pytest.mark.parametrize(
    ("device", "gib", "queue"),
    [
        ("any", 0, "evaluate.any"),
        ("any", 30, "evaluate.any.48g"),
        ("cpu", 4, "evaluate.cpu"),
        ("cpu", 99, "evaluate.cpu.192g"),
        ("cuda", 0, "evaluate.cuda.8g"),
        ("cuda", 17, "evaluate.cuda.24g"),
        ("cuda", 999, "evaluate.cuda.192g"),
    ],
)
def test_a_run_goes_to_the_smallest_class_that_holds_it(device: str, gib: int, queue: str) -> None:
    needs = Requirements.model_validate({"device": device, "memory_bytes": gib * GIB})
    assert queue_for(needs) == queue


def test_a_worker_listens_to_all_that_fits_it() -> None:
    assert queues_of("cpu", 8 * GIB) == ["evaluate.any", "evaluate.cpu"]
    assert queues_of("cpu", 16 * GIB) == [
        "evaluate.any",
        "evaluate.cpu",
        "evaluate.any.16g",
        "evaluate.cpu.16g",
    ]
    card_of_24 = int(23.6 * GIB)
    assert queues_of("cuda", card_of_24)[-1] == "evaluate.cuda.24g"
    assert queues_of("cuda", 4 * GIB) == ["evaluate.any", "evaluate.cuda.8g"]


@given(
    device=st.sampled_from(["cpu", "cuda", "mps"]),
    anywhere=st.booleans(),
    needs=st.integers(0, 300 * GIB),
    spare=st.integers(0, 300 * GIB),
)
def test_whoever_holds_a_run_hears_its_bell(device: str, anywhere: bool, needs: int, spare: int) -> None:
    wanted = Requirements.model_validate({"device": "any" if anywhere else device, "memory_bytes": needs})
    held = needs + spare
    listening = queues_of(device, held)
    sizes = [size * GIB for size in MEMORY_CLASSES_GIB if size * GIB >= needs] or [
        MEMORY_CLASSES_GIB[-1] * GIB
    ]
    # A machine between two classes polls for what lies between them; whole classes are rung.
    assert queue_for(wanted) in listening or held * 1.07 < sizes[0]


def test_a_long_run_is_told_of_less_often() -> None:
    assert pace(0) == pace(100) == 1.5
    assert pace(1000) == 10
    told, elapsed = 0, 0.0
    while elapsed < 6 * 3600:
        elapsed += min(pace(elapsed), 20)
        told += 1
    assert told < 1500


def test_a_worker_whose_runners_do_not_start_rests_and_comes_back(tmp_path: Path) -> None:
    settings = settings_at(tmp_path)
    for moment in (100.0, 110.0):
        health.stumbled(settings, now=moment)
        assert health.trouble(settings, now=moment) == ""
    health.stumbled(settings, now=120.0)
    assert "could not be started" in health.trouble(settings, now=121.0)
    assert health.trouble(settings, now=120.0 + health.REST_SECONDS + 1) == ""
    health.stumbled(settings, now=300.0)
    assert health.trouble(settings, now=301.0)
    health.recovered(settings)
    assert health.trouble(settings, now=302.0) == ""


def test_a_journal_survives_the_journey(tmp_path: Path) -> None:
    folder = tmp_path / "here" / "journal"
    folder.mkdir(parents=True)
    (folder / "answers.jsonl").write_text('{"key": "a", "answer": 1}\n')
    (folder / "x.parquet.part").write_text("half")
    assert journals.pack(tmp_path / "here", tmp_path / "archive")
    journals.unpack(tmp_path / "archive", tmp_path / "there")
    assert [path.name for path in (tmp_path / "there" / "journal").iterdir()] == ["answers.jsonl"]


def test_a_link_in_a_journal_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    folder.mkdir()
    (folder / "answers.jsonl").symlink_to("/etc/passwd")
    with pytest.raises(OSError):
        journals.pack(tmp_path, tmp_path / "archive")


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/b", ".hidden"])
def test_an_archive_with_other_names_is_no_journal(tmp_path: Path, name: str) -> None:
    archive = tmp_path / "archive"
    with tarfile.open(archive, "w:gz") as tar:
        member = tarfile.TarInfo(name)
        member.size = 1
        tar.addfile(member, io.BytesIO(b"x"))
    with pytest.raises(ValueError, match="does not belong"):
        journals.unpack(archive, tmp_path / "out")


def test_bytes_that_are_no_archive_are_no_journal(tmp_path: Path) -> None:
    (tmp_path / "archive").write_bytes(b"junk")
    with pytest.raises(ValueError, match="cannot be read"):
        journals.unpack(tmp_path / "archive", tmp_path / "out")
