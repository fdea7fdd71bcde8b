"""Webhooks of an account: subscribe, try out, end, and the log of deliveries."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from zoo.accounts.models import Scope, User
from zoo.core.errors import ZooError
from zoo.publishing import webhooks
from zoo.web.forms.webhooks import WebhookForm


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """``/account/webhooks/``: the list, and the form for a new one."""
    user = cast(User, request.user)
    form = WebhookForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = webhooks.subscribe(
                url=form.cleaned_data["url"],
                events=form.cleaned_data["events"],
                acting_user=user,
                now=timezone.now(),
            )
        except ZooError as error:
            form.add_error(error.field if error.field in form.fields else None, error.message)
        else:
            return redirect("web:webhook", made.webhook.pk)
    context = {"form": form, "webhooks": webhooks.live(user), "may_submit": user.may(Scope.SUBMIT)}
    return render(request, "account/webhooks.html", context, status=400 if form.errors else 200)


@never_cache
@login_required
@require_safe
def show(request: HttpRequest, webhook_id: UUID) -> HttpResponse:
    """``/account/webhooks/{id}/``: the secret, and the log of deliveries with every try."""
    webhook = webhooks.webhook_of(cast(User, request.user), webhook_id)
    page = Paginator(webhooks.deliveries_of(webhook), 50).get_page(request.GET.get("page"))
    context = {"webhook": webhook, "secret": webhooks.secret_of(webhook), "page": page}
    return render(request, "account/webhook.html", context)


@login_required
@require_POST
def ping(request: HttpRequest, webhook_id: UUID) -> HttpResponse:
    """Queues a message to try the webhook out."""
    webhooks.ping(webhook=webhooks.webhook_of(cast(User, request.user), webhook_id), now=timezone.now())
    return redirect("web:webhook", webhook_id)


@login_required
@require_POST
def again(request: HttpRequest, webhook_id: UUID, delivery_id: UUID) -> HttpResponse:
    """Queues a delivery once more."""
    webhook = webhooks.webhook_of(cast(User, request.user), webhook_id)
    webhooks.deliver_again(webhook=webhook, delivery_id=delivery_id, now=timezone.now())
    return redirect("web:webhook", webhook_id)


@login_required
@require_POST
def end(request: HttpRequest, webhook_id: UUID) -> HttpResponse:
    """Ends a webhook."""
    user = cast(User, request.user)
    webhook = webhooks.webhook_of(user, webhook_id)
    webhooks.end(webhook=webhook, reason="ended by its owner", acting_user=user, now=timezone.now())
    return redirect("web:webhooks")
