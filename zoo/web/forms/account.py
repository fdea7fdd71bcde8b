"""Forms of the account pages; the one for signing in brakes those who guess passwords."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth import password_validation
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from zoo.accounts import attempts
from zoo.accounts.models import Scope, User

_LIFETIMES = (("30", "30 days"), ("90", "90 days"), ("365", "a year"), ("0", "until it is revoked"))
_SCOPE_WORDS = {
    Scope.READ: "read: look at everything, with the higher request limit",
    Scope.SUBMIT: "submit: also submit models and cancel own runs",
    Scope.CURATE: "curate: also edit the catalog",
    Scope.OPERATE: "operate: everything, also workers and releases",
}


class TokenForm(forms.Form):
    """A new token: a name, what it may do, how long it lives."""

    name = forms.CharField(max_length=80, help_text="Where it will be used, such as “CI of the search team”.")
    scope = forms.ChoiceField(label="It may")
    days = forms.ChoiceField(label="It ends after", choices=_LIFETIMES, initial="365")

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        allowed = [scope for scope in Scope if user.may(scope)]
        field = self.fields["scope"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(str(scope), _SCOPE_WORDS[scope]) for scope in allowed]
        field.initial = str(Scope.SUBMIT if Scope.SUBMIT in allowed else Scope.READ)

    def lifetime(self) -> timedelta | None:
        """How long the token lives; None means without an end."""
        days = int(self.cleaned_data["days"])
        return timedelta(days=days) if days else None


class FirstOperatorForm(forms.Form):
    """The operator's account on a new installation."""

    username = forms.CharField(
        label="User name",
        max_length=150,
        validators=[User.username_validator],
        widget=forms.TextInput(attrs={"autocomplete": "username", "autofocus": True}),
    )
    password = forms.CharField(
        help_text="At least ten characters. A sentence works well.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean_password(self) -> str:
        """Applies the installation's password rules."""
        password = str(self.cleaned_data["password"])
        password_validation.validate_password(password)
        return password


class SignInForm(AuthenticationForm):
    """Django's form, behind the brake: past the limit an attempt is not looked at, and the answer is a 429."""

    def clean(self) -> dict[str, Any]:
        """Raises ValidationError for a wrong password, TooManyAttempts when there were too many of them."""
        assert self.request is not None
        attempt = attempts.Attempt(str(self.cleaned_data.get("username") or ""), address_of(self.request))
        attempts.check(attempt)
        try:
            cleaned: dict[str, Any] = super().clean()
        except ValidationError:
            attempts.note_failure(attempt)
            raise
        attempts.note_success(attempt)
        return cleaned


def address_of(request: HttpRequest) -> str:
    """The visitor's address: what the outermost trusted proxy saw, else the other end of the connection."""
    trusted: int = settings.ZOO_TRUSTED_PROXIES
    seen = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    if trusted and seen:
        return seen[-min(trusted, len(seen))]
    return str(request.META.get("REMOTE_ADDR", ""))


class AccountForm(forms.Form):
    """A new account, made by an operator."""

    username = forms.CharField(label="User name", max_length=150)
    role = forms.ChoiceField(
        label="Role",
        choices=[(str(scope), words) for scope, words in _SCOPE_WORDS.items()],
        initial=str(Scope.SUBMIT),
    )


class AccountChangeForm(forms.Form):
    """Role of an account, and whether it may be used."""

    role = forms.ChoiceField(choices=[(str(scope), str(scope)) for scope in Scope])
    active = forms.BooleanField(required=False)
