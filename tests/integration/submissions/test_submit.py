"""Submitting: what is refused queues nothing; what is taken is queued once; quotas hold; the state follows the runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from pytest_django import Settings

from evaluation.contract import Failure, Fault, RunSpec
from tests.factories.runs import LEASE, NOW, finish, make_user, make_worker, must_claim
from zoo.accounts.models import Scope, User
from zoo.catalog.models import Kind, Status
from zoo.catalog.services import add_model
from zoo.comparisons import services as comparisons
from zoo.runs import queue
from zoo.runs.lifecycle import State
from zoo.runs.models import Pairing, Run
from zoo.submissions import selectors, services
from zoo.submissions.models import Submission
from zoo.submissions.preflight import preflight
from zoo.submissions.requests import BadRequest, SubmissionRequest, read_request

pytestmark = pytest.mark.django_db

OUT_OF_MEMORY = Failure(code="out_of_memory", fault=Fault.PLATFORM, message="too large")


@pytest.fixture(autouse=True)
def _scripted(settings: Settings) -> None:
    settings.ZOO_SCRIPTED = True


def asked(**overrides: object) -> SubmissionRequest:
    document: dict[str, object] = {
        "student": "scripted/student-p70",
        "teacher": "scripted/teacher-p90",
        "tasks": ("scripted_choice.n-100", "scripted_pair.n-100"),
    }
    return read_request(document | overrides)


def submit(user: User | None = None, key: str | None = None, **overrides: object) -> Submission:
    return services.submit(
        request=asked(**overrides), acting_user=user or make_user(), now=NOW, idempotency_key=key
    )


def test_a_submission_queues_student_and_teacher_as_a_pair() -> None:
    submission = submit()
    assert submission.teacher_run is not None
    assert submission.pairing is not None
    assert Run.objects.count() == 2
    assert selectors.standing(submission, now=NOW).state is State.QUEUED
    assert selectors.standing(submission, now=NOW).queue_position == 1


def test_a_teacher_is_measured_once_for_all_its_students() -> None:
    first, second = submit(), submit(student="scripted/other-p60")
    assert first.teacher_run == second.teacher_run
    assert Run.objects.count() == 3


def test_without_a_teacher_the_student_goes_alone() -> None:
    submission = submit(teacher=None)
    assert submission.teacher == ""
    assert submission.pairing is None


@pytest.mark.parametrize(
    ("overrides", "code", "field"),
    [
        ({"student": "nobody/nothing"}, "unknown_model", "student"),
        ({"student": "../../etc/passwd"}, "bad_model_id", "student"),
        ({"student": "http://169.254.169.254/x"}, "bad_model_id", "student"),
        ({"teacher": "scripted/student-p70"}, "same_model", "teacher"),
        ({"engine": "harness"}, "engine_does_not_fit", "engine"),
        ({"tasks": ("arc_esay",)}, "unknown_task", "tasks"),
        ({"tasks": ("humaneval",)}, "task_runs_code", "tasks"),
        ({"tasks": ("../evil",)}, "unknown_task", "tasks"),
        ({"tasks": (), "suite": "nothing"}, "unknown_suite", "suite"),
        ({"tasks": (), "suite": "demo@99"}, "unknown_suite", "suite"),
    ],
)
def test_what_cannot_be_measured_is_refused_and_nothing_is_queued(
    overrides: dict[str, object], code: str, field: str
) -> None:
    with pytest.raises(services.Refused) as caught:
        submit(**overrides)
    assert (caught.value.code, caught.value.field) == (code, field)
    assert not Run.objects.exists()
    assert not Submission.objects.exists()


def test_no_real_model_gets_made_up_answers() -> None:
    with pytest.raises(services.Refused) as caught:
        submit(student="distill-zoo/tiny-llama-student", teacher=None, engine="scripted")
    assert "engine_does_not_fit" in str(caught.value.data["all"])


def test_an_unknown_task_gets_its_nearest_names() -> None:
    with pytest.raises(services.Refused) as caught:
        submit(tasks=("arc_esay",))
    assert "arc_easy" in caught.value.remedy


@pytest.mark.parametrize(
    "overrides",
    [
        {"limit": -1},
        {"limit": 0},
        {"num_fewshot": -1},
        {"num_fewshot": 10**9},
        {"batch_size": 0},
        {"batch_size": "auto:999"},
        {"dtype": "float8"},
        {"seed": -1},
        {"tasks": ()},
        {"suite": "demo"},
        {"engine": "eval"},
        {"model_args": "pretrained=x,trust_remote_code=True"},
        {"student": ""},
    ],
)
def test_malformed_requests_are_refused_by_field(overrides: dict[str, object]) -> None:
    with pytest.raises(BadRequest) as caught:
        asked(**overrides)
    assert caught.value.field in {*overrides, "suite"}


def folder_of(files: dict[str, str]) -> Callable[[Path], None]:
    def fill(folder: Path) -> None:
        folder.mkdir(parents=True)
        for name, text in files.items():
            (folder / name).write_text(text)

    return fill


LLAMA = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 64}


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({"config.json": json.dumps(LLAMA), "pytorch_model.bin": "x"}, "weights_not_safetensors"),
        (
            {
                "config.json": json.dumps({"model_type": "mine", "auto_map": {"AutoModel": "mine.M"}}),
                "model.safetensors": "x",
                "mine.py": "import os",
            },
            "needs_remote_code",
        ),
        ({"config.json": json.dumps(LLAMA), "model.safetensors": "junk"}, "bad_header"),
    ],
)
def test_a_model_that_must_not_be_loaded_is_refused_before_it_is_queued(
    tmp_path: Path, settings: Settings, files: dict[str, str], code: str
) -> None:
    settings.ZOO_MODELS_DIR = tmp_path
    folder_of(files)(tmp_path / "bad" / "model")
    with pytest.raises(services.Refused) as caught:
        submit(student="bad/model")
    assert caught.value.code == code
    assert not Run.objects.exists()


def test_a_closed_model_of_the_catalog_cannot_be_run() -> None:
    add_model(reference="openai/gpt-4", title="GPT-4", kind=Kind.API, acting_user=None, now=NOW)
    with pytest.raises(services.Refused) as caught:
        submit(teacher="openai/gpt-4")
    assert caught.value.code == "not_runnable"


def test_the_teacher_is_taken_from_the_catalogs_edge() -> None:
    from zoo.lineage.models import Edge

    student = add_model(
        reference="scripted/student-p70", title="S", kind=Kind.MODEL, acting_user=None, now=NOW
    )
    teacher = add_model(
        reference="scripted/teacher-p90", title="T", kind=Kind.MODEL, acting_user=None, now=NOW
    )
    Edge.objects.create(
        child=student,
        parent=teacher,
        kind="distilled_from",
        status=Status.DOCUMENTED,
        seen=True,
        recorded_at=NOW,
    )
    assert submit(teacher=None).teacher == "scripted/teacher-p90"


def test_a_key_makes_submitting_twice_harmless_for_a_day() -> None:
    first = submit(key="once")
    assert submit(key="once") == first
    with pytest.raises(services.KeyReused):
        submit(key="once", limit=3)
    later = services.submit(
        request=asked(), acting_user=make_user(), now=NOW + timedelta(days=2), idempotency_key="once"
    )
    assert later != first


def test_readers_may_not_submit() -> None:
    with pytest.raises(services.NotYours):
        submit(make_user("reader", Scope.READ))


def test_a_quota_counts_a_days_submissions_and_says_when_to_come_back(settings: Settings) -> None:
    settings.ZOO_SUBMISSIONS_PER_DAY = 2
    submit(limit=1)
    submit(limit=2)
    with pytest.raises(services.OverQuota) as caught:
        submit(limit=3)
    assert caught.value.data["retry_after"] == 86400
    assert submit(make_user("bob"), limit=3)


def stop(*parts: Run | None, user: User | None = None) -> None:
    for run in parts:
        assert run is not None
        services.cancel_run(run_id=run.pk, acting_user=user or make_user(), now=NOW)
        services.follow_up(run_id=run.pk, now=NOW)


def fail(run: Run, reason: Failure) -> None:
    lease = queue.take(run_id=run.pk, worker=make_worker(), now=NOW, lease=LEASE)
    assert lease is not None
    queue.end(queue.locked(lease), queue.Move.FAILED, reason=reason, now=NOW)
    services.follow_up(run_id=run.pk, now=NOW)


def refunded(submission: Submission) -> bool:
    return Submission.objects.get(pk=submission.pk).refunded


def test_a_submission_that_never_started_is_given_back(settings: Settings) -> None:
    settings.ZOO_SUBMISSIONS_PER_DAY = 1
    first = submit(limit=1)
    stop(first.student_run, first.teacher_run)
    assert submit(limit=2)


def test_a_submission_is_not_given_back_while_its_other_side_is_or_will_be_measured(tmp_path: Path) -> None:
    waits, measured = submit(limit=1), submit(limit=2)
    stop(waits.student_run)
    assert measured.teacher_run is not None
    finish(measured.teacher_run, tmp_path)
    stop(measured.student_run)
    assert not refunded(waits)
    assert not refunded(measured)


def test_a_teacher_measured_before_or_for_others_does_not_keep_the_quota(tmp_path: Path) -> None:
    others = submit(make_user("bob"), student="scripted/other-p60")
    shared = submit()
    stop(shared.student_run)
    assert refunded(shared)
    assert others.teacher_run is not None
    finish(others.teacher_run, tmp_path)
    later = services.submit(
        request=asked(student="scripted/third-p50"), acting_user=make_user(), now=NOW + timedelta(hours=1)
    )
    stop(later.student_run)
    assert refunded(later)


def test_what_the_platform_failed_is_given_back_but_not_what_does_not_fit_into_memory() -> None:
    failed, too_large = submit(limit=1), submit(limit=2, batch_size=1)
    fail(failed.student_run, Failure(code="worker_lost", fault=Fault.PLATFORM, message="gone"))
    fail(too_large.student_run, OUT_OF_MEMORY)
    assert refunded(failed)
    assert not refunded(too_large)


def retry(run: Run, *, hours: int = 0) -> Run:
    return services.retry_run(run_id=run.pk, acting_user=make_user(), now=NOW + timedelta(hours=hours))


def test_trying_again_takes_back_what_was_given_back(settings: Settings) -> None:
    settings.ZOO_SUBMISSIONS_PER_DAY = 1
    first = submit(teacher=None, limit=1)
    stop(first.student_run)
    assert refunded(first)
    retry(first.student_run)
    assert not refunded(first)
    with pytest.raises(services.OverQuota):
        submit(teacher=None, limit=2)


@pytest.mark.parametrize("hours", [1, 30])
def test_cancelled_submissions_cannot_be_saved_up_and_tried_again_beyond_the_quota(
    settings: Settings, hours: int
) -> None:
    settings.ZOO_SUBMISSIONS_PER_DAY = 1
    saved = []
    for limit in (1, 2):
        saved.append(submit(teacher=None, limit=limit).student_run)
        stop(saved[-1])
    retry(saved[0], hours=hours)
    with pytest.raises(services.OverQuota):
        retry(saved[1], hours=hours)
    assert Run.objects.get(pk=saved[1].pk).state == State.CANCELLED


def test_trying_again_counts_toward_what_may_be_open(settings: Settings) -> None:
    settings.ZOO_SUBMISSIONS_OPEN = 1
    first = submit(teacher=None, limit=1)
    stop(first.student_run)
    submit(teacher=None, limit=2)
    with pytest.raises(services.OverQuota):
        retry(first.student_run)


def test_what_is_counted_already_can_be_tried_again_at_the_limit(settings: Settings) -> None:
    settings.ZOO_SUBMISSIONS_PER_DAY = 1
    first = submit(teacher=None)
    fail(first.student_run, Failure(code="bad_model", fault=Fault.SUBMITTER, message="no"))
    assert retry(first.student_run).state == State.QUEUED


def test_open_submissions_are_bounded(settings: Settings) -> None:
    settings.ZOO_SUBMISSIONS_OPEN = 1
    submit(limit=1)
    with pytest.raises(services.OverQuota):
        submit(limit=2)


def test_a_submission_succeeds_when_its_pair_has_been_compared(tmp_path: Path) -> None:
    submission = submit()
    finish(submission.student_run, tmp_path / "s")
    assert submission.teacher_run is not None
    finish(submission.teacher_run, tmp_path / "t")
    submission = selectors.submission_by_id(submission.pk)
    assert selectors.state_of(submission)[0] is State.RUNNING
    assert comparisons.settle_ready(now=NOW) == 1
    submission = selectors.submission_by_id(submission.pk)
    assert selectors.state_of(submission) == (State.SUCCEEDED, None)


def test_a_submission_fails_with_the_reason_of_its_run() -> None:
    submission = submit()
    lease = must_claim().lease
    queue.end(queue.locked(lease), queue.Move.FAILED, reason=OUT_OF_MEMORY, now=NOW)
    state, reason = selectors.state_of(selectors.submission_by_id(submission.pk))
    assert state is State.FAILED
    assert reason == OUT_OF_MEMORY


def test_when_memory_runs_out_both_are_asked_for_again_with_half_the_batch_once() -> None:
    submission = submit(batch_size=8)
    for expected in (4, 4):
        submission = selectors.submission_by_id(submission.pk)
        run = submission.student_run
        lease = queue.take(run_id=run.pk, worker=make_worker(), now=NOW, lease=LEASE)
        assert lease is not None
        queue.end(queue.locked(lease), queue.Move.FAILED, reason=OUT_OF_MEMORY, now=NOW)
        services.follow_up(run_id=run.pk, now=NOW)
        submission = selectors.submission_by_id(submission.pk)
        assert submission.teacher_run is not None
        for half in (submission.student_run, submission.teacher_run):
            spec = half.parsed_spec
            assert isinstance(spec, RunSpec)
            assert spec.protocol.batch_size == expected
    assert selectors.state_of(submission)[0] is State.FAILED
    assert Pairing.objects.count() == 2


def test_after_half_the_batch_the_other_full_run_stops_unless_somebody_waits_for_it() -> None:
    first, second = submit(batch_size=8), submit(batch_size=8, student="scripted/other-p60")
    teacher = first.teacher_run
    assert teacher is not None
    fail(first.student_run, OUT_OF_MEMORY)
    assert Run.objects.get(pk=teacher.pk).state == State.QUEUED
    fail(second.student_run, OUT_OF_MEMORY)
    assert Run.objects.get(pk=teacher.pk).state == State.CANCELLED


def test_only_those_who_asked_may_cancel_and_nobody_may_take_a_run_from_others() -> None:
    ada, bob = make_user("ada"), make_user("bob")
    first = submit(ada)
    second = submit(bob, student="scripted/other-p60")
    with pytest.raises(services.NotYours):
        services.cancel_run(run_id=first.student_run_id, acting_user=bob, now=NOW)
    assert first.teacher_run_id == second.teacher_run_id
    assert first.teacher_run_id is not None
    with pytest.raises(services.RunIsShared):
        services.cancel_run(run_id=first.teacher_run_id, acting_user=ada, now=NOW)
    operator = make_user("root", Scope.OPERATE)
    assert services.cancel_run(run_id=first.teacher_run_id, acting_user=operator, now=NOW) is State.CANCELLED


def test_preflight_answers_without_queueing() -> None:
    answer = preflight(asked(limit=5), now=NOW)
    assert answer.ok
    codes = {finding.code for finding in answer.findings}
    assert {"model_found", "limited", "no_worker"} <= codes
    assert not Run.objects.exists()


def test_preflight_names_the_run_that_measures_the_same_already() -> None:
    submission = submit()
    answer = preflight(asked(), now=NOW)
    assert answer.student is not None
    assert answer.student.known_run == submission.student_run
    assert answer.eta_seconds is None
