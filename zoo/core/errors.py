"""The four kinds of anticipated error. Concrete ones are subclasses beside the function that raises them.

Domain code never names HTTP: ``zoo.api.problems`` and the web's handler translate by kind.
"""

from __future__ import annotations

from typing import ClassVar


class ZooError(Exception):
    """An anticipated error: a stable ``code``, a sentence for people, and what to change.

    ``field`` names the input that is wrong, if it is one; ``data`` holds facts that a client may use.
    """

    code: ClassVar[str] = "error"

    def __init__(
        self,
        message: str,
        *,
        remedy: str = "",
        field: str | None = None,
        **data: str | int | float | list[str],
    ) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.field = field
        self.data = data


class Invalid(ZooError):
    """The input is wrong and would be wrong again."""

    code = "invalid"


class Conflict(ZooError):
    """The input is fine, but the state of things does not allow it."""

    code = "conflict"


class Forbidden(ZooError):
    """Whoever asks may not."""

    code = "forbidden"


class NotFound(ZooError):
    """There is no such thing, or whoever asks may not know that there is."""

    code = "not_found"


class TooMany(ZooError):
    """A quota is used up; ``data`` says when to come back, in seconds, as ``retry_after``."""

    code = "quota_exceeded"
