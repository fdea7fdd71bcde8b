"""Log lines for machines: one JSON object each, with the request's id, and with the traceback of an error."""

from __future__ import annotations

import json
import logging
import sys

import structlog

from zoo.core import logs


def line(record: logging.LogRecord) -> dict[str, object]:
    known: dict[str, object] = json.loads(logs.formatter(as_json=True).format(record))
    return known


def record(message: str, *, failed: bool = False) -> logging.LogRecord:
    info = None
    if failed:
        try:
            raise ValueError("what went wrong")
        except ValueError:
            info = sys.exc_info()
    return logging.LogRecord("zoo.api", logging.ERROR, __file__, 1, message, None, info)


def test_a_line_is_an_object_with_the_ids_of_the_request() -> None:
    with structlog.contextvars.bound_contextvars(request_id="q-1", run_id="r-1"):
        known = line(record("refused"))
        assert logs.request_id() == "q-1"
    assert (known["event"], known["request_id"], known["run_id"]) == ("refused", "q-1", "r-1")
    assert logs.request_id() == ""


def test_an_error_keeps_its_traceback() -> None:
    known = line(record("failed", failed=True))
    assert "ValueError: what went wrong" in str(known["exception"])


def test_an_id_that_a_proxy_sends_is_cut_to_size() -> None:
    with structlog.contextvars.bound_contextvars(request_id="x" * 500):
        assert len(logs.request_id()) == logs.MAX_ID
