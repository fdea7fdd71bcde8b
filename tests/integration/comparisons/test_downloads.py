"""Paired samples as files: Parquet, JSON Lines and lm-eval's own lines, with texts left out where they must be."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.test import Client

from tests.integration.comparisons.test_comparing import TASKS, compared
from zoo.catalog.models import Availability
from zoo.comparisons import redaction, samples
from zoo.comparisons.models import Comparison

pytestmark = pytest.mark.django_db
TASK = TASKS[0]


def fetched(client: Client, comparison: Comparison, kind: str, **query: str) -> bytes:
    answer = client.get(f"/api/v1/comparisons/{comparison.pk}/samples/{kind}/", query)
    assert answer.status_code == 200, answer.content
    assert "attachment" in answer["Content-Disposition"]
    return b"".join(answer.streaming_content)  # type: ignore[attr-defined]


@pytest.fixture
def gated(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scripted task is taken to come from a data set whose items may not be republished."""
    monkeypatch.setattr(redaction, "datasets_of", lambda suite, tasks: {TASK: "Idavidrein/gpqa"})


def test_parquet_and_json_lines_hold_the_same_pairs_as_the_page(client: Client, tmp_path: Path) -> None:
    comparison = compared(tmp_path)
    table = pq.read_table(io.BytesIO(fetched(client, comparison, "parquet", task=TASK)))
    lines = [json.loads(line) for line in fetched(client, comparison, "jsonl", task=TASK).splitlines()]
    page = samples.samples(comparison, task=TASK, outcome=None, after=0, limit=100).samples
    assert len(table) == len(lines) == len(page) == 60
    assert table["doc_hash"].to_pylist() == [line["doc_hash"] for line in lines]
    assert table["student_score"].to_pylist() == [sample.student["score"] for sample in page]
    assert lines[7]["teacher"] == page[7].teacher
    lost = pq.read_table(io.BytesIO(fetched(client, comparison, "parquet", task=TASK, outcome="lost")))
    assert set(lost["outcome"].to_pylist()) == {"lost"}


def test_each_side_can_be_had_as_the_harness_writes_its_samples(client: Client, tmp_path: Path) -> None:
    comparison = compared(tmp_path)
    for kind in ("lm-eval-student", "lm-eval-teacher"):
        rows = [json.loads(line) for line in fetched(client, comparison, kind, task=TASK).splitlines()]
        assert len(rows) == 60
        assert {"doc_id", "doc", "target", "arguments", "resps", "doc_hash", "acc"} <= set(rows[0])


@pytest.mark.parametrize(
    ("kind", "query", "status"),
    [("csv", {}, 404), ("parquet", {"task": "nothing"}, 400), ("jsonl", {"outcome": "won"}, 400)],
)
def test_what_there_is_not_is_refused_before_anything_is_sent(
    client: Client, tmp_path: Path, kind: str, query: dict[str, str], status: int
) -> None:
    answer = client.get(f"/api/v1/comparisons/{compared(tmp_path).pk}/samples/{kind}/", query)
    assert answer.status_code == status


@pytest.mark.usefixtures("gated")
def test_texts_of_a_gated_set_are_nowhere_but_numbers_are(client: Client, tmp_path: Path) -> None:
    comparison = compared(tmp_path)
    sample = samples.samples(comparison, task=TASK, outcome=None, after=0, limit=1).samples[0]
    assert sample.redacted
    assert sample.student["loglikelihoods"]
    assert sample.gold is None
    address = f"/comparisons/{comparison.pk}/samples/?task={TASK}"
    bodies = {kind: fetched(client, comparison, kind, task=TASK) for kind in ("jsonl", "lm-eval-student")}
    bodies["page"] = client.get(address).content
    bodies["api"] = client.get(f"/api/v1{address}").content
    table = pq.read_table(io.BytesIO(fetched(client, comparison, "parquet", task=TASK)))
    secrets = _texts(comparison)
    for name, body in bodies.items():
        assert not [text for text in secrets if text.encode() in body], name
    assert set(table["prompt"].to_pylist()) == {redaction.REDACTED}
    assert b"Texts are not shown" in bodies["page"]


def _texts(comparison: Comparison) -> list[str]:
    from evaluation import samples as file
    from zoo.core import storage

    report: Any = comparison.student_run.result.report
    with storage.open_artifact(report.samples.sha256) as opened:
        rows = [row for row in file.read(opened) if row.task == TASK]
    return [row.prompt for row in rows[:5] if len(row.prompt) > 8]


def test_a_gated_entry_of_the_catalog_counts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.factories.catalog import make_model

    make_model("someone/secrets", kind="dataset", availability=Availability.GATED)
    monkeypatch.setattr(redaction, "datasets_of", lambda suite, tasks: {"quiz": "someone/secrets"})
    assert redaction.redacted_tasks({"tasks": ["quiz"]}) == {"quiz"}


def test_the_gpqa_tasks_of_suites_and_of_the_harness_are_redacted() -> None:
    suite = {"suite": {"name": "reasoning-r1", "version": "1"}, "tasks": ["gpqa_diamond", "math_500"]}
    assert redaction.redacted_tasks(suite) == {"gpqa_diamond"}
    assert redaction.redacted_tasks({"tasks": ["gpqa_main_zeroshot", "arc_easy"]}) == {"gpqa_main_zeroshot"}
