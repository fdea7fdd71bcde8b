"""Proposing an entry or a correction, the list of proposals, and a curator's decision."""

from __future__ import annotations

import json
from typing import cast
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from zoo.accounts.models import Scope, User
from zoo.catalog.models import Model
from zoo.catalog.selectors import get_model
from zoo.core.errors import ZooError
from zoo.lineage import proposals
from zoo.web.forms.proposals import DecisionForm, DraftForm, EntryForm

_REASONS = {
    proposals.SAME_TENSORS: "the same weights, tensor by tensor",
    proposals.SAME_FILE: "the same file of weights",
    proposals.SAME_ID: "the same id",
    proposals.LIKE_NAME: "a name like it",
}


@login_required
@require_http_methods(["GET", "POST"])
def propose(request: HttpRequest) -> HttpResponse:
    """``/models/propose/``: a new entry."""
    form = EntryForm(request.POST or None, initial={"id": request.GET.get("id", "")})
    return _answer(request, form, None)


@login_required
@require_http_methods(["GET", "POST"])
def correct(request: HttpRequest, org: str, name: str) -> HttpResponse:
    """``/models/{org}/{name}/propose/``: a correction."""
    return _answer(request, DraftForm(request.POST or None), get_model(f"{org}/{name}"))


@require_GET
def listed(request: HttpRequest) -> HttpResponse:
    """``/proposals/``: what was proposed and how it was decided."""
    state = request.GET.get("state", "")
    rows = Paginator(proposals.proposals(state=state), 50).get_page(request.GET.get("page"))
    return render(request, "catalog/proposals.html", {"rows": rows, "state": state})


@require_GET
def show(request: HttpRequest, proposal_id: UUID) -> HttpResponse:
    """``/proposals/{id}/``"""
    return _page(request, proposal_id, DecisionForm())


@login_required
@require_POST
def decide(request: HttpRequest, proposal_id: UUID) -> HttpResponse:
    """``/proposals/{id}/decide/``"""
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return _page(request, proposal_id, form, status=400)
    data = form.cleaned_data
    try:
        if data["verdict"] == "decline":
            proposals.decline(
                proposal_id=proposal_id,
                acting_user=_user(request),
                now=timezone.now(),
                decision=data["decision"],
            )
        else:
            proposals.accept(
                proposal_id=proposal_id,
                acting_user=_user(request),
                now=timezone.now(),
                decision=data["decision"],
                amended=data["amended"] if data["verdict"] == "amend" else None,
            )
    except ZooError as error:
        form.add_error(None, f"{error.message}. {error.remedy}".strip())
        return _page(request, proposal_id, form, status=400)
    messages.success(request, "The proposal is decided.")
    return redirect("web:proposal", proposal_id)


def _answer(request: HttpRequest, form: DraftForm, model: Model | None) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        try:
            row = proposals.propose(
                draft=form.draft(),
                reason=form.cleaned_data["reason"],
                acting_user=_user(request),
                now=timezone.now(),
                model=model,
            )
        except ZooError as error:
            known = error.field if error.field in form.fields else None
            form.add_error(known, f"{error.message}. {error.remedy}".strip())
        else:
            messages.success(request, "Thank you. A curator will look at it.")
            return redirect("web:proposal", row.pk)
    status = 400 if form.errors else 200
    return render(request, "catalog/propose.html", {"form": form, "model": model}, status=status)


def _page(request: HttpRequest, proposal_id: UUID, form: DecisionForm, status: int = 200) -> HttpResponse:
    row = proposals.get_proposal(proposal_id)
    shown = row.amended_draft or row.draft
    context = {
        "row": row,
        "draft": shown,
        "first_draft": row.draft if row.amended_draft else None,
        "draft_text": json.dumps(shown, indent=2, ensure_ascii=False),
        "similar": [(found.model, _REASONS[found.why[0]]) for found in proposals.resembling_proposal(row)],
        "form": form,
        "may_decide": isinstance(request.user, User) and request.user.may(Scope.CURATE),
    }
    return render(request, "catalog/proposal.html", context, status=status)


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)
