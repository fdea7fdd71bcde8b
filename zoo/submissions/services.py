"""Submitting, in one transaction after preflight; cancelling and retrying; and what follows when a run has ended."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet

from evaluation.comparing.inputs import other_batch_size
from evaluation.contract import Fault, PairSpec, RunSpec
from zoo.accounts.models import Scope, User
from zoo.core.errors import Conflict, Forbidden, Invalid, TooMany
from zoo.core.models import AuditRow, record
from zoo.runs import queue
from zoo.runs import selectors as runs
from zoo.runs.lifecycle import FINAL, State
from zoo.runs.models import Pairing, Run
from zoo.submissions import uploaded
from zoo.submissions.models import Submission
from zoo.submissions.preflight import Finding, Preflight, Side, preflight
from zoo.submissions.requests import SubmissionRequest

MAX_HALVINGS = 1
PAIR_PRIORITY = -1
KEY_LIVES = timedelta(hours=24)
OUT_OF_MEMORY = "out_of_memory"


class Refused(Invalid):
    """Preflight found something that speaks against the request; the code is that of the first finding."""

    def __init__(self, findings: list[Finding]) -> None:
        first = findings[0]
        super().__init__(
            first.message,
            remedy=first.remedy,
            field=first.field,
            all=[f"{finding.code}: {finding.message}" for finding in findings],
        )
        self.code = first.code  # type: ignore[misc]


class OverQuota(TooMany):
    """The submitter has used up what one may submit for now."""

    code = "quota_exceeded"


class KeyReused(Conflict):
    """The same idempotency key came with another request."""

    code = "idempotency_key_reused"


class NotYours(Forbidden):
    """The run was asked for by somebody else."""

    code = "not_yours"


class RunIsShared(Conflict):
    """Other people's submissions wait for the same run."""

    code = "run_is_shared"


def submit(
    *, request: SubmissionRequest, acting_user: User, now: datetime, idempotency_key: str | None = None
) -> Submission:
    """Queues what is needed for a submission. The same key within a day gives the same submission.

    Raises NotYours (no right to submit), KeyReused, Refused, OverQuota; then nothing is queued.
    """
    if not acting_user.may(Scope.SUBMIT):
        raise NotYours("your account may not submit", remedy="Ask an operator for the role 'submit'.")
    known = _by_key(request, acting_user, idempotency_key, now)
    if known is not None:
        return known
    # Preflight may ask the hub: before the transaction, never inside it.
    answer = preflight(request, now=now, user=acting_user)
    if answer.student is None:
        raise Refused(answer.failures)
    with transaction.atomic():
        _one_after_the_other(acting_user)
        known = _by_key(request, acting_user, idempotency_key, now)
        if known is not None:
            return known
        _check_quota(acting_user, now)
        return _create(request, answer, answer.student, acting_user, now, idempotency_key)


def _by_key(request: SubmissionRequest, user: User, key: str | None, now: datetime) -> Submission | None:
    if key is None:
        return None
    known = Submission.objects.filter(submitted_by=user, idempotency_key=key).first()
    if known is None:
        return None
    if now - known.created_at > KEY_LIVES:
        Submission.objects.filter(pk=known.pk).update(idempotency_key=None)
        return None
    if SubmissionRequest.model_validate(known.request) != request:
        raise KeyReused(
            "this idempotency key was used for another request",
            remedy="Use a new key for a new request.",
            submission=str(known.pk),
        )
    return known


def _one_after_the_other(user: User) -> None:
    """The row's lock makes what a submitter asks for come one after the other, so that quotas hold."""
    User.objects.filter(pk=user.pk).update(role=F("role"))


def _check_quota(user: User, now: datetime, *, anew: QuerySet[Submission] | None = None) -> None:
    """Whether there is room for one more; ``anew`` are submissions that are to be taken up again, not more."""
    mine = Submission.objects.filter(submitted_by=user)
    if anew is not None:
        mine = mine.exclude(pk__in=anew.values("pk"))
    since = now - timedelta(days=1)
    retried = _retried_since(user, since)
    day = mine.filter(refunded=False).filter(
        Q(created_at__gt=since) | Q(student_run__in=retried) | Q(teacher_run__in=retried)
    )
    if day.count() >= settings.ZOO_SUBMISSIONS_PER_DAY:
        first = day.order_by("created_at").first()
        wait = (first.created_at - since).total_seconds() if first and first.created_at > since else 3600
        raise OverQuota(
            f"you have made {settings.ZOO_SUBMISSIONS_PER_DAY} submissions within a day, which is the most there are",
            retry_after=max(1, int(wait)),
        )
    unfinished = mine.filter(
        ~Q(student_run__state__in=sorted(FINAL))
        | (Q(teacher_run__isnull=False) & ~Q(teacher_run__state__in=sorted(FINAL)))
    )
    if unfinished.count() >= settings.ZOO_SUBMISSIONS_OPEN:
        raise OverQuota(
            f"{settings.ZOO_SUBMISSIONS_OPEN} of your submissions are not finished, which is the most there are",
            remedy="Wait for one to finish, or cancel one.",
            retry_after=60,
        )


def _retried_since(user: User, since: datetime) -> list[UUID]:
    """The runs that the user had queued again: an old submission that goes on today counts today."""
    rows = AuditRow.objects.filter(user=user, action="run.retry", at__gt=since)
    return [UUID(subject.removeprefix("run:")) for subject in rows.values_list("subject", flat=True)]


def _create(
    request: SubmissionRequest,
    answer: Preflight,
    student: Side,
    user: User,
    now: datetime,
    key: str | None,
) -> Submission:
    student_run = _run_for(student, user, now)
    teacher_run, pairing = None, None
    if answer.teacher is not None:
        teacher_run = _run_for(answer.teacher, user, now)
        pairing = _pair(student_run, teacher_run, now)
        if request.noise_floor:
            _repeat(answer.teacher.spec, teacher_run, user, now)
    submission = Submission.objects.create(
        submitted_by=user,
        student=student.spec.model.name,
        teacher=answer.teacher.spec.model.name if answer.teacher else "",
        request=request.model_dump(mode="json"),
        student_run=student_run,
        teacher_run=teacher_run,
        pairing=pairing,
        idempotency_key=key,
        created_at=now,
    )
    sides = filter(None, (student, answer.teacher))
    uploaded.keep((side.spec.model for side in sides), user=user, now=now)
    record(
        action="submission.created",
        subject=f"submission:{submission.pk}",
        acting_user=user,
        now=now,
        detail={"student": submission.student, "teacher": submission.teacher},
    )
    return submission


def _run_for(side: Side, user: User, now: datetime) -> Run:
    """The run that measures a side; a result of superseded code is not reused: it would be no pair with a new one."""
    if side.known_run is not None and (why := runs.outdated(side.known_run)):
        queue.supersede(run_id=side.known_run.pk, acting_user=user, now=now, why=why)
    return queue.request_run(spec=side.spec, acting_user=user, now=now).run


def _repeat(spec: RunSpec, run: Run, user: User, now: datetime) -> Pairing:
    """The model once more at another batch size, to be compared with itself, behind everything else that waits."""
    size = other_batch_size(spec.protocol.batch_size)
    again = spec.model_copy(update={"protocol": spec.protocol.model_copy(update={"batch_size": size})})
    made = queue.request_run(spec=again, acting_user=user, now=now, priority=PAIR_PRIORITY)
    return _pair(made.run, run, now)


def measure_again(*, acting_user: User, now: datetime) -> int:
    """Queues everything anew that superseded code has measured, with its pairs. Gives the number of runs.

    The old results stay, and say what they are. Raises NotYours unless an operator asks.
    """
    if not acting_user.may(Scope.OPERATE):
        raise NotYours("only operators queue results again in bulk")
    again: dict[UUID, Run] = {}
    for old in runs.outdated_runs():
        with transaction.atomic():
            why = runs.outdated(old) or "superseded"
            queue.supersede(run_id=old.pk, acting_user=acting_user, now=now, why=why)
            again[old.pk] = queue.request_run(spec=old.parsed_spec, acting_user=old.requested_by, now=now).run
    for pairing in Pairing.objects.filter(student_run__in=again, teacher_run__in=again):
        with transaction.atomic():
            _pair(again[pairing.student_run_id], again[pairing.teacher_run_id], now)
    return len(again)


def _pair(student_run: Run, teacher_run: Run, now: datetime) -> Pairing:
    pairing, _ = Pairing.objects.get_or_create(
        student_run=student_run, teacher_run=teacher_run, defaults={"created_at": now}
    )
    return pairing


def cancel_run(*, run_id: UUID, acting_user: User, now: datetime) -> State:
    """Cancels a run for the one who asked for it, or for an operator.

    Raises RunNotFound, NotYours, RunIsShared (others wait for it), AlreadyFinished.
    """
    run = runs.run_by_id(run_id)
    _check_owner(run, acting_user)
    if not acting_user.may(Scope.OPERATE) and _others_wait(run, acting_user):
        raise RunIsShared(
            "other people's submissions wait for this run",
            remedy="It goes on for them; yours can be ignored.",
        )
    return queue.cancel(run_id=run.pk, acting_user=acting_user, now=now)


def retry_run(*, run_id: UUID, acting_user: User, now: datetime) -> Run:
    """Queues a failed or cancelled run again, for whoever asked for it or waits for it, or for an operator.

    It counts like submitting: what the quota was given back for is taken from it again.
    Raises RunNotFound, NotYours, CannotRetry, OverQuota; then nothing is queued.
    """
    run = runs.run_by_id(run_id)
    _check_owner(run, acting_user)
    with transaction.atomic():
        _one_after_the_other(acting_user)
        again = queue.retry(run_id=run.pk, acting_user=acting_user, now=now)
        mine = _waiting(run).filter(submitted_by=acting_user)
        if mine.exists() or not acting_user.may(Scope.OPERATE):
            _check_quota(acting_user, now, anew=mine)
        mine.update(refunded=False)
    return again


def may_act(run: Run, user: User) -> bool:
    """Whether the user may cancel the run, try it again and read its log: who asked or waits, and operators."""
    if user.may(Scope.OPERATE):
        return True
    mine = run.requested_by_id == user.pk or _waiting(run).filter(submitted_by=user).exists()
    return mine and user.may(Scope.SUBMIT)


def _check_owner(run: Run, user: User) -> None:
    if not may_act(run, user):
        raise NotYours("only those who asked for a run, and operators, may do this")


def _waiting(run: Run) -> QuerySet[Submission]:
    return Submission.objects.filter(Q(student_run=run) | Q(teacher_run=run))


def _others_wait(run: Run, user: User) -> bool:
    return _waiting(run).exclude(submitted_by=user).exists()


@transaction.atomic
def follow_up(*, run_id: UUID, now: datetime) -> int:
    """What a run's end means for the submissions that wait for it: half the batch, or the quota given back.

    Gives the number of submissions that were changed. Doing it again is harmless.
    """
    # Locked, so that a retry at the same time comes before or after, and is not refunded by what was before.
    run = Run.objects.select_for_update().get(pk=run_id)
    reason = run.reason or {}
    changed = 0
    if run.state == State.FAILED and reason.get("code") == OUT_OF_MEMORY:
        for submission in _waiting(run).filter(halvings__lt=MAX_HALVINGS).select_related("teacher_run"):
            changed += _halve(submission, now)
    if run.state == State.SUCCEEDED and settings.ZOO_PAIR_JOBS:
        for pairing in Pairing.objects.filter(Q(student_run=run) | Q(teacher_run=run), pair_run=None):
            changed += _ask_for_pair_job(pairing, now)
    return changed + sum(_refund(submission, run) for submission in _waiting(run).filter(refunded=False))


def _refund(submission: Submission, run: Run) -> int:
    """Gives the quota back for a run that the platform failed, or for a submission of which nothing ever started.

    A model that does not fit into memory is not the platform's doing, whatever the worker calls it.
    """
    reason = run.reason or {}
    platform_failed = (
        run.state == State.FAILED
        and reason.get("fault") == Fault.PLATFORM
        and reason.get("code") != OUT_OF_MEMORY
    )
    parts = [part for part in (submission.student_run, submission.teacher_run) if part is not None]
    never_started = run.state == State.CANCELLED and all(_cost_nothing(submission, part) for part in parts)
    if not platform_failed and not never_started:
        return 0
    return Submission.objects.filter(pk=submission.pk, refunded=False).update(refunded=True)


def _cost_nothing(submission: Submission, run: Run) -> bool:
    """Whether no work was or will be done on a run for this submission: done before, or never begun."""
    if run.finished_at is not None and run.finished_at < submission.created_at:
        return True
    if run.attempts:
        return False
    others = _waiting(run).filter(refunded=False).exclude(pk=submission.pk)
    return run.is_final or others.exists()


def _ask_for_pair_job(pairing: Pairing, now: datetime) -> int:
    """Once both runs are done: a job with both models loaded, behind everything else that waits."""
    student, teacher = pairing.student_run, pairing.teacher_run
    first, second = student.parsed_spec, teacher.parsed_spec
    if {student.state, teacher.state} != {State.SUCCEEDED}:
        return 0
    if not isinstance(first, RunSpec) or not isinstance(second, RunSpec) or first.model == second.model:
        return 0
    needs = [spec.requirements for spec in (first, second)]
    spec = PairSpec(
        student=first.model,
        teacher=second.model,
        dtype=first.protocol.dtype,
        seed=first.protocol.seed,
        requirements=needs[0].model_copy(
            update={
                "memory_bytes": sum(need.memory_bytes for need in needs),
                "disk_bytes": sum(need.disk_bytes for need in needs),
            }
        ),
    )
    made = queue.request_run(spec=spec, acting_user=student.requested_by, now=now, priority=PAIR_PRIORITY)
    return Pairing.objects.filter(pk=pairing.pk, pair_run=None).update(pair_run=made.run)


def follow_up_all(*, now: datetime) -> int:
    """Does for the recently ended runs what a lost message did not. Gives the number of changed submissions."""
    recently = now - timedelta(days=1)
    ended = Run.objects.filter(state__in=[State.FAILED, State.CANCELLED], finished_at__gt=recently)
    waiting = ended.filter(
        Q(submissions_of_student__refunded=False) | Q(submissions_of_teacher__refunded=False)
    ).distinct()
    changed = sum(follow_up(run_id=run_id, now=now) for run_id in list(waiting.values_list("pk", flat=True)))
    if settings.ZOO_PAIR_JOBS:
        ready = Pairing.objects.filter(
            pair_run=None, student_run__state=State.SUCCEEDED, teacher_run__state=State.SUCCEEDED
        ).select_related("student_run", "teacher_run")
        changed += sum(_ask_for_pair_job(pairing, now) for pairing in ready[:100])
    return changed


def _halve(submission: Submission, now: datetime) -> int:
    """Both runs anew with half the batch: a pair shares one batch size, or it is no pair."""
    old = [run for run in (submission.student_run, submission.teacher_run) if run is not None]
    specs = [run.parsed_spec for run in old]
    if any(not isinstance(spec, RunSpec) or spec.protocol.batch_size < 2 for spec in specs):
        return 0
    new = []
    for spec in specs:
        assert isinstance(spec, RunSpec)
        smaller = spec.protocol.model_copy(update={"batch_size": spec.protocol.batch_size // 2})
        halved = spec.model_copy(update={"protocol": smaller})
        new.append(queue.request_run(spec=halved, acting_user=submission.submitted_by, now=now).run)
    submission.student_run = new[0]
    submission.teacher_run = new[1] if len(new) > 1 else None
    submission.pairing = _pair(new[0], new[1], now) if len(new) > 1 else None
    submission.halvings += 1
    submission.save(update_fields=["student_run", "teacher_run", "pairing", "halvings"])
    for run in old:
        # What nobody waits for any more is not measured.
        if not run.is_final and not _waiting(run).exists():
            queue.cancel(run_id=run.pk, acting_user=None, now=now)
    record(
        action="submission.batch_halved",
        subject=f"submission:{submission.pk}",
        acting_user=None,
        now=now,
        detail={"because": str(old[0].pk), "student_run": str(new[0].pk)},
    )
    return 1
