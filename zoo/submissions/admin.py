"""Submissions in the admin: to look at, not to touch."""

from django.contrib import admin

from zoo.core.look_only import LookOnly
from zoo.submissions.models import Submission


@admin.register(Submission)
class SubmissionAdmin(LookOnly):
    list_display = ("id", "student", "teacher", "submitted_by", "created_at", "refunded")
    search_fields = ("id", "student", "teacher")
