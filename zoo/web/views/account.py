"""Signing in, the account page with its tokens, and the one-time links by which accounts begin."""

from __future__ import annotations

from typing import cast

from django.contrib.auth import login
from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from zoo.accounts import services
from zoo.accounts.models import Scope, User
from zoo.accounts.selectors import tokens_of
from zoo.core.errors import ZooError
from zoo.web.forms.account import FirstOperatorForm, SignInForm, TokenForm

_form = require_http_methods(["GET", "HEAD", "POST"])
sign_in = _form(
    auth_views.LoginView.as_view(
        template_name="account/login.html",
        authentication_form=SignInForm,
        redirect_authenticated_user=True,
        next_page="/account/",
    )
)
enter = _form(
    auth_views.PasswordResetConfirmView.as_view(
        template_name="account/enter.html",
        success_url=reverse_lazy("web:account"),
        post_reset_login=True,
        reset_url_token="now",  # noqa: S106
    )
)
sign_out = auth_views.LogoutView.as_view()
change_password = _form(
    auth_views.PasswordChangeView.as_view(
        template_name="account/password.html", success_url=reverse_lazy("web:account")
    )
)


@never_cache
@require_safe
def admin_sign_in(request: HttpRequest) -> HttpResponse:
    """Administration has no sign-in of its own: one page asks for passwords, and it has the brake."""
    if request.user.is_authenticated:
        raise PermissionDenied
    return redirect_to_login(request.GET.get("next", "/admin/"))


@never_cache
@login_required
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """The account page."""
    return _page(request, TokenForm(user=_user(request)))


@never_cache
@login_required
@require_POST
def create_token(request: HttpRequest) -> HttpResponse:
    """Makes a token and shows it, this once: it is in the answer and nowhere else."""
    user = _user(request)
    form = TokenForm(request.POST, user=user)
    if not form.is_valid():
        return _page(request, form, status=400)
    made = services.create_token(
        acting_user=user,
        name=form.cleaned_data["name"],
        scope=Scope(form.cleaned_data["scope"]),
        now=timezone.now(),
        lifetime=form.lifetime(),
    )
    return _page(request, TokenForm(user=user), made=made)


@login_required
@require_POST
def revoke_token(request: HttpRequest, token_id: int) -> HttpResponse:
    """Ends a token."""
    services.revoke_token(acting_user=_user(request), token_id=token_id, now=timezone.now())
    return redirect("web:account")


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def welcome(request: HttpRequest, ticket: str) -> HttpResponse:
    """The one-time link: asks for a name and a password, makes the operator, and signs in."""
    if not services.ticket_is_good(ticket, now=timezone.now()):
        return render(request, "account/welcome_used.html", status=403)
    form = FirstOperatorForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            user = services.create_first_operator(
                ticket=ticket,
                username=form.cleaned_data["username"],
                password=form.cleaned_data["password"],
                now=timezone.now(),
            )
        except ZooError as error:
            form.add_error(error.field, error.message)
        else:
            login(request, user)
            return redirect("web:account")
    return render(request, "account/welcome.html", {"form": form}, status=400 if form.errors else 200)


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)


def _page(
    request: HttpRequest, form: TokenForm, *, made: services.NewToken | None = None, status: int = 200
) -> HttpResponse:
    user = _user(request)
    context = {
        "form": form,
        "made": made,
        "rows": [(token, token.is_live(timezone.now())) for token in tokens_of(user)],
        "may_operate": user.may(Scope.OPERATE),
    }
    return render(request, "account/account.html", context, status=status)
