"""One service on several machines: many submissions, three workers, one of them cut off at work. All finish once.

Meanwhile its housekeeping does what it has to: a receiver that fails at first is told of the release, and the dump is
made at its time.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import time
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.factories.machines import Machine, Site, site
from tests.factories.receiver import Receiver, receiver
from tests.factories.stack import wait_until
from zoo.cli.client import Api, ApiProblem, Unreachable
from zoo.publishing import sending

SUBMISSIONS = int(os.environ.get("ZOO_TEST_SUBMISSIONS", "10"))
"""``make machines`` makes thirty."""
RUNS = SUBMISSIONS + 1
"""The last one brings a teacher."""
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
    home = tmp_path_factory.mktemp("site") / "home"
    every_minute = {"ZOO_NIGHTLY": "* * * * *", "ZOO_NIGHTLY_SITE": "0"}
    with site(home, workers=3, ZOO_WEBHOOKS_PRIVATE="1", **every_minute) as made:
        yield made


@pytest.fixture
def hooks() -> Iterator[Receiver]:
    with receiver(failures=1) as made:
        yield made


def test_all_submissions_finish_once_on_three_machines_although_one_is_cut_off(
    running: Site, hooks: Receiver
) -> None:
    for machine in running.machines:
        reaches_only_broker_and_api(running, machine)
    api = running.api()
    subscription = api.post("webhooks/", {"url": hooks.url, "events": ["release.published"]})
    slow = submit(api, 0, SLOW)
    wait_until(lambda: run_of(api, slow)["state"] == "running", seconds=60)
    (victim,) = [machine for machine in running.machines if machine.claims]
    victim.cut_off()
    asked = [slow, *(submit(api, number, QUICK) for number in range(1, SUBMISSIONS - 1))]
    asked.append(submit(api, SUBMISSIONS - 1, QUICK, teacher="scripted/teacher-p90"))
    wait_until(lambda: results(api) == RUNS, seconds=240)
    victim.join_again()
    wait_until(
        lambda: {api.get(f"submissions/{one}/")["state"] for one in asked} == {"succeeded"}, seconds=60
    )
    assert run_of(api, slow)["attempts"] == 2
    all_were_recorded_once(running)
    if victim.link:
        wait_until(lambda: "is not ours any more" in victim.log, seconds=60)
    the_monitor_saw_it(running)
    one_request_can_be_followed_through_all_logs(running, asked[1], api)
    the_release_was_told_although_the_receiver_failed_at_first(hooks, subscription, api)
    the_dump_was_made_at_its_time_and_holds_the_release(running)
    api.close()


def results(api: Api) -> int:
    """How many results there are; -1 while a busy server does not say."""
    with contextlib.suppress(Unreachable, ApiProblem):
        return int(api.get("status/")["results"])
    return -1


def submit(api: Api, number: int, task: str, **more: str) -> str:
    body = {"student": f"scripted/student{number}-p70", "tasks": [task], **more}
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
    assert len(recorded) == RUNS
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
    assert found["zoo_results_total",] == RUNS
    assert found["zoo_lease_losses_total",] >= 1
    assert found["zoo_run_stage_seconds_count", "measuring"] >= 1
    assert found["zoo_run_stage_seconds_count", "waiting"] == RUNS
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


def the_release_was_told_although_the_receiver_failed_at_first(
    hooks: Receiver, subscription: dict[str, Any], api: Api
) -> None:
    """The same message twice, signed each time; the log has both tries."""
    path = f"webhooks/{subscription['id']}/deliveries/"
    wait_until(lambda: [one["state"] for one in api.get(path)["results"]] == ["delivered"], seconds=120)
    (delivery,) = api.get(path)["results"]
    assert [attempt["status"] for attempt in delivery["attempts"]] == [500, 204]
    (first, body), (second, again) = hooks.messages
    assert body == again == delivery["body"]
    assert first["webhook-id"] == second["webhook-id"] == delivery["id"]
    for headers in (first, second):
        assert sending.verify(
            subscription["secret"],
            identifier=headers["webhook-id"],
            timestamp=int(headers["webhook-timestamp"]),
            body=body,
            signature=headers["webhook-signature"],
            now=int(time.time()),
        )
    (release,) = api.get("releases/")["results"]
    told = json.loads(body)
    assert (told["type"], told["data"]["release"]) == ("release.published", release["id"])
    assert told["data"]["digest"] == release["digest"]


def the_dump_was_made_at_its_time_and_holds_the_release(made: Site) -> None:
    """The schedule of the test says every minute; the process and the schedule are those of an installation."""
    dumps = made.home / "server" / "dumps"

    def rows() -> list[str]:
        with contextlib.suppress(OSError):  # It is being replaced by the next one.
            return [
                line
                for path in dumps.glob("*/releases.jsonl.gz")
                for line in gzip.decompress(path.read_bytes()).decode().splitlines()
            ]
        return []

    wait_until(lambda: len(rows()) == 1, seconds=120)
    assert "scripted/teacher-p90" in rows()[0]
    assert all((day / "SHA256SUMS").is_file() for day in dumps.iterdir() if not day.name.startswith("."))
