"""The shipped alerts and dashboard under a real Prometheus, where Debian's package ``prometheus`` is installed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import yaml
from pytest_django.live_server_helper import LiveServer

from tests.factories.database import committed
from tests.factories.runs import finish, make_run, must_claim
from tests.factories.stack import wait_until
from tests.integration.api.test_metrics import DEPLOY, rules
from zoo.api import metrics
from zoo.cli.broker import free_port
from zoo.runs.clock import database_now

needs = pytest.mark.skipif(
    None in (shutil.which("prometheus"), shutil.which("promtool")),
    reason="no Prometheus: install Debian's prometheus",
)


def queries() -> dict[str, str]:
    """The expressions of the dashboard by the title of their panel."""
    dashboard = json.loads((DEPLOY / "grafana-dashboard.json").read_text())
    return {
        f"{panel['title']} {number}": target["expr"]
        for panel in dashboard["panels"]
        for number, target in enumerate(panel["targets"])
    }


def test_every_alert_has_a_unit_test_that_it_fires_in() -> None:
    text = (DEPLOY / "alerts.test.yaml").read_text()
    assert set(re.findall(r'alertname="(\w+)"', text)) == {rule["alert"] for rule in rules()}


@needs
def test_the_rules_pass_their_unit_tests_and_the_dashboard_is_promql(tmp_path: Path) -> None:
    asked = [
        {"record": f"dashboard:{number}", "expr": expr} for number, expr in enumerate(queries().values())
    ]
    recorded = tmp_path / "dashboard.yaml"
    recorded.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": asked}]}))
    for words in (
        ["check", "rules", str(DEPLOY / "alerts.yaml"), str(recorded)],
        ["test", "rules", str(DEPLOY / "alerts.test.yaml")],
    ):
        done = subprocess.run(["promtool", *words], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def prometheus(live_server: LiveServer, tmp_path: Path) -> Iterator[str]:
    """The address of a Prometheus that asks the live server every second, set up as docs/operations.md says."""
    told = (DEPLOY.parent / "docs" / "operations.md").read_text()
    (example,) = [
        text for text in re.findall(r"```yaml\n(.*?)```", told, re.DOTALL) if "scrape_configs" in text
    ]
    config = yaml.safe_load(example)
    config["rule_files"] = [str(DEPLOY / Path(path).name) for path in config["rule_files"]]
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["scrape_configs"][0]["static_configs"] = [{"targets": [urlsplit(live_server.url).netloc]}]
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    port = free_port()
    words = [f"--config.file={tmp_path / 'prometheus.yml'}", f"--storage.tsdb.path={tmp_path / 'data'}"]
    process = subprocess.Popen(
        ["prometheus", *words, f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    )
    try:
        yield f"http://127.0.0.1:{port}/api/v1"
    finally:
        process.terminate()
        process.wait(timeout=60)


@needs
def test_a_real_prometheus_reads_the_metrics_and_answers_every_query_of_the_dashboard(
    transactional_db: None, prometheus: str, tmp_path: Path
) -> None:
    with committed():
        now = database_now()
        done = make_run("scripted/done", now=now)
        finish(done, tmp_path, now=now)
        metrics.note_stages(run_id=done.pk, token=1)
        make_run("scripted/working", now=now)
        must_claim(now=now)
        make_run("scripted/waiting", now=now)

        def asked(expression: str) -> list[object]:
            try:
                answer = httpx.get(f"{prometheus}/query", params={"query": expression}, timeout=30)
            except httpx.TransportError:
                return []
            assert answer.status_code == 200, answer.text
            return list(answer.json()["data"]["result"])

        wait_until(lambda: bool(asked("count_over_time(zoo_results_total[1m]) > 2")), seconds=120)
        assert {name for name, expr in queries().items() if not asked(expr)} == set()
        found = httpx.get(f"{prometheus}/rules", timeout=30).json()["data"]["groups"]
        health = {rule["name"]: rule["health"] for group in found for rule in group["rules"]}
        assert health == {rule["alert"]: "ok" for rule in rules()}
        raised = httpx.get(f"{prometheus}/alerts", timeout=30).json()["data"]["alerts"]
        assert [alert["labels"] for alert in raised if alert["state"] == "firing"] == []
