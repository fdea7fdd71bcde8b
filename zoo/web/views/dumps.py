"""``/dumps/``: the nightly dumps of the open data, to be kept elsewhere."""

from __future__ import annotations

import mimetypes
import re

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from zoo.core.streaming import blocks, stream
from zoo.publishing import dumping

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The dumps that there are, newest first."""
    return render(request, "releases/dumps.html", {"dumps": dumping.available(settings.ZOO_DUMPS)})


@require_safe
def file(request: HttpRequest, day: str, name: str) -> StreamingHttpResponse:
    """One file of a dump. Only names that the dump lists are served."""
    found = next((dump for dump in dumping.available(settings.ZOO_DUMPS) if dump.day == day), None)
    if found is None or not _DAY.fullmatch(day) or name not in {one for one, _ in found.files}:
        raise Http404
    path = settings.ZOO_DUMPS / day / name
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    answer = stream(request, blocks(path.open("rb")), content_type=kind, filename=f"distill-zoo-{day}-{name}")
    answer["Content-Length"] = str(path.stat().st_size)
    return answer
