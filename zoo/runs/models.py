"""The queue of record: runs, what happened to them, what came out, and who works on them.

Rows of events and results are only ever added; triggers in the database refuse anything else.
"""

from __future__ import annotations

import json

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from pydantic import TypeAdapter

from evaluation.contract import PairReport, PairSpec, Report, RunReport, RunSpec, Spec
from evaluation.exchange import FetchedModel
from zoo.core.ids import uuid7
from zoo.runs.lifecycle import FINAL, HELD, LIVE, State

_SPEC: TypeAdapter[RunSpec | PairSpec] = TypeAdapter(Spec)
_REPORT: TypeAdapter[RunReport | PairReport] = TypeAdapter(Report)


class WorkerCredential(models.Model):
    """A secret that lets a machine claim work, by its digest. Made by an operator; shown once."""

    name = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, unique=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return self.name


class Worker(models.Model):
    """One start of one evaluation worker. A restarted worker is another row, so a dead one never looks alive."""

    id = models.CharField(primary_key=True, max_length=80)
    credential = models.ForeignKey(
        WorkerCredential, null=True, on_delete=models.PROTECT, related_name="workers"
    )
    """None for a worker that showed the token of the environment."""
    device = models.CharField(max_length=8)
    device_name = models.CharField(max_length=120, default="")
    memory_bytes = models.BigIntegerField(default=0)
    disk_bytes = models.BigIntegerField(default=0)
    engines = models.JSONField(default=list)
    isolation = models.CharField(max_length=40, default="none")
    spec_versions = models.JSONField(default=list)
    versions = models.JSONField(default=dict)
    """Versions of the packages that matter for scores, by name."""
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField(db_index=True)
    stopped_at = models.DateTimeField(null=True, blank=True)
    trouble = models.CharField(max_length=500, default="", blank=True)
    """Why the worker takes no work just now; empty when it does."""

    class Meta:
        ordering = ["-seen_at", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(memory_bytes__gte=0), name="worker_memory_not_negative"),
        ]

    def __str__(self) -> str:
        return self.id


class Run(models.Model):
    """One measurement: a spec, where it stands, and who holds it. Its identity says what it measures."""

    class Kind(models.TextChoices):
        RUN = "run"
        PAIR = "pair"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.RUN)
    identity = models.CharField(max_length=64, db_index=True)
    spec = models.JSONField()
    spec_version = models.PositiveSmallIntegerField(default=1)
    model_name = models.CharField(max_length=200, db_index=True)
    """The model (of a pair: the student) as ``org/name``."""
    model_revision = models.CharField(max_length=128)
    suite = models.CharField(max_length=140, default="", blank=True)
    engine = models.CharField(max_length=16)
    device = models.CharField(max_length=8, default="any")
    memory_bytes = models.BigIntegerField(default=0)
    disk_bytes = models.BigIntegerField(default=0)
    time_limit_seconds = models.PositiveIntegerField(default=6 * 3600)

    state = models.CharField(max_length=12, choices=[(s.value, s.value) for s in State], default=State.QUEUED)
    reason = models.JSONField(null=True, blank=True)
    """A contract.Failure: why it failed, or why it is waiting again."""
    progress = models.JSONField(null=True, blank=True)
    """The last contract.Progress of the present attempt."""
    token = models.PositiveBigIntegerField(default=0)
    """Fencing token: grows with each claim; whoever comes with an older one is refused."""
    attempts = models.PositiveIntegerField(default=0)
    lost = models.PositiveSmallIntegerField(default=0)
    """Times that the worker was lost since somebody last asked for the run."""
    lease_until = models.DateTimeField(null=True, blank=True)
    worker = models.ForeignKey(Worker, null=True, blank=True, on_delete=models.PROTECT, related_name="runs")
    """Who holds it, or held it last."""
    not_before = models.DateTimeField()
    cancel_requested = models.BooleanField(default=False)
    priority = models.SmallIntegerField(default=0)

    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="runs"
    )
    created_at = models.DateTimeField()
    queued_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    progressed_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    request_id = models.CharField(max_length=64, default="", blank=True)
    """The web request that asked for it, as the logs name it; empty when it was asked for by no request."""
    superseded_at = models.DateTimeField(null=True, blank=True)
    """Since when its result does not stand for its identity any more: newer code would measure it otherwise."""

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["state", "-priority", "created_at"], name="run_queue"),
            models.Index(fields=["state", "requested_by", "created_at"], name="run_queue_of_requester"),
            models.Index(fields=["state", "lease_until"], name="run_leases"),
            models.Index(fields=["requested_by", "-created_at"], name="run_by_requester"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=sorted(State)), name="run_state_is_known"),
            models.UniqueConstraint(
                fields=["identity"],
                condition=Q(state__in=sorted(LIVE), superseded_at=None),
                name="run_identity_live_once",
            ),
            models.CheckConstraint(
                condition=Q(state__in=sorted(HELD), lease_until__isnull=False)
                | (~Q(state__in=sorted(HELD)) & Q(lease_until__isnull=True)),
                name="run_has_lease_while_held",
            ),
            models.CheckConstraint(
                condition=Q(state__in=sorted(FINAL), finished_at__isnull=False)
                | (~Q(state__in=sorted(FINAL)) & Q(finished_at__isnull=True)),
                name="run_final_has_end",
            ),
            models.CheckConstraint(
                condition=~Q(state=State.FAILED) | Q(reason__isnull=False), name="run_failure_has_reason"
            ),
            models.CheckConstraint(
                condition=Q(superseded_at=None) | Q(state=State.SUCCEEDED),
                name="run_superseded_after_success",
            ),
            models.CheckConstraint(condition=Q(token__gte=F("attempts")), name="run_token_counts_attempts"),
        ]

    def __str__(self) -> str:
        return f"{self.model_name} ({self.state})"

    @property
    def parsed_spec(self) -> RunSpec | PairSpec:
        """The spec, parsed."""
        return _SPEC.validate_python(self.spec)

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen to it by itself."""
        return State(self.state) in FINAL

    @property
    def is_held(self) -> bool:
        """Whether a worker holds it."""
        return State(self.state) in HELD


class LogTail(models.Model):
    """The end of what a run's present or last runner printed, overwritten as it goes; for those who asked for it."""

    run = models.OneToOneField(Run, on_delete=models.CASCADE, primary_key=True, related_name="log_tail")
    text = models.TextField(blank=True)
    """Cleaned and masked by the worker; at most exchange.MAX_TAIL_CHARACTERS."""
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"log of {self.run_id} at {self.at:%H:%M:%S}"


class Turn(models.Model):
    """When somebody's run was last taken: the order in which submitters take turns."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    served_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.user_id} at {self.served_at:%H:%M:%S}"


class RunEvent(models.Model):
    """Something that happened to a run: a move, progress, or a refusal. Added, never changed."""

    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="events")
    at = models.DateTimeField()
    kind = models.CharField(max_length=24)
    from_state = models.CharField(max_length=12, default="", blank=True)
    to_state = models.CharField(max_length=12, default="", blank=True)
    token = models.PositiveBigIntegerField(default=0)
    worker = models.CharField(max_length=80, default="", blank=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    data = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["run", "id"], name="event_by_run"),
            # Progress is nearly all there is; what a monitor counts is the rest.
            models.Index(fields=["kind"], condition=~Q(kind="progress"), name="event_notable"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%H:%M:%S} {self.kind}"


class Outbox(models.Model):
    """A message that must leave for the broker: written with the change, sent by the relay, sent again if in doubt."""

    class Kind(models.TextChoices):
        HINT = "hint"
        """There may be work for a worker."""
        SETTLE = "settle"
        """A run reached a final state; whatever waits for it may go on."""

    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="outbox")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["due_at", "id"]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(sent_at__isnull=True), name="outbox_unsent"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.run_id}"


class Artifact(models.Model):
    """A file that a run left in the artifact store. The row says which attempt sent it."""

    class Kind(models.TextChoices):
        SAMPLES = "samples"
        LOG = "log"
        JOURNAL = "journal"

    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="artifacts")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    sha256 = models.CharField(max_length=64, db_index=True)
    size = models.BigIntegerField()
    token = models.PositiveBigIntegerField()
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["run", "kind", "token", "sha256"], name="artifact_sent_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.sha256[:12]}"


class Result(models.Model):
    """What a run measured: one per run, added once, chained to the one before by its hash."""

    run = models.OneToOneField(Run, on_delete=models.PROTECT, related_name="result")
    sequence = models.PositiveBigIntegerField(unique=True)
    token = models.PositiveBigIntegerField()
    bundle = models.TextField()
    """Spec, report, worker and times as canonical JSON: all that the hash covers. Text, because a database's
    own JSON type may write a number in another way than it was hashed in."""
    digest = models.CharField(max_length=64)
    """SHA-256 of the bundle."""
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64, unique=True)
    """SHA-256 of previous hash and digest."""
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["sequence"]

    def __str__(self) -> str:
        return f"result {self.sequence}"

    @property
    def report(self) -> RunReport | PairReport:
        """The report, parsed."""
        return _REPORT.validate_python(json.loads(self.bundle)["report"])

    @property
    def fetched(self) -> tuple[FetchedModel, ...]:
        """The models as intake let them in, the student's first."""
        return tuple(FetchedModel.model_validate(model) for model in json.loads(self.bundle)["models"])


class Chain(models.Model):
    """Head of the chain of results: the one row whose update orders all additions."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    sequence = models.PositiveBigIntegerField(default=0)
    head = models.CharField(max_length=64, default="0" * 64)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="chain_is_one_row")]

    def __str__(self) -> str:
        return f"{self.sequence}: {self.head[:12]}"


class Pairing(models.Model):
    """A student's run that waits to be compared with a teacher's run. Whoever compares them settles it."""

    student_run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="as_student")
    teacher_run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="as_teacher")
    pair_run = models.ForeignKey(Run, null=True, blank=True, on_delete=models.PROTECT, related_name="as_pair")
    """The job that has both models loaded, if one was asked for."""
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)
    reason = models.JSONField(null=True, blank=True)
    """Why it could not be compared, if it could not."""

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["student_run", "teacher_run"], name="pairing_is_unique"),
            models.CheckConstraint(
                condition=~Q(student_run=F("teacher_run")), name="pairing_of_two_different_runs"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.student_run_id} against {self.teacher_run_id}"
