"""Submitting and following in a browser without scripts: form, preflight, run page, comparison, samples, status."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from evaluation.contract import Failure, Fault, Progress, Stage
from tests.factories import bad_models
from tests.factories.runs import LEASE, finish, make_user, make_worker, must_claim
from zoo.jobs import tasks
from zoo.runs.models import Run
from zoo.runs.queue import Move, end, give_back_or_up, heartbeat, locked, take
from zoo.submissions.models import Submission

pytestmark = pytest.mark.django_db

FORM = {
    "student": "scripted/student-p70",
    "teacher": "scripted/teacher-p90",
    "tasks": "scripted_choice.n-60, scripted_rolling",
    "suite": "",
    "batch_size": "16",
    "dtype": "float32",
    "seed": "1234",
    "engine": "",
}


@pytest.fixture(autouse=True)
def _scripted(settings: Settings) -> None:
    settings.ZOO_SCRIPTED = True


@pytest.fixture
def browser() -> Client:
    client = Client()
    client.force_login(make_user())
    return client


def test_a_submission_in_the_browser_reaches_a_comparison_with_samples(
    browser: Client, tmp_path: Path
) -> None:
    answer = browser.post("/submit/", FORM | {"action": "submit"}, follow=True)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "queued" in page
    assert '<meta http-equiv="refresh" content="5">' in page
    for number, run in enumerate(Run.objects.all()):
        finish(run, tmp_path / str(number))
        tasks.settle(run=str(run.pk))
    run = Submission.objects.get().student_run
    page = browser.get(f"/runs/{run.pk}/").content.decode()
    assert "See the comparison" in page
    assert "http-equiv" not in page
    listed = browser.get("/comparisons/").content.decode()
    assert "scripted/student-p70" in listed
    comparison = Submission.objects.get().pairing.comparisons.get()  # type: ignore[union-attr]
    page = browser.get(f"/comparisons/{comparison.pk}/").content.decode()
    assert "Retention by task" in page
    assert "not a ratio metric" in page
    samples = browser.get(f"/comparisons/{comparison.pk}/samples/?outcome=lost").content.decode()
    assert "Document" in samples
    rolling = browser.get(f"/comparisons/{comparison.pk}/samples/?task=scripted_rolling&after=20")
    assert rolling.status_code == 200


def test_check_first_says_what_would_happen_and_queues_nothing(browser: Client) -> None:
    make_worker()
    page = browser.post("/submit/", FORM | {"action": "check"}).content.decode()
    assert "This can be queued" in page
    assert not Run.objects.exists()
    part = browser.post(
        "/submit/", FORM | {"action": "check"}, headers={"HX-Request": "true"}
    ).content.decode()
    assert part.lstrip().startswith("<form")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"student": "nobody/nothing"}, "There is no model nobody/nothing"),
        ({"tasks": "arc_esay"}, "Did you mean"),
        ({"limit": "-1"}, "greater than or equal to 1"),
        ({"tasks": ""}, "Choose a suite, or name tasks"),
        ({"student": ""}, "required"),
        ({"gguf_file": "Q4.gguf"}, 'id="id_gguf_file_error"><p class="error">'),
    ],
)
def test_wrong_input_is_explained_at_its_field_and_nothing_is_queued(
    browser: Client, change: dict[str, str], said: str
) -> None:
    answer = browser.post("/submit/", FORM | change | {"action": "submit"})
    assert answer.status_code == 400
    assert said in answer.content.decode()
    assert not Run.objects.exists()


@pytest.mark.parametrize(("model", "said"), bad_models.SAYS.items())
def test_a_model_that_must_not_be_loaded_is_refused_with_what_to_change(
    browser: Client, model: str, said: str, tmp_path: Path, settings: Settings
) -> None:
    settings.ZOO_MODELS_DIR = bad_models.mirror(tmp_path)
    answer = browser.post("/submit/", FORM | {"student": model, "action": "submit"})
    assert answer.status_code == 400
    assert said in answer.content.decode()
    assert not Run.objects.exists()


def test_visitors_see_the_form_and_are_asked_to_sign_in() -> None:
    assert "Sign in to submit" in Client().get("/submit/?student=a/b").content.decode()
    assert Client().post("/submit/", FORM).status_code == 302
    assert not Run.objects.exists()


def test_a_failed_run_keeps_its_reason_and_can_be_tried_again_by_its_owner(browser: Client) -> None:
    browser.post("/submit/", FORM | {"action": "submit"})
    run = Submission.objects.get().student_run
    lease = must_claim(now=run.not_before).lease
    run = Run.objects.get(pk=lease.run_id)
    reason = Failure(code="out_of_memory", fault=Fault.PLATFORM, message="It needed 99 GiB.", remedy="Less.")
    end(locked(lease), Move.FAILED, reason=reason, now=run.not_before)
    page = browser.get(f"/runs/{run.pk}/").content.decode()
    assert "It needed 99 GiB." in page
    assert "Try again" in page
    assert "Try again" not in Client().get(f"/runs/{run.pk}/").content.decode()
    browser.post(f"/runs/{run.pk}/retry/")
    run.refresh_from_db()
    assert run.state == "queued"
    browser.post(f"/runs/{run.pk}/cancel/")
    run.refresh_from_db()
    assert run.state == "cancelled"


def test_the_moving_part_is_served_alone(browser: Client) -> None:
    browser.post("/submit/", FORM | {"action": "submit"})
    run = Run.objects.all()[0]
    part = browser.get(f"/runs/{run.pk}/?part=live").content.decode()
    assert "<html" not in part
    assert f'data-state="{run.state}"' in part
    lease = must_claim(now=run.not_before).lease
    for progress in (
        None,
        Progress(stage=Stage.FETCHING),
        Progress(stage=Stage.SCORING, task="t", done=5, total=9),
    ):
        heartbeat(lease=lease, progress=progress, now=run.not_before, length=LEASE)
        assert browser.get(f"/runs/{lease.run_id}/?part=live").status_code == 200
    assert "5 of 9" in browser.get(f"/runs/{lease.run_id}/").content.decode()


def test_a_run_that_is_done_is_followed_until_its_submission_has_ended(
    browser: Client, tmp_path: Path
) -> None:
    browser.post("/submit/", FORM | {"action": "submit"})
    submission = Submission.objects.get()
    mine, other = submission.student_run, submission.teacher_run
    assert other is not None
    address = f"/runs/{mine.pk}/"
    finish(mine, tmp_path / "mine")
    tasks.settle(run=str(mine.pk))
    page = browser.get(address).content.decode()
    assert 'data-state="succeeded"' in page
    assert 'data-followed="yes"' in page
    assert "live.js" in page
    assert '<meta http-equiv="refresh" content="5">' in page
    assert "the comparison waits for the other" in page
    finish(other, tmp_path / "other")
    assert "are being compared" in browser.get(address).content.decode()
    tasks.settle(run=str(other.pk))
    part = browser.get(f"{address}?part=live").content.decode()
    assert 'data-followed="no"' in part
    assert "See the comparison" in part
    page = browser.get(address).content.decode()
    assert "live.js" not in page
    assert "http-equiv" not in page


def test_what_is_fetched_is_not_said_to_be_queued(browser: Client) -> None:
    browser.post("/submit/", FORM | {"action": "submit"})
    lease = must_claim(now=Run.objects.all()[0].not_before).lease
    page = browser.get(f"/runs/{lease.run_id}/").content.decode()
    assert '<li aria-current="step">fetching</li>' in page
    assert '<li aria-current="step">queued</li>' not in page


def test_what_the_runner_prints_is_shown_while_it_runs_to_those_who_asked(browser: Client) -> None:
    browser.post("/submit/", FORM | {"action": "submit"})
    lease = must_claim(now=Run.objects.all()[0].not_before).lease
    address, stranger = f"/runs/{lease.run_id}/", Client()
    now = Run.objects.get(pk=lease.run_id).not_before
    assert "printed nothing yet" in browser.get(address).content.decode()
    for log in ("loading weights", "loading weights\n<b>answering</b>", None):
        heartbeat(lease=lease, progress=None, log=log, now=now, length=LEASE)
    for part in ("", "?part=live"):
        assert "&lt;b&gt;answering" in browser.get(address + part).content.decode()
        assert "answering" not in stranger.get(address + part).content.decode()
    assert "answering" in browser.get(f"{address}log/").content.decode()
    assert stranger.get(f"{address}log/").status_code == 404
    assert "answering" not in stranger.get(f"/api/v1{address}").content.decode()


def test_the_last_words_of_a_lost_runner_stay_until_the_next_one_speaks(browser: Client) -> None:
    browser.post("/submit/", FORM | {"action": "submit"})
    lease = must_claim(now=Run.objects.all()[0].not_before).lease
    now = Run.objects.get(pk=lease.run_id).not_before
    heartbeat(lease=lease, progress=None, log="the card is gone", now=now, length=LEASE)
    reason = Failure(code="worker_lost", fault=Fault.PLATFORM, message="Lost.", remedy="It is tried again.")
    give_back_or_up(locked(lease), reason, now)
    assert "the card is gone" in browser.get(f"/runs/{lease.run_id}/").content.decode()
    run = Run.objects.get(pk=lease.run_id)
    assert take(run_id=run.pk, worker=make_worker(now=now), now=run.not_before, lease=LEASE) is not None
    assert "the card is gone" not in browser.get(f"/runs/{run.pk}/").content.decode()


def test_the_status_page_shows_workers_queue_and_chain(browser: Client) -> None:
    browser.post("/submit/", FORM | {"action": "submit"})
    page = browser.get("/status/").content.decode()
    assert "Next in the queue" in page
    assert "Head of the chain" in page
    assert browser.get("/runs/?state=queued").status_code == 200


def test_what_is_not_there_is_a_404_page(browser: Client) -> None:
    nothing = "01900000-0000-7000-8000-000000000000"
    for path in (f"/runs/{nothing}/", f"/comparisons/{nothing}/", f"/submissions/{nothing}/"):
        assert browser.get(path).status_code == 404


def test_the_isolation_that_is_shown_is_that_of_the_attempt_and_not_what_the_machine_could_do(
    browser: Client,
) -> None:
    browser.post("/submit/", FORM | {"action": "submit"})
    run = Run.objects.all()[0]
    now = run.not_before
    lease = must_claim(now=now, isolation="bubblewrap").lease
    address = f"/runs/{lease.run_id}/"
    assert "no runner was started in this attempt" in browser.get(address).content.decode()
    heartbeat(lease=lease, progress=None, isolation="limits alone", now=now, length=LEASE)
    page = browser.get(address).content.decode()
    assert "limits alone" in page
    assert "bubblewrap" not in page
    reason = Failure(code="runner_died", fault=Fault.PLATFORM, message="It died.", remedy="Try again.")
    end(locked(lease), Move.FAILED, reason=reason, now=now)
    assert "limits alone" in browser.get(address).content.decode()
