"""Scores that others measured: read as printed, kept apart, with who brought them and where they are from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.factories.accounts import make_user
from tests.factories.catalog import make_model
from tests.factories.compared import TASKS, measured_run
from tests.factories.runs import NOW
from tests.integration.publishing.test_exports import subject
from zoo.accounts import services as accounts
from zoo.accounts.models import Scope, User
from zoo.catalog.models import SearchDocument
from zoo.catalog.services import publish_retention
from zoo.publishing import imports, selectors
from zoo.publishing.exports import harness, hub
from zoo.publishing.models import ImportedFile

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]
BASE = "/api/v1/models/acme/small/imports/"


def token_of(user: User, scope: Scope = Scope.SUBMIT) -> dict[str, str]:
    made = accounts.create_token(acting_user=user, name="test", scope=scope, now=NOW, lifetime=None)
    return {"Authorization": f"Token {made.token}"}


def post(client: Client, address: str, body: dict[str, Any], headers: dict[str, str]) -> Any:
    return client.post(address, json.dumps(body), content_type="application/json", headers=headers)


def test_a_results_file_of_the_harness_is_brought_shown_apart_and_taken_back(
    tmp_path: Path, client: Client
) -> None:
    model = make_model("acme/small")
    document = harness.results(selectors.measurement(measured_run("scripted/student-p70", tmp_path).pk))
    ada = make_user("ada")
    body = {"content": document, "source": "Ada's lab", "source_url": "https://lab.example/results.json"}
    made = post(client, BASE, body, token_of(ada))
    assert made.status_code == 201, made.content
    assert made.json()["format"] == "lm-eval"
    assert made.json()["printed_model"] == "scripted/student-p70"
    assert {row["kind"] for row in made.json()["scores"]} == {"imported"}
    assert {row["task"] for row in made.json()["scores"]} == set(TASKS)
    assert post(client, BASE, body, token_of(ada)).status_code == 200, (
        "the same bytes again are the same file"
    )
    assert ImportedFile.objects.count() == 1

    page = client.get("/models/acme/small/").content.decode()
    assert "Imported scores" in page
    assert "Ada&#x27;s lab" in page
    assert "Brought by ada" in page
    listed = client.get("/api/v1/models/?numbers=imported").json()["results"]
    assert [row["id"] for row in listed] == ["acme/small"]
    assert listed[0]["retention"] is None, "imported numbers make no retention"

    address = f"/api/v1/imports/{made.json()['id']}/withdrawal/"
    other = token_of(make_user("bob"))
    assert post(client, address, {"reason": "not mine"}, other).status_code == 403
    assert post(client, address, {"reason": "wrong model"}, token_of(ada)).status_code == 200
    assert "wrong model" in client.get("/models/acme/small/").content.decode()
    assert SearchDocument.objects.get(pk=model.pk).contributed["numbers"] == []


def test_measuring_later_keeps_the_mark_of_imported_scores() -> None:
    model = make_model("acme/small")
    from zoo.publishing.importing import bring

    bring(
        model=model,
        content=hub.eval_results(subject()).encode(),
        source="the card",
        acting_user=None,
        now=NOW,
    )
    publish_retention({model.pk: 0.9})
    assert SearchDocument.objects.get(pk=model.pk).contributed["numbers"] == ["imported", "measured"]


def test_entries_of_eval_results_are_read_as_the_hub_s_library_reads_them() -> None:
    found = imports.read(hub.eval_results(subject()).encode())
    assert found.format == "eval-results"
    assert [(score.task, score.value) for score in found.scores] == [
        ("demo/cloze/cloze", 0.62),
        ("demo/grammar/grammar", 0.51),
    ]
    assert found.scores[0].source.startswith("https://zoo.example/releases/")


def test_an_older_file_whose_model_arguments_are_a_text_is_read_too() -> None:
    document = {
        "results": {"arc_easy": {"acc,none": 0.5, "acc_stderr,none": "N/A", "alias": "arc_easy"}},
        "config": {"model_args": "pretrained=acme/small,dtype=float32", "limit": 10.0},
    }
    found = imports.read(json.dumps(document).encode())
    assert (found.model, found.limited) == ("acme/small", True)
    assert found.scores[0].stderr is None


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ('{"results": {}}', "not_lm_eval"),
        ('{"results": {"x": {}}, "config": {}}', "no_scores"),
        ("just words", "not_eval_results"),
        ("- dataset: {id: a/b}\n  value: 1\n", "not_eval_results"),
        ("- &a [1]\n- *a\n", "not_eval_results"),
        ('{"results": {"x": {"acc,none": NaN}}, "config": {}}', "bad_json"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(content: str, code: str, client: Client) -> None:
    make_model("acme/small")
    answer = post(client, BASE, {"content": content, "source": "x"}, token_of(make_user()))
    assert answer.status_code == 400
    assert answer.json()["problem"] == code
    assert not ImportedFile.objects.exists()


def test_without_a_token_nothing_can_be_brought(client: Client) -> None:
    make_model("acme/small")
    assert post(client, BASE, {"content": "[]", "source": "x"}, {}).status_code == 401
