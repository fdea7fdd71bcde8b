"""What an engine that plans many requests at once may ask and tell while it works on them.

With it a long list of requests is one plan, and yet each answer is kept as soon as it is there: an engine
started again with the same list forms the same batches and passes over those that are known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class Memory:
    """Remembers nothing; for engines used by themselves. A run puts its journal here."""

    def recall(self, method: str, arguments: Sequence[Any]) -> Any | None:
        """The answer to a request from before, as the harness wants it; None where there is none."""
        return None

    def keep(
        self, method: str, arguments: Sequence[Any], answer: Any, tokens: Sequence[int] | None = None
    ) -> None:
        """Takes an answer down at once. ``tokens`` are those of a generated answer before it was cut."""
