"""Models that one sends: the list of one's own, the form for an archive, and taking one back."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from zoo.accounts.models import Scope, User
from zoo.core.errors import ZooError
from zoo.uploads import archives, selectors, services
from zoo.web.forms.uploads import ArchiveForm


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """``/uploads/``: your uploads, and the form for a new one."""
    user = cast(User, request.user)
    form = ArchiveForm(request.POST, request.FILES) if request.method == "POST" else ArchiveForm()
    if request.method == "POST" and form.is_valid():
        try:
            upload = archives.receive_archive(
                label=form.cleaned_data["label"],
                source=form.cleaned_data["archive"].file,
                declared=form.cleaned_data["archive"].size,
                acting_user=user,
                now=timezone.now(),
            )
        except ZooError as error:
            field = error.field if error.field in form.fields else "archive"
            form.add_error(field, f"{error.message} {error.remedy}".strip())
        else:
            return redirect(f"/submit/?student={upload.reference}")
    context = {
        "form": form,
        "uploads": selectors.uploads_of(user)[:100],
        "used": selectors.used_bytes(user),
        "may_submit": user.may(Scope.SUBMIT),
    }
    return render(request, "uploads/index.html", context, status=400 if form.errors else 200)


@login_required
@require_POST
def remove(request: HttpRequest, upload_id: UUID) -> HttpResponse:
    """Removes an upload of one's own."""
    services.remove(upload_id=upload_id, acting_user=cast(User, request.user), now=timezone.now())
    return redirect("web:uploads")
