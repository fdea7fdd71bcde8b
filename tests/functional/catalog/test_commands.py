"""The catalog on the command line: importing, dumping, restoring, proposing to a server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer
from typer.testing import CliRunner

from tests.factories.accounts import make_user
from tests.factories.catalog import make_model
from tests.factories.model_files import make_folder
from zoo.accounts.models import Scope
from zoo.accounts.services import create_token
from zoo.catalog import selectors
from zoo.catalog.models import Model, Proposal
from zoo.cli.main import app

RUN = CliRunner()


@pytest.mark.django_db
def test_a_directory_is_imported_and_shown(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "m")
    done = RUN.invoke(app, ["import", str(folder), "--id", "acme/tiny", "--json"])
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert (answer["model"], answer["parameters"], answer["new_revision"]) == ("acme/tiny", 64, True)
    again = RUN.invoke(app, ["import", str(folder), "--id", "acme/tiny"])
    assert "already known" in again.output


@pytest.mark.django_db
def test_a_mirror_is_looked_up_by_id(tmp_path: Path, settings: object) -> None:
    make_folder(tmp_path / "acme" / "tiny")
    settings.ZOO_MODELS_DIR = tmp_path  # type: ignore[attr-defined]
    assert RUN.invoke(app, ["import", "acme/tiny"]).exit_code == 0
    assert selectors.get_model("acme/tiny").parameters == 64


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        ({"config.json": b"{"}, "config.json"),
        ({"model.safetensors": None, "pytorch_model.bin": b"x"}, "safetensors"),
    ],
)
def test_a_broken_directory_is_refused_with_the_reason(
    break_it: dict[str, bytes | None], words: str, tmp_path: Path
) -> None:
    done = RUN.invoke(app, ["import", str(make_folder(tmp_path / "m", **break_it)), "--id", "acme/tiny"])
    assert done.exit_code == 70
    assert words in done.output
    assert not Model.objects.exists()


@pytest.mark.django_db
def test_a_folder_without_an_id_is_bad_usage(tmp_path: Path) -> None:
    assert RUN.invoke(app, ["import", str(make_folder(tmp_path / "m"))]).exit_code == 2


@pytest.mark.django_db
def test_a_dump_is_written_and_restored(tmp_path: Path) -> None:
    make_model("acme/tiny", license="MIT")
    file = tmp_path / "catalog.jsonl.gz"
    assert RUN.invoke(app, ["catalog", "dump", str(file)]).exit_code == 0
    done = RUN.invoke(app, ["catalog", "restore", str(file)])
    assert done.exit_code == 0
    assert "entry: 0 new" in done.output


def test_a_proposal_is_sent_to_a_server(
    live_server: LiveServer, transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_model("acme/teacher")
    person = make_user("author", Scope.SUBMIT)
    token = create_token(acting_user=person, name="t", scope=Scope.SUBMIT, now=timezone.now()).token
    monkeypatch.setenv("ZOO_URL", live_server.url)
    monkeypatch.setenv("ZOO_TOKEN", token)
    command = ["propose", "acme/tiny", "--source", "its card", "--reason", "new", "--fact", "license=MIT"]
    command += ["--fact", "parameters=5000", "--edge", "distilled_from=acme/teacher:logit,feature", "--json"]
    done = RUN.invoke(app, command)
    assert done.exit_code == 0, done.output
    draft = Proposal.objects.get().draft
    assert draft["facts"] == {"license": "MIT", "parameters": 5000}
    assert draft["edges"][0]["methods"] == ["logit", "feature"]
    assert json.loads(done.stdout)["state"] == "open"
    refused = RUN.invoke(
        app, ["propose", "acme/other", "--source", "x", "--reason", "y", "--edge", "trained_on=no/where"]
    )
    assert refused.exit_code == 70
    assert "no/where" in refused.output
