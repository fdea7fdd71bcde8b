"""Files in forms: one page takes one, from those who may send it. Everywhere else a file in a form is refused."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.core.files.uploadhandler import TemporaryFileUploadHandler

from zoo.accounts.models import Scope, User
from zoo.uploads.archives import MAX_ARCHIVE_BYTES

ADDRESS = "/uploads/"


class OneArchive(TemporaryFileUploadHandler):
    """Asks who sends what before the first byte is kept; then writes to a temporary file."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Called as a file begins. Raises PermissionDenied (403)."""
        user = getattr(self.request, "user", None)
        allowed = isinstance(user, User) and user.may(Scope.SUBMIT)
        if self.request is None or self.request.path != ADDRESS or not allowed:
            raise PermissionDenied("this form takes no file")
        self.received = 0
        super().new_file(*args, **kwargs)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Raises RequestDataTooBig (400) past the limit."""
        self.received += len(raw_data)
        if self.received > MAX_ARCHIVE_BYTES:
            raise RequestDataTooBig("the archive is too large")
        super().receive_data_chunk(raw_data, start)
