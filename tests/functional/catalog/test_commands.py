"""The catalog on the command line: importing, dumping, restoring, proposing to a server."""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer
from typer.testing import CliRunner

from tests.factories.accounts import make_user
from tests.factories.catalog import make_edge, make_model
from tests.factories.model_files import make_folder, make_safetensors
from zoo.accounts.models import Scope, User
from zoo.accounts.services import create_token
from zoo.catalog import selectors
from zoo.catalog.imports import describe_folder
from zoo.catalog.models import Model, Proposal
from zoo.cli.main import app
from zoo.lineage.importing import record_model

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


def test_another_empty_instance_restores_the_same_catalog(db: None, tmp_path: Path) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("copies a database file; tests/integration/lineage/test_dump.py loads a dump on Postgres")
    elsewhere = tmp_path / "elsewhere.sqlite3"
    # What is committed is the empty, migrated database: this test's own rows are in a transaction.
    with sqlite3.connect(connection.settings_dict["NAME"]) as here, sqlite3.connect(elsewhere) as there:
        here.backup(there)
    folder = make_folder(tmp_path / "m")
    record_model(
        reference="acme/tiny", description=describe_folder(folder), acting_user=None, now=timezone.now()
    )
    make_edge(Model.objects.get(key="acme/tiny"), make_model("acme/teacher", license="MIT"))
    first, second = tmp_path / "first.jsonl.gz", tmp_path / "second.jsonl"
    assert RUN.invoke(app, ["catalog", "dump", str(first)]).exit_code == 0
    assert "entry: 3 new" in _elsewhere(elsewhere, "catalog", "restore", str(first))
    _elsewhere(elsewhere, "catalog", "dump", str(second))
    with gzip.open(first, "rt") as lines:
        assert sorted(lines) == sorted(second.read_text().splitlines(keepends=True))


def _elsewhere(database: Path, *words: str) -> str:
    """What ``zoo`` prints, run by itself with another database."""
    own = {"ZOO_HOME": str(database.parent), "DATABASE_URL": f"sqlite:///{database}"}
    done = subprocess.run(
        [sys.executable, "-c", "from zoo.cli.main import main; main()", *words],
        env=os.environ | own | {"DJANGO_SETTINGS_MODULE": "zoo.settings.local"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


Speak = Callable[[Scope], None]


@pytest.fixture
def speak_as(live_server: LiveServer, transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Speak:
    """Makes the command line speak to a running server as a person with this role."""
    monkeypatch.setenv("ZOO_URL", live_server.url)

    def speak(role: Scope) -> None:
        person = User.objects.filter(username=f"a-{role}").first() or make_user(f"a-{role}", role)
        made = create_token(acting_user=person, name="t", scope=role, now=timezone.now())
        monkeypatch.setenv("ZOO_TOKEN", made.token)

    return speak


def run(*words: str, exits: int = 0) -> str:
    """What a command prints, both streams; its exit code is checked."""
    done = RUN.invoke(app, list(words))
    assert done.exit_code == exits, done.output
    return done.output


def test_a_proposal_is_sent_to_a_server(speak_as: Speak) -> None:
    make_model("acme/teacher")
    speak_as(Scope.SUBMIT)
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


def test_a_proposal_made_from_a_folder_carries_facts_known_parents_and_digests(
    speak_as: Speak, tmp_path: Path
) -> None:
    shapes = {"model.embed_tokens.weight": (40_000, 8)}
    folder = make_folder(tmp_path / "m", **{"model.safetensors": make_safetensors(shapes)})
    (folder / "README.md").write_bytes(
        b"---\nlicense: mit\nbase_model: acme/teacher\nbase_model_relation: finetune\ndatasets: [some/books]\n---\n"
    )
    make_model("acme/teacher")
    original = record_model(
        reference="acme/original", description=describe_folder(folder), acting_user=None, now=timezone.now()
    )
    Model.objects.get(key="some/books")  # The import made it; the copy below names another.
    text = (folder / "README.md").read_text().replace("some/books", "some/unheard-of")
    (folder / "README.md").write_text(text)
    speak_as(Scope.SUBMIT)
    words = ("propose", "copy/cat", "--from", str(folder), "--source", "its card", "--reason", "new")
    output = run(*words)
    assert "left out: trained_on some/unheard-of" in output
    assert "resembles acme/original (same tensors, same file)" in output
    draft = Proposal.objects.get().draft
    assert draft["tensors_digest"] == original.revision.tensors_digest
    assert (draft["facts"]["parameters"], draft["facts"]["license"]) == (320_000, "MIT")
    assert [edge["parent"] for edge in draft["edges"]] == ["acme/teacher"]


def test_a_curator_lists_shows_and_decides(speak_as: Speak) -> None:
    make_model("acme/teacher")
    speak_as(Scope.SUBMIT)
    names = ("good", "half", "bad")
    words = ("--source", "its card", "--reason", "it is new", "--fact", "license=MIT", "--fact", "notes=x")
    for name in names:
        run("propose", f"acme/{name}", *words, "--edge", "distilled_from=acme/teacher:logit")
    ids = {row.draft["id"].split("/")[1]: str(row.pk) for row in Proposal.objects.all()}
    refused = run("decide", ids["good"], "accept", exits=64)
    assert "curate" in refused
    speak_as(Scope.CURATE)
    listed = run("proposals", "list")
    assert all(ids[name] in listed and f"acme/{name}" in listed for name in names)
    shown = run("proposals", "show", ids["good"])
    for words_ in ("entry acme/good: open", "license       MIT", "acme/teacher (logit)", "it is new"):
        assert words_ in shown
    assert "is accepted" in run("decide", ids["good"], "accept")
    run(
        *("decide", ids["half"], "amend", "--fact", "license=Apache-2.0", "--drop", "notes"),
        *("--reason", "the card says so"),
    )
    assert json.loads(run("decide", ids["bad"], "decline", "--reason", "no source", "--json"))["decision"]
    assert selectors.get_model("acme/half").license == "Apache-2.0"
    assert selectors.get_model("acme/half").notes == ""
    assert "the card says so" in run("proposals", "show", ids["half"])
    assert run("proposals", "list") == "no proposal is open\n"
    states = {
        row["id"]: row["state"] for row in json.loads(run("proposals", "list", "--state=all", "--json"))
    }
    assert [states[ids[name]] for name in names] == ["accepted", "amended", "declined"]
    assert "already accepted" in run("decide", ids["good"], "accept", exits=64)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("maybe",), "accept, amend, decline"),
        (("decline",), "--reason"),
        (("amend", "--reason", "x"), "--fact"),
        (("accept", "--fact", "license=MIT"), "belong to amend"),
    ],
)
def test_a_decision_that_does_not_hold_together_says_what_to_change(
    words: tuple[str, ...], said: str
) -> None:
    assert said in run("decide", "00000000-0000-0000-0000-000000000000", *words, exits=2)


def test_a_proposal_that_is_not_there_is_said_so(speak_as: Speak) -> None:
    speak_as(Scope.CURATE)
    nobody = "00000000-0000-0000-0000-000000000000"
    assert "no such proposal" in run("proposals", "show", nobody, exits=64)
    assert "a state is one of" in run("proposals", "list", "--state", "shut", exits=2)
