"""Lines of a worker: the run at hand on each, JSON for machines, and no line can be forged."""

from __future__ import annotations

import json
import logging

import pytest

from evaluation import logs


def line(message: str, *, as_json: bool, error: BaseException | None = None) -> str:
    info = (type(error), error, None) if error else None
    record = logging.LogRecord("evaluation.tasks", logging.INFO, __file__, 1, message, None, info)
    return logs.Line(as_json=as_json).format(record)


def test_every_line_names_the_run_and_the_request_it_came_from() -> None:
    with logs.working_on(run_id="r-1", request_id="q-1"):
        known = json.loads(line("claimed", as_json=True))
        assert (known["run_id"], known["request_id"], known["event"]) == ("r-1", "q-1", "claimed")
        assert "run_id=r-1 request_id=q-1" in line("claimed", as_json=False)
        assert logs.for_child() == {"ZOO_RUN_ID": "r-1", "ZOO_REQUEST_ID": "q-1"}
    assert "run_id" not in json.loads(line("idle", as_json=True))
    assert logs.for_child() == {}


@pytest.mark.parametrize("as_json", [True, False])
def test_a_line_break_makes_no_second_line(as_json: bool) -> None:
    assert "\n" not in line("fine\n2026-01-01 [error] forged", as_json=as_json)


def test_an_exception_rides_along() -> None:
    known = json.loads(line("failed", as_json=True, error=ValueError("what")))
    assert known["exception"].endswith("ValueError: what")


def test_a_child_takes_the_ids_from_its_environment() -> None:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        logs.configure({"ZOO_RUN_ID": "r-2", "ZOO_LOG_JSON": "1", "ZOO_LOG_LEVEL": "WARNING"})
        assert json.loads(line("measuring", as_json=True))["run_id"] == "r-2"
        assert root.level == logging.WARNING
    finally:
        logs._working_on.clear()
        root.handlers[:] = before
        root.setLevel(level)
