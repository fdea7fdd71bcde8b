"""One service on several machines: many submissions, three workers, one of them cut off at work. All finish once."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.factories.machines import Machine, Site, site
from tests.factories.stack import wait_until
from zoo.cli.client import Api, ApiProblem, Unreachable

SUBMISSIONS = int(os.environ.get("ZOO_TEST_SUBMISSIONS", "10"))
"""``make machines`` makes thirty."""
SLOW = "scripted_slow.n-40.seconds-8"
QUICK = "scripted_choice.n-10"
REACHES = """
import os, socket, sys
for host, port in {places!r}:
    try:
        socket.create_connection((host, port), 2).close()
        print(True)
    except OSError:
        print(False)
print(os.path.exists({database!r}))
"""

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("site") / "home", workers=3) as made:
        yield made


def test_all_submissions_finish_once_on_three_machines_although_one_is_cut_off(running: Site) -> None:
    for machine in running.machines:
        reaches_only_broker_and_api(running, machine)
    api = running.api()
    slow = submit(api, 0, SLOW)
    wait_until(lambda: run_of(api, slow)["state"] == "running", seconds=60)
    (victim,) = [machine for machine in running.machines if machine.claims]
    victim.cut_off()
    asked = [slow, *(submit(api, number, QUICK) for number in range(1, SUBMISSIONS))]
    wait_until(lambda: results(api) == SUBMISSIONS, seconds=240)
    victim.join_again()
    assert {api.get(f"submissions/{one}/")["state"] for one in asked} == {"succeeded"}
    assert run_of(api, slow)["attempts"] == 2
    all_were_recorded_once(running)
    if victim.link:
        wait_until(lambda: "is not ours any more" in victim.log, seconds=60)
    the_monitor_saw_it(running)
    one_request_can_be_followed_through_all_logs(running, asked[-1], api)
    api.close()


def results(api: Api) -> int:
    """How many results there are; -1 while a busy server does not say."""
    with contextlib.suppress(Unreachable, ApiProblem):
        return int(api.get("status/")["results"])
    return -1


def submit(api: Api, number: int, task: str) -> str:
    body = {"student": f"scripted/student{number}-p70", "tasks": [task]}
    return str(api.post("submissions/", body)["id"])


def run_of(api: Api, submission: str) -> dict[str, Any]:
    identifier = api.get(f"submissions/{submission}/")["student_run"]
    found: dict[str, Any] = api.get(f"runs/{identifier.rstrip('/').rsplit('/', 1)[-1]}/")
    return found


def reaches_only_broker_and_api(made: Site, machine: Machine) -> None:
    """The worker's machine sees two ports of the server, nothing beyond, and not the server's folder."""
    if not machine.link:
        return
    web = httpx.URL(made.url)
    broker = httpx.URL(made.environment["REDIS_URL"].replace("redis://", "http://"))
    places = [(web.host, web.port), (broker.host, broker.port), ("127.0.0.1", web.port), ("192.0.2.1", 443)]
    database = str(made.home / "server" / "postgres")
    said = machine.says(REACHES.format(places=places, database=database)).split()
    assert said == ["True", "True", "False", "False", "False"]


def all_were_recorded_once(made: Site) -> None:
    with psycopg.connect(made.environment["DATABASE_URL"]) as connection:
        recorded = connection.execute(
            "SELECT run_id, count(*) FROM runs_runevent WHERE kind = 'recorded' GROUP BY run_id"
        ).fetchall()
        lost = connection.execute("SELECT count(*) FROM runs_runevent WHERE kind = 'lost'").fetchone()
        workers = connection.execute(
            "SELECT count(DISTINCT split_part(worker, '-', 2)) FROM runs_runevent WHERE kind = 'recorded'"
        ).fetchone()
    assert len(recorded) == SUBMISSIONS
    assert {times for _, times in recorded} == {1}
    assert lost is not None
    assert lost[0] >= 1
    assert workers is not None
    assert workers[0] >= 2


def the_monitor_saw_it(made: Site) -> None:
    """Two web processes answer /metrics as one."""
    text = httpx.get(f"{made.url}/metrics").text
    found = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found["zoo_results_total",] == SUBMISSIONS
    assert found["zoo_lease_losses_total",] >= 1
    assert found["zoo_run_stage_seconds_count", "measuring"] >= 1
    assert found["zoo_run_stage_seconds_count", "waiting"] == SUBMISSIONS
    accepted = [value for (name, *labels), value in found.items() if name == ANSWERS and labels == ["202"]]
    assert accepted == [SUBMISSIONS]


ANSWERS = "django_http_responses_total_by_status_total"


def one_request_can_be_followed_through_all_logs(made: Site, submission: str, api: Api) -> None:
    """Web, relay, worker and runner name the run; all but the runner's own lines name the request as well."""
    run = str(run_of(api, submission)["id"])
    (requested,) = [line for line in lines(made.log("web"), run) if line["event"] == "run_requested"]
    request = requested["request_id"]
    answered = [line for line in lines(made.log("web"), request) if line["event"] == "request_finished"]
    assert "/api/v1/submissions/" in answered[0]["request"]
    heard = {line["event"] for line in lines(made.log("jobs"), run) if line.get("request_id") == request}
    assert {"hint_sent", "settle_sent", "settling"} <= heard
    (machine,) = [one for one in made.machines if f"claimed run {run}" in one.log]
    told = [line for line in lines(machine.log, run) if line.get("request_id") == request]
    assert {"evaluation.tasks", "evaluation.supervision.attempt", "evaluation.runner"} <= {
        line["logger"] for line in told
    }
    assert any(
        line["logger"] == "evaluation.runner" and f"run_id={run} request_id={request}" in line["event"]
        for line in told
    )


def lines(log: str, word: str) -> list[dict[str, Any]]:
    """The JSON lines that hold the word."""
    return [json.loads(line) for line in log.splitlines() if word in line and line.startswith("{")]
