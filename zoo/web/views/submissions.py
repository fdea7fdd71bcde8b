"""The submit page: a form, what would happen, and the way to the run."""

from __future__ import annotations

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from zoo.accounts.models import Scope, User
from zoo.catalog import selectors as catalog
from zoo.core.errors import Invalid, ZooError
from zoo.runs.clock import database_now
from zoo.submissions import selectors, services
from zoo.submissions.preflight import Finding, Preflight, preflight
from zoo.web.forms.submissions import SubmissionForm

FIELDS = (
    "student",
    "teacher",
    "gguf_file",
    "teacher_gguf_file",
    "suite",
    "tasks",
    "limit",
    "batch_size",
    "dtype",
    "engine",
    "num_fewshot",
    "seed",
    "apply_chat_template",
    "noise_floor",
)
"""Fields that the address may fill in."""


@require_http_methods(["GET", "HEAD", "POST"])
def submit(request: HttpRequest) -> HttpResponse:
    """GET shows the form, prefilled from the query. POST checks, or queues and leads to the run."""
    if request.method != "POST":
        initial = {name: request.GET[name] for name in FIELDS if name in request.GET}
        return _page(request, SubmissionForm(initial={"suite": "demo"} | initial))
    if not isinstance(request.user, User):
        return redirect_to_login("/submit/")
    form = SubmissionForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=400)
    if request.POST.get("action") == "check":
        return _checked(request, form, request.user)
    return _queued(request, form, request.user)


def _checked(request: HttpRequest, form: SubmissionForm, user: User) -> HttpResponse:
    try:
        answer = preflight(form.asked(), now=timezone.now(), user=user)
    except Invalid as error:
        _explain(form, error)
        return _page(request, form, status=400)
    return _page(request, form, answer)


def _queued(request: HttpRequest, form: SubmissionForm, user: User) -> HttpResponse:
    try:
        submission = services.submit(request=form.asked(), acting_user=user, now=database_now())
    except ZooError as error:
        _explain(form, error)
        return _page(request, form, status=400)
    return redirect("web:submission", submission_id=submission.pk)


def _explain(form: SubmissionForm, error: ZooError) -> None:
    """Puts a refusal beside the field that it is about."""
    text = f"{error.message} {error.remedy}".strip()
    form.add_error(error.field if error.field in form.fields else None, text)


@require_safe
def show(request: HttpRequest, submission_id: str) -> HttpResponse:
    """Leads to the comparison if it is there, else to the run that is waited for."""
    submission = selectors.submission_by_id(submission_id)
    parts = [run for run in (submission.student_run, submission.teacher_run) if run is not None]
    followed = next((run for run in parts if not run.is_final), submission.student_run)
    return redirect("web:run", run_id=followed.pk)


def _page(
    request: HttpRequest, form: SubmissionForm, answer: Preflight | None = None, status: int = 200
) -> HttpResponse:
    user = request.user
    context = {
        "form": form,
        "answer": answer,
        "sides": [side for side in (answer.student, answer.teacher) if side] if answer else [],
        "findings": _ordered(answer.findings) if answer else [],
        "may_submit": isinstance(user, User) and user.may(Scope.SUBMIT),
        "names": catalog.model_names(limit=300),
    }
    htmx = bool(getattr(request, "htmx", False))
    template = "submissions/form.html" if htmx else "submissions/submit.html"
    # htmx swaps only successful answers; the form says itself what is wrong.
    return render(request, template, context, status=200 if htmx else status)


def _ordered(findings: tuple[Finding, ...]) -> list[Finding]:
    """What fails first, then warnings, then what is well."""
    return sorted(findings, key=lambda finding: ("fail", "warn", "pass").index(finding.level))
