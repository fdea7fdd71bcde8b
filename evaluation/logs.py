"""How the lines of a worker and of its child look: one line each, plain for people or JSON for machines.

A process works on one run at a time, so what it works on is kept per process and stands on every line, whichever
thread wrote it. Only the standard library: the child loads this inside its walls.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

RUN_VARIABLE = "ZOO_RUN_ID"
REQUEST_VARIABLE = "ZOO_REQUEST_ID"
_working_on: dict[str, str] = {}


@contextmanager
def working_on(*, run_id: str, request_id: str) -> Iterator[None]:
    """Every line that this process logs inside the block names the run, and the web request it came from."""
    known = {"run_id": run_id, "request_id": request_id}
    _working_on.update({name: value for name, value in known.items() if value})
    try:
        yield
    finally:
        _working_on.clear()


def for_child() -> dict[str, str]:
    """What the child is told by its environment, so that its lines name the run too."""
    names = {"run_id": RUN_VARIABLE, "request_id": REQUEST_VARIABLE}
    return {variable: _working_on[name] for name, variable in names.items() if name in _working_on}


class Line(logging.Formatter):
    """One record as one line. Line breaks inside are escaped, so that nobody can forge a line."""

    def __init__(self, *, as_json: bool) -> None:
        super().__init__()
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        """The line, with the ids of the run at hand."""
        known = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **_working_on,
        }
        if record.exc_info:
            known["exception"] = self.formatException(record.exc_info)
        if self._as_json:
            return json.dumps(known, ensure_ascii=False)
        return _plain(known)


def configure(environment: Mapping[str, str] | None = None) -> None:
    """Sends everything to stderr: JSON with ZOO_LOG_JSON, from the level of ZOO_LOG_LEVEL on (INFO by default)."""
    given = os.environ if environment is None else environment
    _working_on.update(
        {
            name: given[variable]
            for name, variable in (("run_id", RUN_VARIABLE), ("request_id", REQUEST_VARIABLE))
            if given.get(variable)
        }
    )
    handler = logging.StreamHandler()
    handler.setFormatter(Line(as_json=given.get("ZOO_LOG_JSON", "").lower() in {"1", "true", "yes", "on"}))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(given.get("ZOO_LOG_LEVEL", "") or "INFO")
    # A line for every poll of an idle worker is no news.
    logging.getLogger("httpx").setLevel(logging.WARNING)


def _plain(known: dict[str, str]) -> str:
    event = known["event"].replace("\r", "\\r").replace("\n", "\\n")
    ids = "".join(f" {name}={_working_on[name]}" for name in _working_on)
    line = f"{known['timestamp']} [{known['level']}] {event} [{known['logger']}]{ids}"
    return f"{line}\n{known['exception']}" if "exception" in known else line
