"""/metrics as Prometheus reads it, and that the shipped alerts and dashboard ask for what is there."""

from __future__ import annotations

import inspect
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.db import DatabaseError
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from evaluation.contract import Progress, Requirements, Stage
from tests.factories.runs import LEASE, finish, make_run, make_spec, must_claim
from zoo.api import metrics
from zoo.runs import measures, queue, reaper
from zoo.runs.clock import database_now
from zoo.runs.models import Run, RunEvent

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"
OF_PROMETHEUS = {"up"}
"""What Prometheus itself knows of everything that it asks."""

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]
Found = dict[str, list[Any]]


def scraped(client: Client) -> Found:
    """The samples by name."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    found: Found = {}
    for family in text_string_to_metric_families(answer.content.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample)
    return found


def value(found: Found, name: str, **labels: str) -> float:
    (sample,) = [one for one in found[name] if labels.items() <= one.labels.items()]
    return float(sample.value)


def test_waiting_runs_are_told_by_state_and_by_queue_with_their_age(client: Client) -> None:
    now = database_now()
    make_run("scripted/small", now=now - timedelta(minutes=5))
    large = make_spec("scripted/large").model_copy(
        update={"requirements": Requirements(memory_bytes=60 << 30)}
    )
    queue.request_run(spec=large, acting_user=None, now=now - timedelta(minutes=2))
    found = scraped(client)
    assert value(found, "zoo_runs", state="queued") == 2
    assert 300 <= value(found, "zoo_runs_oldest_seconds", state="queued") < 330
    assert value(found, "zoo_queue_runs", queue="evaluate.any") == 1
    assert value(found, "zoo_queue_runs", queue="evaluate.any.80g") == 1
    assert 120 <= value(found, "zoo_queue_runs_oldest_seconds", queue="evaluate.any.80g") < 150
    assert value(found, "zoo_outbox_unsent") == 2


def test_runs_in_work_tell_their_pace_and_their_workers_age(client: Client) -> None:
    now = database_now()
    make_run(now=now - timedelta(minutes=10))
    claimed = must_claim(now=now - timedelta(minutes=3), lease=timedelta(hours=1))
    progress = Progress(stage=Stage.SCORING, done=40, total=100, rate=12.5)
    queue.heartbeat(lease=claimed.lease, progress=progress, now=now - timedelta(seconds=30), length=LEASE)
    found = scraped(client)
    assert value(found, "zoo_runs", state="running") == 1
    assert 180 <= value(found, "zoo_runs_oldest_seconds", state="running") < 210
    assert value(found, "zoo_items_per_second") == 12.5
    # The heartbeat counts as a sign of life, although the worker has asked for nothing since.
    assert 30 <= value(found, "zoo_worker_heartbeat_age_seconds", device="cpu") < 60
    assert value(found, "zoo_workers") == 1


def test_a_lost_lease_and_a_late_delivery_are_counted(client: Client) -> None:
    now = database_now()
    make_run(now=now - timedelta(minutes=10))
    must_claim(now=now - timedelta(minutes=5), lease=timedelta(minutes=1))
    reaper.reap(now=now)
    run = Run.objects.get()
    RunEvent.objects.create(run=run, at=now, kind="refused", data={})
    found = scraped(client)
    assert value(found, "zoo_lease_losses_total") == 1
    assert value(found, "zoo_late_deliveries_total") == 1


def test_a_finished_run_leaves_its_stages(client: Client, tmp_path: Path) -> None:
    now = database_now()
    run = make_run(now=now - timedelta(minutes=10))
    before = value(scraped(client), "zoo_run_stage_seconds_count", stage="waiting")
    finish(run, tmp_path, now=now - timedelta(minutes=4))
    (waiting, fetching) = measures.stage_times(run_id=run.pk, token=1)
    assert waiting == ("waiting", 360.0)
    assert fetching.stage == "fetching"
    metrics.note_stages(run_id=run.pk, token=1)
    found = scraped(client)
    assert value(found, "zoo_run_stage_seconds_count", stage="waiting") == before + 1
    assert value(found, "zoo_results_total") == 1


def test_every_alarm_is_told_raised_or_not(client: Client) -> None:
    make_run(now=database_now() - timedelta(days=2))
    found = scraped(client)
    told = {sample.labels["code"]: sample.value for sample in found["zoo_alarm"]}
    assert set(told) == set(reaper.ALARMS)
    assert told["queued_too_long"] == 1
    assert told["reaper_down"] == 0


def test_no_alarm_is_missing_in_the_list() -> None:
    assert set(re.findall(r'Alarm\(\s*"(\w+)"', inspect.getsource(reaper))) == set(reaper.ALARMS)


def test_without_a_database_the_rest_is_still_told(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*, now: object) -> None:
        raise DatabaseError("gone")

    monkeypatch.setattr(measures, "snapshot", gone)
    found = scraped(client)
    assert value(found, "zoo_database_up") == 0
    assert "zoo_runs" not in found
    assert "zoo_run_stage_seconds_count" in found


def names_in(expression: str) -> set[str]:
    """The metrics of a PromQL expression: words before a selector, a range or an operator, that are no functions."""
    bare = re.sub(r'"[^"]*"', '""', expression)
    bare = re.sub(r"\b(by|without|on)\s*\([^)]*\)", "", bare)
    bare = re.sub(r"\{[^}]*\}", "", re.sub(r"\[[^]]*\]", "", bare))
    words = set(re.findall(r"\b([a-z_][a-z0-9_]*)\b(?!\s*\()", bare))
    return words - {"or", "and", "unless"}


def known_to(client: Client) -> set[str]:
    now = database_now()
    make_run(now=now)
    must_claim(now=now)
    make_run("scripted/other", now=now)
    client.get("/api/v1/status/")
    return set(scraped(client)) | OF_PROMETHEUS


def rules() -> list[dict[str, Any]]:
    document = yaml.safe_load((DEPLOY / "alerts.yaml").read_text())
    return [rule for group in document["groups"] for rule in group["rules"]]


def test_the_alerts_ask_only_for_what_there_is(client: Client) -> None:
    known = known_to(client)
    for rule in rules():
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in {"info", "warning", "critical"}
        assert rule["annotations"]["remedy"]
        asked = names_in(rule["expr"])
        assert asked, rule["alert"]
        assert asked <= known, (rule["alert"], asked - known)


def test_every_alarm_has_its_alert() -> None:
    codes = {code for rule in rules() for code in re.findall(r'zoo_alarm\{code="(\w+)"\}', rule["expr"])}
    assert codes == set(reaper.ALARMS)


def test_the_dashboard_asks_only_for_what_there_is(client: Client) -> None:
    known = known_to(client)
    dashboard = json.loads((DEPLOY / "grafana-dashboard.json").read_text())
    asked = {
        name
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in names_in(target["expr"])
    }
    assert asked <= known, asked - known
    wanted = {"zoo_runs", "zoo_run_stage_seconds_bucket", "zoo_worker_heartbeat_age_seconds"}
    assert wanted <= asked
