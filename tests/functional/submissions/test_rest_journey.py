"""From a POST to a finished comparison over REST, and what happens on the way to those who ask wrongly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from tests.factories import bad_models
from tests.factories.runs import LEASE, NOW, finish, make_user, must_claim
from zoo.accounts.models import Scope
from zoo.accounts.services import create_token
from zoo.jobs import tasks
from zoo.runs.models import Run
from zoo.runs.queue import Move, end, heartbeat, locked
from zoo.runs.reaper import WORKER_LOST
from zoo.submissions.models import Submission

pytestmark = pytest.mark.django_db

BODY = {
    "student": "scripted/student-p70",
    "teacher": "scripted/teacher-p90",
    "tasks": ["scripted_choice.n-60"],
}
URL = "/api/v1/submissions/"


@pytest.fixture(autouse=True)
def _scripted(settings: Settings) -> None:
    settings.ZOO_SCRIPTED = True


def client_of(name: str = "ada", scope: Scope = Scope.SUBMIT) -> Client:
    user = make_user(name, scope)
    token = create_token(acting_user=user, name="test", scope=scope, now=NOW, lifetime=None).token
    return Client(headers={"Authorization": f"Token {token}"})


def post(client: Client, url: str = URL, body: dict[str, Any] | None = None, **headers: str) -> Any:
    return client.post(
        url, body if body is not None else BODY, content_type="application/json", headers=headers
    )


def test_a_submission_is_taken_followed_and_compared(tmp_path: Path) -> None:
    client = client_of()
    answer = post(client)
    assert answer.status_code == 202
    body = answer.json()
    fields = (
        "id state reason student_run teacher_run pair_run comparison queue_position eta_seconds events_url"
    )
    assert set(fields.split()) <= set(body)
    assert (body["state"], body["comparison"], body["queue_position"]) == ("queued", None, 1)
    place = answer["Location"]
    assert Client().get(place).json()["id"] == body["id"]
    for number, run in enumerate(Run.objects.all()):
        finish(run, tmp_path / str(number))
        tasks.settle(run=str(run.pk))
    done = Client().get(place).json()
    assert done["state"] == "succeeded"
    comparison = Client().get(f"/api/v1/comparisons/{done['comparison']}/")
    assert comparison.json()["overall"]["retention"]["value"] > 0
    assert (
        Client()
        .get(comparison.request["PATH_INFO"], headers={"If-None-Match": comparison["ETag"]})
        .status_code
        == 304
    )
    run = Client().get(f"/api/v1/runs/{done['student_run']}/").json()
    assert run["state"] == "succeeded"
    assert run["result"]["report"]["results"][0]["task"] == "scripted_choice.n-60"


def test_samples_are_paged_and_filtered(tmp_path: Path) -> None:
    client = client_of()
    post(client)
    for number, run in enumerate(Run.objects.all()):
        finish(run, tmp_path / str(number))
        tasks.settle(run=str(run.pk))
    comparison = Client().get("/api/v1/comparisons/").json()["results"][0]
    url = f"/api/v1/comparisons/{comparison['id']}/samples/"
    seen, following = [], f"{url}?page_size=25"
    while following:
        page = Client().get(following).json()
        seen += [sample["doc_id"] for sample in page["results"]]
        following = page["next"]
    assert len(seen) == len(set(seen)) == 60
    lost = Client().get(f"{url}?outcome=lost").json()
    assert all(sample["outcome"] == "lost" for sample in lost["results"])
    for wrong in ("outcome=nothing", "cursor=zzz", "page_size=1000", "nothing=1", "task=nothing"):
        assert Client().get(f"{url}?{wrong}").status_code == 400, wrong


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (BODY | {"limit": -1}, "/limit"),
        (BODY | {"student": "nobody/nothing"}, "/student"),
        (BODY | {"tasks": ["arc_esay"]}, "/tasks"),
        (BODY | {"model_args": "x"}, "/model_args"),
        ({"student": "scripted/x"}, "/suite"),
        ({}, "/student"),
        (BODY | {"student": "a\x00b"}, "/student"),
    ],
)
def test_wrong_input_is_a_problem_that_points_at_the_field(body: dict[str, Any], pointer: str) -> None:
    answer = post(client_of(), body=body)
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert pointer in [error["pointer"].rsplit("/0")[0] for error in answer.json()["errors"]]
    assert not Run.objects.exists()


@pytest.mark.parametrize(("model", "said"), bad_models.SAYS.items())
def test_a_model_that_must_not_be_loaded_is_refused_with_what_to_change(
    model: str, said: str, tmp_path: Path, settings: Settings
) -> None:
    settings.ZOO_MODELS_DIR = bad_models.mirror(tmp_path)
    answer = post(client_of(), body=BODY | {"student": model})
    assert answer.status_code == 400
    assert said in answer.content.decode()
    assert not Run.objects.exists()


def test_without_a_token_nothing_is_queued_and_the_answer_says_how_to_get_one() -> None:
    nobody, reader = post(Client()), post(client_of("reader", Scope.READ))
    assert (nobody.status_code, reader.status_code) == (401, 403)
    assert "zoo token create" in nobody.json()["remedy"]
    assert "scope" in reader.json()["remedy"]
    assert not Submission.objects.exists()


def test_a_choice_that_is_not_there_is_answered_with_the_ones_that_are() -> None:
    answer = post(client_of(), body=BODY | {"dtype": "int4"})
    assert answer.status_code == 400
    assert "Known: float32, bfloat16" in answer.json()["errors"][0]["detail"]


def test_the_same_key_gives_the_same_submission() -> None:
    client = client_of()
    first, second = (post(client, **{"Idempotency-Key": "k1"}).json() for _ in range(2))
    assert first["id"] == second["id"]
    other = post(client, body=BODY | {"limit": 2}, **{"Idempotency-Key": "k1"})
    assert other.status_code == 409
    assert post(client, **{"Idempotency-Key": "x" * 200}).status_code == 400


def test_a_used_up_quota_says_when_to_come_back(settings: Settings) -> None:
    settings.ZOO_SUBMISSIONS_PER_DAY = 1
    client = client_of()
    post(client)
    answer = post(client, body=BODY | {"limit": 2})
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0


def test_preflight_answers_and_queues_nothing() -> None:
    answer = post(client_of(), f"{URL}preflight/")
    assert answer.status_code == 200
    assert answer.json()["ok"]
    wrong = post(client_of("bob"), f"{URL}preflight/", BODY | {"student": "nobody/nothing"}).json()
    assert not wrong["ok"]
    assert wrong["findings"][0]["code"] == "unknown_model"
    assert not Run.objects.exists()


def test_a_run_is_cancelled_and_tried_again_by_its_owner_alone() -> None:
    client = client_of()
    run = post(client).json()["student_run"]
    url = f"/api/v1/runs/{run}/"
    assert post(client_of("bob"), f"{url}cancel/").status_code == 403
    assert post(Client(), f"{url}cancel/").status_code == 401
    assert post(client, f"{url}cancel/").json()["state"] == "cancelled"
    assert post(client, f"{url}cancel/").status_code == 202
    assert post(client, f"{url}retry/").json()["state"] == "queued"
    lease = must_claim(now=Run.objects.get(pk=run).not_before).lease
    end(locked(lease), Move.FAILED, reason=WORKER_LOST, now=NOW)
    assert post(client, f"{url}cancel/").status_code == 409


def test_events_are_streamed_to_the_end_and_can_be_resumed(tmp_path: Path) -> None:
    run = post(client_of()).json()["student_run"]
    finish(Run.objects.get(pk=run), tmp_path)
    url = f"/api/v1/runs/{run}/events/"
    answer = Client().get(url, headers={"Accept": "text/event-stream"})
    assert answer["Content-Type"] == "text/event-stream"
    text = b"".join(answer.streaming_content).decode()
    ids = [int(line[4:]) for line in text.splitlines() if line.startswith("id: ")]
    assert text.endswith('event: done\ndata: {"state": "succeeded"}\n\n')
    assert len(ids) == 3
    rest = b"".join(Client().get(url, headers={"Last-Event-ID": str(ids[1])}).streaming_content).decode()
    assert [line for line in rest.splitlines() if line.startswith("id: ")] == [f"id: {ids[2]}"]


def test_a_stream_says_that_the_log_grew_and_not_what_it_says() -> None:
    post(client_of())
    lease = must_claim(now=Run.objects.all()[0].not_before).lease
    heartbeat(lease=lease, progress=None, log="loading weights", now=NOW, length=LEASE)
    answer = Client().get(f"/api/v1/runs/{lease.run_id}/events/")
    pieces = iter(answer.streaming_content)
    text = next(pieces).decode() + next(pieces).decode()
    answer.close()
    assert "event: log" in text
    assert "loading weights" not in text


def test_lists_page_and_refuse_unknown_parameters() -> None:
    client = client_of()
    for limit in range(1, 4):
        post(client, body=BODY | {"limit": limit})
    page = Client().get("/api/v1/runs/?page_size=2&state=queued").json()
    assert len(page["results"]) == 2
    assert page["next"]
    assert len(Client().get("/api/v1/submissions/").json()["results"]) == 3
    assert Client().get("/api/v1/submissions/?mine=true").status_code == 200
    assert Client().get("/api/v1/runs/?colour=red").status_code == 400
    assert Client().get("/api/v1/runs/?state=lost").status_code == 400


def test_status_and_workers_tell_no_machine_names() -> None:
    must_have = must_claim  # a worker appears by claiming
    post(client_of())
    must_have(now=Run.objects.first().not_before)  # type: ignore[union-attr]
    assert Client().get("/api/v1/status/").json()["workers"] in (0, 1)
    for worker in Client().get("/api/v1/workers/").json()["results"]:
        assert "id" not in worker


@pytest.mark.parametrize("path", ["runs", "submissions", "comparisons"])
def test_what_is_not_there_is_a_404_problem(path: str) -> None:
    answer = Client().get(f"/api/v1/{path}/01900000-0000-7000-8000-000000000000/")
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"
