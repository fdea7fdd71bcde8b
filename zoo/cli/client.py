"""The command line's way to a server: the package's own client. ``ZOO_URL`` and ``ZOO_TOKEN`` say where and as whom."""

from __future__ import annotations

from zoo.client import DEFAULT_URL, FINAL, ApiProblem, Unreachable
from zoo.client import Connection as Api

__all__ = ["DEFAULT_URL", "FINAL", "Api", "ApiProblem", "Unreachable"]
