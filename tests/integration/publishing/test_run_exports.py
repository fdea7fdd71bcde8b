"""A finished run in the files of other tools, each checked against the schema or the writer of its format."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow.parquet as pq
import pytest
from django.test import Client

from tests.factories.catalog import make_model
from tests.factories.compared import TASKS, make_comparison, measured_run
from tests.integration.publishing.test_releases import published
from zoo.publishing import selectors, services
from zoo.publishing.exports import every_eval, harness, tables
from zoo.publishing.exports.formats import FORMATS

pytestmark = [pytest.mark.django_db]
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SCHEMAS = Path(__file__).parents[2] / "data" / "every_eval_ever"
OF_THE_MACHINE = ("pretty_env_info", "environment", "hostname", "/home/", "/tmp/")


def schema(name: str) -> Any:
    return json.loads((SCHEMAS / f"{name}.schema.json").read_text("utf-8"))


def run_of(folder: Path) -> str:
    return str(measured_run("scripted/student-p70", folder).pk)


def test_the_record_is_valid_under_every_eval_ever_s_own_schema(tmp_path: Path) -> None:
    given = selectors.measurement(run_of(tmp_path))
    record = every_eval.record(given, now=NOW)
    jsonschema.Draft7Validator(schema("eval")).validate(record)
    assert [row["evaluation_name"] for row in record["evaluation_results"]] == list(TASKS)
    assert record["model_info"]["id"] == "scripted/student-p70"
    check = jsonschema.Draft7Validator(schema("instance_level_eval"))
    lines = [json.loads(line) for line in every_eval.instances(given)]
    assert len(lines) == sum(row.n for row in given.report.results)
    known = {row["evaluation_result_id"] for row in record["evaluation_results"]}
    for line in lines[:: len(lines) // 40]:
        check.validate(line)
        assert line["evaluation_result_id"] in known


def test_results_and_samples_agree_and_say_nothing_of_the_machine(tmp_path: Path) -> None:
    given = selectors.measurement(run_of(tmp_path))
    document = harness.results(given)
    text = json.dumps(document)
    assert not [word for word in OF_THE_MACHINE if word in text]
    lines = [json.loads(line) for line in harness.samples(given, TASKS[0])]
    mean = sum(line["acc"] for line in lines) / len(lines)
    assert document["results"][TASKS[0]]["acc,none"] == pytest.approx(mean)
    assert document["n-samples"][TASKS[0]]["effective"] == len(lines)
    with pytest.raises(harness.UnknownTask):
        list(harness.samples(given, "no_such_task"))


def test_the_archive_has_the_folder_that_the_harness_would_have_written(tmp_path: Path) -> None:
    body = harness.archive(selectors.measurement(run_of(tmp_path)))
    with zipfile.ZipFile(io.BytesIO(body)) as file:
        names = file.namelist()
    assert all(name.startswith("scripted__student-p70/") for name in names)
    assert sum("/results_" in name for name in names) == 1
    assert sum("/samples_" in name for name in names) == len(TASKS)


@pytest.mark.engine
def test_every_field_that_the_harness_writes_is_written_but_what_describes_the_host(tmp_path: Path) -> None:
    """The harness's own tracker writes a small evaluation of its dummy model; the shapes must be the same."""
    import lm_eval
    from lm_eval.loggers import EvaluationTracker
    from lm_eval.tasks import TaskManager

    rows = [{"query": "one and one is", "choices": ["two", "five"], "gold": 0}] * 4
    data = tmp_path / "rows.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    task = {
        "task": "sums",
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(data)}},
        "output_type": "multiple_choice",
        "test_split": "test",
        "doc_to_text": "query",
        "doc_to_target": "gold",
        "doc_to_choice": "choices",
        "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
        "metadata": {"version": 1.0},
    }
    tracker = EvaluationTracker(output_path=str(tmp_path / "out"))
    tracker.general_config_tracker.log_experiment_args("dummy", "pretrained=acme/none", None, None, False)
    theirs = lm_eval.simple_evaluate(
        model="dummy", tasks=[task], task_manager=TaskManager(include_defaults=False), bootstrap_iters=0
    )
    samples = theirs.pop("samples")
    tracker.save_results_aggregated(theirs, samples)
    tracker.save_results_samples("sums", samples["sums"])
    written = json.loads(next((tmp_path / "out").rglob("results_*.json")).read_text())
    line = json.loads(next((tmp_path / "out").rglob("samples_*.jsonl")).read_text().splitlines()[0])

    given = selectors.measurement(run_of(tmp_path / "ours"))
    ours = harness.results(given)
    host = {"pretty_env_info", "upper_git_hash", "start_time", "end_time"}
    tokens = {name for name in written if name.startswith(("tokenizer_", "eot_"))}
    assert set(written) - set(ours) <= host | tokens
    assert set(ours) - set(written) <= {"distill_zoo", "max_length"}
    mine = json.loads(next(iter(harness.samples(given, TASKS[0]))))
    assert set(mine) == set(line)
    assert {name: type(value) for name, value in mine.items()} == {
        name: type(value) for name, value in line.items()
    }
    assert set(mine["arguments"]["gen_args_0"]) == set(line["arguments"]["gen_args_0"])
    assert len(mine["resps"][0][0]) == len(line["resps"][0][0])


def test_every_format_can_be_fetched_and_wrong_ones_are_named(tmp_path: Path, client: Client) -> None:
    run = run_of(tmp_path)
    for name in ("lm-eval", "lm-eval-samples", "lm-eval-zip", "every-eval-ever", "every-eval-ever-samples"):
        response = client.get(f"/api/v1/runs/{run}/export/{name}/")
        assert response.status_code == 200, name
        assert response["Content-Disposition"].startswith("attachment")
    assert client.get(f"/api/v1/runs/{run}/export/pdf/").json()["code"] == "unknown_format"
    wrong = client.get(f"/api/v1/runs/{run}/export/lm-eval-samples/?task=nothing")
    assert wrong.json()["code"] == "unknown_task"
    assert client.get(f"/api/v1/runs/{run}/export/lm-eval/?color=red").status_code == 400


def test_a_release_as_rows_is_the_same_in_all_three_formats(tmp_path: Path, client: Client) -> None:
    release = published(tmp_path)
    base = f"/api/v1/releases/{release.pk}/export"
    rows = [json.loads(line) for line in client.get(f"{base}/jsonl/").content.decode().splitlines()]
    assert pq.read_table(io.BytesIO(client.get(f"{base}/parquet/").content)).to_pylist() == rows
    header, *lines = client.get(f"{base}/csv/").content.decode().splitlines()
    assert header.split(",")[:2] == ["release", "published_at"]
    assert len(lines) == len(rows) == 2
    assert rows[1]["undefined"] == "not_a_ratio_metric"


def test_a_cell_that_looks_like_a_formula_is_defused() -> None:
    row = {"task": "=cmd()", "metric": "acc", "n": 1, "student": {}, "teacher": {}}
    document = {
        "release": "1",
        "published_at": "2026",
        "comparison": {
            "student": {"model": "a/b"},
            "teacher": {"model": "a/c"},
            "suite": None,
            "tasks": [row],
        },
    }
    assert b"'=cmd()" in tables.to_csv(document)


def test_a_model_leaves_with_one_release_for_each_teacher_and_list_of_tasks(tmp_path: Path) -> None:
    model = make_model("scripted/student-p70")
    tasks, other = ("scripted_choice.n-60",), ("scripted_pair.n-40",)
    asked: list[dict[str, Any]] = [
        {"tasks": tasks},
        {"tasks": tasks, "limit": 20},
        {"tasks": other, "limit": 20},
        {"tasks": tasks, "teacher": "scripted/teacher-p95"},
    ]
    published = [
        services.publish(comparison_id=make_comparison(tmp_path / str(number), **given).pk, now=NOW)
        for number, given in enumerate(asked)
    ]
    found = [document["release"] for document in selectors.subject(model).releases]
    assert set(found) == {str(published[number].pk) for number in (0, 2, 3)}


def test_a_model_can_be_fetched_in_every_format_of_models(client: Client) -> None:
    make_model("acme/small")
    for name in FORMATS:
        assert client.get(f"/api/v1/models/acme/small/export/{name}/").status_code == 200, name
