"""Reads about submissions: where each stands, which follows from its runs and its pair."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db.models import QuerySet

from evaluation.contract import Failure
from zoo.accounts.models import User
from zoo.core.errors import NotFound
from zoo.runs import places as runs_places
from zoo.runs import selectors as runs
from zoo.runs.lifecycle import HELD, State
from zoo.runs.models import Run
from zoo.runs.selectors import Place
from zoo.submissions.models import Submission


class SubmissionNotFound(NotFound):
    """There is no such submission."""

    code = "submission_not_found"


class Standing(NamedTuple):
    """Where a submission stands; place and time refer to the run that it waits for."""

    state: State
    reason: Failure | None
    queue_position: int | None
    eta_seconds: int | None


def submission_by_id(submission_id: UUID | str) -> Submission:
    """The submission with its runs. Raises SubmissionNotFound."""
    found = _whole().filter(pk=submission_id).first()
    if found is None:
        raise SubmissionNotFound("there is no such submission")
    return found


def submissions_of(user: User) -> QuerySet[Submission]:
    """A person's submissions, newest first; failed ones too."""
    return _whole().filter(submitted_by=user)


def recent_submissions() -> QuerySet[Submission]:
    """Everybody's submissions, newest first."""
    return _whole()


def submissions_of_run(run: Run) -> QuerySet[Submission]:
    """The submissions that wait or waited for a run."""
    return _whole().filter(student_run=run) | _whole().filter(teacher_run=run)


def _whole() -> QuerySet[Submission]:
    return Submission.objects.select_related(
        "submitted_by", "student_run", "teacher_run", "pairing__pair_run"
    ).order_by("-created_at", "-pk")


def standings(submissions: Iterable[Submission], *, now: datetime) -> dict[UUID, Standing]:
    """Where each of these submissions stands; as many queries for a page as for one."""
    rows = list(submissions)
    places = runs_places.places({run.pk: run for row in rows for run in _parts(row)}.values(), now=now)
    return {row.pk: _standing(row, [places[run.pk] for run in _going(row)]) for row in rows}


def standing(submission: Submission, *, now: datetime) -> Standing:
    """The submission's state, its reason, and how long it should still take."""
    return _standing(submission, [runs.place(run, now=now) for run in _going(submission)])


def _parts(submission: Submission) -> list[Run]:
    return [run for run in (submission.student_run, submission.teacher_run) if run is not None]


def _going(submission: Submission) -> list[Run]:
    return [run for run in _parts(submission) if not run.is_final]


def _standing(submission: Submission, waiting: list[Place]) -> Standing:
    state, reason = state_of(submission)
    positions = [place.position for place in waiting if place.position is not None]
    times = [place.eta_seconds for place in waiting]
    known = [seconds for seconds in times if seconds is not None]
    return Standing(
        state,
        reason,
        min(positions) if positions and state is State.QUEUED else None,
        max(known) if known and len(known) == len(times) else None,
    )


def state_of(submission: Submission) -> tuple[State, Failure | None]:
    """One state for student, teacher and pair together: the worst of what ended, the furthest of what goes on."""
    parts = _parts(submission)
    for bad in (State.FAILED, State.CANCELLED):
        for run in parts:
            if run.state == bad:
                return bad, _reason(run)
    if all(run.state == State.SUCCEEDED for run in parts):
        return _paired(submission)
    states = {State(run.state) for run in parts}
    if State.RUNNING in states:
        return State.RUNNING, None
    if states & HELD:
        return State.FETCHING, None
    return State.QUEUED, next((reason for run in parts if (reason := _reason(run))), None)


def _paired(submission: Submission) -> tuple[State, Failure | None]:
    """Both runs are done; the submission is when they have been compared."""
    pairing = submission.pairing
    if pairing is None:
        return State.SUCCEEDED, None
    if pairing.settled_at is None:
        return State.RUNNING, None
    if pairing.reason is not None:
        return State.FAILED, Failure.model_validate(pairing.reason)
    return State.SUCCEEDED, None


def _reason(run: Run) -> Failure | None:
    return Failure.model_validate(run.reason) if run.reason else None
