"""What somebody asked for: a student, a teacher, what to measure. Its state follows from its runs."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from zoo.core.ids import uuid7
from zoo.runs.models import Pairing, Run


class Submission(models.Model):
    """One submission. Runs are shared: a teacher that was measured before is not measured again."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="submissions"
    )
    student = models.CharField(max_length=200)
    teacher = models.CharField(max_length=200, default="", blank=True)
    """Empty: the student is measured alone."""
    request = models.JSONField()
    """What was asked, as given."""
    student_run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="submissions_of_student")
    teacher_run = models.ForeignKey(
        Run, null=True, on_delete=models.PROTECT, related_name="submissions_of_teacher"
    )
    pairing = models.ForeignKey(Pairing, null=True, on_delete=models.PROTECT, related_name="submissions")
    idempotency_key = models.CharField(max_length=128, null=True, blank=True)  # noqa: DJ001 (NULL is not unique)
    halvings = models.PositiveSmallIntegerField(default=0)
    """Times that both runs were asked for again with half the batch, because memory ran out."""
    refunded = models.BooleanField(default=False)
    """Whether it does not count toward the quota any more: the platform failed, or nothing ever started."""
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["submitted_by", "-created_at"], name="submission_by_submitter"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["submitted_by", "idempotency_key"], name="submission_key_once_per_submitter"
            ),
            models.CheckConstraint(
                condition=Q(teacher="", teacher_run=None, pairing=None)
                | (~Q(teacher="") & Q(teacher_run__isnull=False, pairing__isnull=False)),
                name="submission_has_whole_pair",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.student} by {self.submitted_by_id}"
