"""The one exception of the bounded parsers: a stable code, what is wrong, and what to change."""

from __future__ import annotations

import re

from evaluation.contract import Failure, Fault

_UNPRINTABLE = re.compile(r"[^ -~]")


class FormatError(Exception):
    """A file, a name or an archive is not acceptable.

    ``code`` is stable and part of the interface; ``message`` says what is wrong with which file;
    ``remedy`` what its owner can change. ``fault`` is the submitter's, whose file it is, but for what happens on
    the way.
    """

    def __init__(self, code: str, message: str, remedy: str = "", *, fault: Fault = Fault.SUBMITTER) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.remedy = remedy
        self.fault = fault

    @property
    def failure(self) -> Failure:
        """The same as the failure of a run."""
        return Failure(
            code=self.code, fault=self.fault, message=self.message[:4000], remedy=self.remedy[:2000]
        )


def shown(text: object, length: int = 60) -> str:
    """Foreign text made fit for a message: quoted, printable ASCII alone, cut to ``length``."""
    plain = _UNPRINTABLE.sub("?", str(text)[: length + 1])
    return f"'{plain[:length]}…'" if len(plain) > length else f"'{plain}'"
