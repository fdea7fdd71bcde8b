"""A report is recorded once, under the lease's token, after its samples have been counted."""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import DatabaseError, transaction

from evaluation.contract import Failure, Fault, RunReport
from tests.factories.runs import (
    LEASE,
    NOW,
    finish,
    make_run,
    make_spec,
    make_user,
    measure,
    must_claim,
    upload,
)
from zoo.runs import queue, recording, selectors
from zoo.runs.lifecycle import State
from zoo.runs.models import Artifact, Result, Run
from zoo.runs.reaper import reap

pytestmark = pytest.mark.django_db


def failed(code: str, fault: Fault = Fault.PLATFORM) -> RunReport:
    return RunReport(
        identity=make_spec().identity(), failure=Failure(code=code, fault=fault, message="so it went")
    )


def test_a_report_becomes_a_result(tmp_path: Path) -> None:
    run = finish(make_run(), tmp_path)
    assert run.state == State.SUCCEEDED
    assert run.result.token == run.token == 1
    assert isinstance(run.result.report, RunReport)
    assert run.events.last().kind == "recorded"  # type: ignore[union-attr]
    assert run.outbox.filter(kind="settle").count() == 1


def test_delivering_again_is_harmless(tmp_path: Path) -> None:
    make_run()
    lease = must_claim().lease
    report = measure(make_spec(), tmp_path)
    upload(lease, report, tmp_path)
    assert recording.deliver(lease=lease, report=report, now=NOW) == (State.SUCCEEDED, False)
    assert recording.deliver(lease=lease, report=report, now=NOW) == (State.SUCCEEDED, True)
    assert Result.objects.count() == 1


def test_a_failure_delivered_again_is_harmless_too() -> None:
    make_run()
    lease = must_claim().lease
    report = failed("bad_weights", Fault.SUBMITTER)
    assert recording.deliver(lease=lease, report=report, now=NOW) == (State.FAILED, False)
    assert recording.deliver(lease=lease, report=report, now=NOW) == (State.FAILED, True)


def test_a_holder_that_lost_its_lease_is_refused_and_the_refusal_is_an_event(tmp_path: Path) -> None:
    run = make_run()
    old = must_claim().lease
    report = measure(make_spec(), tmp_path)
    upload(old, report, tmp_path)
    late = NOW + LEASE + timedelta(minutes=5)
    reap(now=late)
    new = must_claim(now=late + timedelta(minutes=2)).lease
    with pytest.raises(queue.LeaseLost):
        recording.deliver(lease=old, report=report, now=late)
    refusal = run.events.get(kind="refused")
    assert refusal.data == {"what": "report", "came_with": 1}
    upload(new, report, tmp_path)
    assert recording.deliver(lease=new, report=report, now=late).state is State.SUCCEEDED
    assert Run.objects.get().result.token == 2
    with pytest.raises(queue.LeaseLost):
        upload(old, report, tmp_path)


def test_samples_that_were_not_uploaded_make_the_report_bad(tmp_path: Path) -> None:
    run = make_run()
    report = measure(make_spec(), tmp_path)
    recording.deliver(lease=must_claim().lease, report=report, now=NOW)
    run.refresh_from_db()
    assert run.state == State.FAILED
    assert run.reason is not None
    assert run.reason["code"] == "bad_result"
    assert not Result.objects.exists()


@pytest.mark.parametrize(
    ("tasks", "change", "said"),
    [
        (("scripted_short",), {}, "says 40 samples and has 39"),
        (("scripted_choice",), {"identity": "0" * 64}, "another spec"),
        (("scripted_choice", "scripted_pair"), {"results": 1}, "scripted_pair is missing"),
        (("scripted_choice",), {"score": 0.123}, "says 0.123"),
    ],
)
def test_a_report_that_cannot_be_true_is_refused(
    tmp_path: Path, tasks: tuple[str, ...], change: dict[str, object], said: str
) -> None:
    spec = make_spec(tasks=tasks)
    run = make_run(tasks=tasks)
    lease = must_claim().lease
    document = measure(spec, tmp_path).model_dump(mode="json")
    if "score" in change:
        document["results"][0]["score"]["value"] = change["score"]
    elif "results" in change:
        document["results"] = document["results"][:1]
    else:
        document |= change
    report = RunReport.model_validate(document)
    upload(lease, report, tmp_path)
    assert recording.deliver(lease=lease, report=report, now=NOW).state is State.FAILED
    run.refresh_from_db()
    assert run.reason is not None
    assert said in run.reason["message"]


def test_a_file_that_is_no_samples_file_is_refused(tmp_path: Path) -> None:
    make_run()
    lease = must_claim().lease
    report = measure(make_spec(), tmp_path)
    junk = b"PAR1 but not really"
    import hashlib

    digest = hashlib.sha256(junk).hexdigest()
    recording.take_artifact(
        lease=lease,
        kind=Artifact.Kind.SAMPLES,
        sha256=digest,
        source=io.BytesIO(junk),
        max_bytes=100,
        now=NOW,
    )
    forged = report.model_copy(
        update={
            "samples": report.samples
            and report.samples.model_copy(update={"sha256": digest, "size": len(junk)})
        }
    )
    assert recording.deliver(lease=lease, report=forged, now=NOW).state is State.FAILED


def test_an_artifact_with_other_bytes_is_refused() -> None:
    make_run()
    lease = must_claim().lease
    with pytest.raises(recording.WrongArtifact):
        recording.take_artifact(
            lease=lease,
            kind=Artifact.Kind.LOG,
            sha256="0" * 64,
            source=io.BytesIO(b"x"),
            max_bytes=10,
            now=NOW,
        )
    assert not Artifact.objects.exists()


@pytest.mark.parametrize(
    ("code", "fault", "state"),
    [
        ("needs_remote_code", Fault.SUBMITTER, State.FAILED),
        ("out_of_memory", Fault.PLATFORM, State.FAILED),
        ("crashed", Fault.PLATFORM, State.QUEUED),
        ("cancelled", Fault.PLATFORM, State.QUEUED),
    ],
)
def test_what_follows_from_a_failure_depends_on_whose_fault_it_is(
    code: str, fault: Fault, state: State
) -> None:
    make_run()
    assert recording.deliver(lease=must_claim().lease, report=failed(code, fault), now=NOW).state is state


def test_a_result_that_comes_although_the_run_was_to_be_cancelled_is_kept(tmp_path: Path) -> None:
    run = make_run()
    lease = must_claim().lease
    report = measure(make_spec(), tmp_path)
    upload(lease, report, tmp_path)
    queue.cancel(run_id=run.pk, acting_user=make_user(), now=NOW)
    assert recording.deliver(lease=lease, report=report, now=NOW).state is State.SUCCEEDED


def test_results_form_a_chain_that_shows_tampering(tmp_path: Path) -> None:
    for number in range(3):
        finish(make_run(f"scripted/m{number}"), tmp_path / str(number))
    assert selectors.chain_breaks() == []
    first, second, third = Result.objects.order_by("sequence")
    assert second.previous_hash == first.hash
    assert third.sequence == 3
    with pytest.raises(DatabaseError), transaction.atomic():
        Result.objects.filter(pk=second.pk).update(bundle=second.bundle.replace("0.", "1."))
    with pytest.raises(DatabaseError), transaction.atomic():
        second.delete()


def test_an_eta_is_learned_from_past_runs(tmp_path: Path) -> None:
    assert selectors.place(make_run("scripted/first"), now=NOW) == (1, None)
    past = must_claim()
    folder = tmp_path / "past"
    report = measure(make_spec("scripted/first"), folder)
    upload(past.lease, report, folder)
    recording.deliver(lease=past.lease, report=report, now=NOW + timedelta(seconds=40))
    make_run("scripted/second", now=NOW + timedelta(seconds=50))
    third = make_run("scripted/third", now=NOW + timedelta(seconds=51))
    assert selectors.place(third, now=NOW + timedelta(seconds=60)) == (2, 80)
