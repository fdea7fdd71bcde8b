"""Accounts, for operators: who there is, a new one, what each may do, and the link by which its owner enters."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from zoo.accounts import selectors, services
from zoo.accounts.models import Scope, User
from zoo.core.errors import ZooError
from zoo.web.forms.account import AccountChangeForm, AccountForm


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def listed(request: HttpRequest) -> HttpResponse:
    """``/account/people/``: everybody; POST makes an account and shows its link, this once."""
    user = _operator(request)
    form = AccountForm(request.POST or None)
    if request.method != "POST":
        return _page(request, form)
    if not form.is_valid():
        return _page(request, form, status=400)
    try:
        made = services.create_account(
            acting_user=user,
            username=form.cleaned_data["username"],
            role=Scope(form.cleaned_data["role"]),
            now=timezone.now(),
        )
    except ZooError as error:
        form.add_error(error.field, error.message)
        return _page(request, form, status=400)
    return _page(request, AccountForm(), invited=made)


@never_cache
@login_required
@require_POST
def link(request: HttpRequest, user_id: int) -> HttpResponse:
    """A new link to enter, for somebody who has lost the password or the first link."""
    _operator(request)
    return _page(request, AccountForm(), invited=selectors.person(user_id))


@login_required
@require_POST
def change(request: HttpRequest, user_id: int) -> HttpResponse:
    """Role, and whether the account may be used."""
    user = _operator(request)
    form = AccountChangeForm(request.POST)
    if form.is_valid():
        try:
            services.change_account(
                acting_user=user,
                user_id=user_id,
                role=Scope(form.cleaned_data["role"]),
                active=form.cleaned_data["active"],
                now=timezone.now(),
            )
            messages.success(request, "The account is changed.")
        except services.LastOperator as error:
            messages.error(request, f"{error.message}. {error.remedy}")
    return redirect("web:people")


def _operator(request: HttpRequest) -> User:
    """The operator who asks. For anybody else there is no such page."""
    user = cast(User, request.user)
    if not user.may(Scope.OPERATE):
        raise Http404
    return user


def _page(
    request: HttpRequest, form: AccountForm, *, invited: User | None = None, status: int = 200
) -> HttpResponse:
    path = services.entry_path(acting_user=_operator(request), user=invited) if invited else ""
    context = {
        "form": form,
        "people": selectors.people(),
        "scopes": [str(scope) for scope in Scope],
        "invited": invited,
        "link": request.build_absolute_uri(path) if path else "",
    }
    return render(request, "account/people.html", context, status=status)
