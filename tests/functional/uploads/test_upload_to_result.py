"""A model that no hub has: its files are sent, let in by a worker's intake, and measured. Everything is real."""

from __future__ import annotations

import io
import json
import shutil
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from evaluation import tasks
from evaluation.demo import shipped
from evaluation.supervision.settings import WorkerSettings
from tests.factories.database import committed
from tests.factories.runs import make_user
from zoo.accounts.models import Scope
from zoo.accounts.services import create_token
from zoo.cli.main import main
from zoo.runs.clock import database_now
from zoo.runs.lifecycle import State
from zoo.runs.models import Run
from zoo.uploads.models import Upload

TOKEN = "zoow_for-tests"
SMALLEST = shipped.model_directory(shipped.SEQUENCE_STUDENT)
DATASETS = Path(__file__).parents[2] / "data" / "datasets"


@pytest.fixture
def worker(
    transactional_db: None,
    live_server: LiveServer,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[WorkerSettings]:
    """A worker of a live server, and the environment of a person who may submit there."""
    settings.ZOO_WORKER_TOKEN = TOKEN
    tasks.Worker._facts = None
    with committed():
        made = create_token(
            acting_user=make_user(), name="cli", scope=Scope.SUBMIT, now=database_now(), lifetime=None
        )
        monkeypatch.setenv("ZOO_URL", live_server.url)
        monkeypatch.setenv("ZOO_TOKEN", made.token)
        monkeypatch.setenv("OMP_NUM_THREADS", "1")
        yield WorkerSettings(
            zoo_url=live_server.url,
            worker_token=TOKEN,
            redis_url="",
            home=tmp_path / "worker",
            poll_seconds=0.2,
            datasets_dir=DATASETS,
        )
    tasks.Worker._facts = None


def zoo(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """Exit code and standard output of the command."""
    capsys.readouterr()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["zoo", *words])
        with pytest.raises(SystemExit) as ended:
            main()
    return int(ended.value.code or 0), capsys.readouterr().out.strip()


@pytest.mark.engine
def test_a_folder_is_uploaded_submitted_and_measured(
    worker: WorkerSettings, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pytest.importorskip("torch")
    folder = tmp_path / "my tiny model"
    shutil.copytree(SMALLEST, folder)
    code, reference = zoo(capsys, "upload", str(folder))
    assert code == 0
    assert reference.startswith("uploads/my-tiny-model-")
    code, _ = zoo(capsys, "submit", reference, "--suite", "demo-backwards", "--limit", "2")
    assert code == 0
    assert tasks.serve(worker, draining=lambda: False) == 1
    run = Run.objects.get()
    assert run.state == State.SUCCEEDED, run.reason
    upload = Upload.objects.get()
    assert run.parsed_spec.model.digest == upload.digest  # type: ignore[union-attr]
    # The worker keeps what intake let in, and nothing else of it.
    assert (worker.home / "models" / "models" / upload.digest / "model" / "model.safetensors").is_file()
    assert not (worker.home / "worker" / "uploads" / upload.digest).exists()


def test_a_hostile_model_is_refused_by_intake_on_the_worker(
    worker: WorkerSettings, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = tmp_path / "hostile"
    shutil.copytree(SMALLEST, folder)
    tokenizer = json.loads((folder / "tokenizer_config.json").read_text())
    tokenizer["auto_map"] = {"AutoTokenizer": ["code.Tokenizer", None]}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    code, reference = zoo(capsys, "upload", str(folder), "--json")
    assert code == 0
    name = json.loads(reference)["reference"]
    assert zoo(capsys, "submit", name, "--suite", "demo-backwards", "--limit", "2")[0] == 0
    assert tasks.serve(worker, draining=lambda: False) == 1
    run = Run.objects.get()
    assert run.state == State.FAILED
    assert run.reason is not None
    assert run.reason["fault"] == "submitter"
    assert not (worker.home / "models" / "models").exists() or not list(
        (worker.home / "models" / "models").iterdir()
    )


def test_files_that_are_gone_when_the_worker_comes_are_a_failure_in_words(
    worker: WorkerSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    _, reference = zoo(capsys, "upload", str(SMALLEST), "--label", "gone")
    assert zoo(capsys, "submit", reference, "--suite", "demo-backwards", "--limit", "2")[0] == 0
    Upload.objects.update(state="removed")
    assert tasks.serve(worker, draining=lambda: False) == 1
    run = Run.objects.get()
    assert run.state == State.FAILED
    assert run.reason is not None
    assert run.reason["code"] == "upload_gone"


def test_an_upload_that_broke_off_goes_on_where_it_was(
    worker: WorkerSettings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from zoo.client.connection import Connection

    sent: list[str] = []
    put = Connection.put

    def cut(self: Connection, path: str, content: bytes, parameters: dict[str, object] | None = None) -> None:
        if len(sent) == 2:
            raise KeyboardInterrupt
        put(self, path, content, parameters)
        sent.append(str((parameters or {})["file"]))

    with monkeypatch.context() as patch:
        patch.setattr(Connection, "put", cut)
        assert zoo(capsys, "upload", str(SMALLEST))[0] == 130
    assert Upload.objects.get().state == "open"
    sent.clear()
    sent.append("")  # From here on nothing is cut, and what is sent is noted.
    monkeypatch.setattr(
        Connection, "put", lambda self, *given: (sent.append(given[2]["file"]), put(self, *given))[1]
    )
    assert zoo(capsys, "upload", str(SMALLEST))[0] == 0
    upload = Upload.objects.get()
    assert upload.state == "complete"
    assert len(sent) - 1 == len(upload.manifest.files) - 2


def test_the_form_takes_an_archive_without_javascript(client: Client, worker: WorkerSettings) -> None:
    client.force_login(make_user())
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for path in SMALLEST.iterdir():
            archive.add(path, path.name)
    packed.seek(0)
    packed.name = "model.tar.gz"
    answer = client.post("/uploads/", {"label": "mine", "archive": packed})
    upload = Upload.objects.get()
    assert answer.status_code == 302
    assert answer["Location"] == f"/submit/?student={upload.reference}"
    page = client.post(
        "/submit/", {"student": upload.reference, "suite": "demo-backwards", "action": "check"}
    )
    assert "This can be queued" in page.content.decode()
    assert upload.reference in client.get("/uploads/").content.decode()
