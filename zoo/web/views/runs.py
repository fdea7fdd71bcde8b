"""Run pages: the list, one run live, and stopping or trying it again."""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from evaluation.contract import PairSpec, RunReport, TaskResult
from zoo.accounts.models import User
from zoo.comparisons import selectors as comparisons
from zoo.core.errors import NotFound, ZooError
from zoo.runs import selectors
from zoo.runs.clock import database_now
from zoo.runs.lifecycle import FINAL, State
from zoo.runs.models import Run
from zoo.submissions import selectors as submissions
from zoo.submissions import services
from zoo.submissions.models import Submission
from zoo.submissions.services import OUT_OF_MEMORY
from zoo.web.suite_titles import titles_of

PAGE_SIZE = 50
STAGES = ("queued", "fetching", "loading", "scoring", "writing")
LOG_LINES = 60
NORMAL_95 = 1.96


class ScoreRow(NamedTuple):
    """One task as measured: its title, the result, and the score with its interval."""

    title: str
    result: TaskResult
    score: dict[str, float]


@require_safe
def listed(request: HttpRequest) -> HttpResponse:
    """All runs, newest first; failed ones too."""
    state = request.GET.get("state", "")
    chosen = state if state in set(State) else None
    pages = Paginator(selectors.recent_runs(state=chosen, model=request.GET.get("model") or None), PAGE_SIZE)
    found = pages.get_page(request.GET.get("page"))
    query = request.GET.copy()
    return render(
        request,
        "runs/list.html",
        {
            "runs": found,
            "state": chosen or "",
            "states": [one.value for one in State],
            "page": {
                "previous": _at(query, found.previous_page_number()) if found.has_previous() else "",
                "next": _at(query, found.next_page_number()) if found.has_next() else "",
            },
        },
    )


def _at(query: Any, page: int) -> str:
    query["page"] = str(page)
    return str(query.urlencode())


@never_cache
@require_safe
def show(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """One run. With ``?part=live`` the moving part alone, for the script that follows the events."""
    run = selectors.run_by_id(run_id)
    may_act = _may_act(request, run)
    context = _live(run) | {"may_act": may_act, "log": _last_lines(run) if may_act else ""}
    if request.GET.get("part") == "live":
        return render(request, "runs/live.html", context)
    return render(request, "runs/run.html", context | _whole(run))


def _live(run: Run) -> dict[str, Any]:
    place = selectors.place(run, now=timezone.now())
    progress = run.progress or {}
    stage = _stage(run, progress)
    waits_for = _waits_for(run)
    # Only scoring counts requests; what other stages leave in these fields is not progress.
    total = progress.get("total", 0) if stage == "scoring" else 0
    done = progress.get("done", 0)
    return {
        "run": run,
        "place": place,
        "progress": progress,
        "doing": progress.get("task") or progress.get("message") or stage,
        "stages": [(name, name == stage) for name in STAGES],
        "done": done,
        "total": total,
        "percent": round(100 * done / total) if total else None,
        "waits_for": waits_for,
        "followed": not run.is_final or any(one["state"] not in FINAL for one in waits_for),
    }


def _stage(run: Run, progress: dict[str, Any]) -> str:
    """The stage that the runner told last; before it has told any, what the state says."""
    if not run.is_held:
        return "queued"
    told = progress.get("stage", "queued")
    if told != "queued":
        return str(told)
    return "fetching" if run.state == State.FETCHING else "loading"


def _waits_for(run: Run) -> list[dict[str, Any]]:
    """The submissions of this run: the other run of the pair, and the comparison once it is there."""
    found = []
    rows = list(submissions.submissions_of_run(run)[:20])
    compared = comparisons.of_pairings(row.pairing for row in rows)
    for submission in rows:
        state, reason = submissions.state_of(submission)
        other = submission.teacher_run if submission.student_run_id == run.pk else submission.student_run
        found.append(
            {
                "submission": submission,
                "again": _again(submission, reason.code if reason else ""),
                "state": state.value,
                "reason": reason,
                "other": other if other is not None and other.pk != run.pk else None,
                "comparison": compared.get(submission.pairing_id or 0),
            }
        )
    return found


def _again(submission: Submission, code: str) -> str:
    """The query of the form that submits the same once more, with what the failure asks to change."""
    # The run's batch, not that of the request: it may have been halved already.
    batch_size = submission.student_run.spec["protocol"]["batch_size"]
    asked = submission.request | {
        "teacher": submission.teacher,
        "suite": submission.student_run.suite.partition("@")[0],
        "tasks": ",".join(submission.request.get("tasks", ())),
        "batch_size": max(1, batch_size // 2) if code == OUT_OF_MEMORY else batch_size,
    }
    return urlencode({name: value for name, value in asked.items() if value})


def _scores(run: Run, report: RunReport) -> list[ScoreRow]:
    titles = titles_of(run.suite)
    return [ScoreRow(titles.get(row.task, row.task), row, _interval(row)) for row in report.results]


def _interval(row: TaskResult) -> dict[str, float]:
    """A score with its 95 % interval from the standard error, for drawing."""
    value, error = row.score.value, row.score.stderr
    if error is None:
        return {"value": value}
    return {"value": value, "ci_low": value - NORMAL_95 * error, "ci_high": value + NORMAL_95 * error}


def _last_lines(run: Run) -> str:
    """The end of what the runner printed, or nothing."""
    try:
        return "\n".join(selectors.log_of(run).splitlines()[-LOG_LINES:])
    except NotFound:
        return ""


def _whole(run: Run) -> dict[str, Any]:
    spec = run.parsed_spec
    result = run.result if run.state == State.SUCCEEDED else None
    report = result.report if result else None
    return {
        "spec": spec,
        "is_pair": isinstance(spec, PairSpec),
        "result": result,
        "outdated": selectors.outdated(run),
        "report": report,
        "isolation": selectors.isolation_of(run),
        "scores": _scores(run, report) if isinstance(report, RunReport) else [],
        "events": [event for event in run.events.order_by("pk") if event.kind != "progress"][-100:],
    }


@never_cache
@require_safe
def log(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """The last lines that a live or failed runner printed, for those who asked for the run and for operators."""
    run = selectors.run_by_id(run_id)
    if not _may_act(request, run):
        raise Http404
    return HttpResponse(selectors.log_of(run), content_type="text/plain; charset=utf-8")


def _may_act(request: HttpRequest, run: Run) -> bool:
    user = request.user
    return isinstance(user, User) and services.may_act(run, user)


@require_POST
def cancel(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Cancels the run and goes back to it."""
    return _act(request, run_id, "cancel")


@require_POST
def retry(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Queues the run again and goes back to it."""
    return _act(request, run_id, "retry")


def _act(request: HttpRequest, run_id: UUID, what: str) -> HttpResponse:
    if not isinstance(request.user, User):
        return redirect(f"/login/?next=/runs/{run_id}/")
    try:
        if what == "cancel":
            services.cancel_run(run_id=run_id, acting_user=request.user, now=database_now())
        else:
            services.retry_run(run_id=run_id, acting_user=request.user, now=database_now())
    except ZooError as error:
        messages.error(request, f"{error.message} {error.remedy}".strip())
    return redirect("web:run", run_id=run_id)
