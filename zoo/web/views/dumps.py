"""``/dumps/``: the nightly dumps of the open data, to be kept elsewhere."""

from __future__ import annotations

import re

from django.conf import settings
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from zoo.publishing import dumping

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The dumps that there are, newest first."""
    return render(request, "releases/dumps.html", {"dumps": dumping.available(settings.ZOO_DUMPS)})


@require_safe
def file(request: HttpRequest, day: str, name: str) -> FileResponse:
    """One file of a dump. Only names that the dump lists are served."""
    found = next((dump for dump in dumping.available(settings.ZOO_DUMPS) if dump.day == day), None)
    if found is None or not _DAY.fullmatch(day) or name not in {one for one, _ in found.files}:
        raise Http404
    opened = (settings.ZOO_DUMPS / day / name).open("rb")
    return FileResponse(opened, as_attachment=True, filename=f"distill-zoo-{day}-{name}")
