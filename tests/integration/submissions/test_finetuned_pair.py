"""The shipped masked pair, fine-tuned: from submission to comparison and its page.

Training both takes many minutes, so its outcome is carried: the predictions of every seed, as one real run of
``zoo evaluate --suite demo-finetune`` journaled them. The runner takes them from its journal as it does after a kill,
and scores, records and compares them as ever. That it trains is shown in ``test_finetune.py``, on smaller models.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from django.test import Client

from evaluation.contract import RunReport, RunSpec
from evaluation.demo import shipped
from evaluation.runners.base import Context
from evaluation.runners.journal import Journal, request_key
from evaluation.runners.registry import runner_for
from evaluation.suites import loader
from tests.factories.runs import LEASE, make_user, make_worker, upload
from zoo.cli.tables import show
from zoo.comparisons import selectors, services
from zoo.runs import queue, recording
from zoo.runs.clock import database_now
from zoo.runs.models import Run
from zoo.submissions.requests import read_request
from zoo.submissions.services import submit
from zoo.web.presenters import percent

pytestmark = [pytest.mark.django_db, pytest.mark.engine, pytest.mark.filterwarnings("ignore")]
KNOWN = json.loads((Path(__file__).parents[2] / "data" / "finetuned" / "predictions.json").read_text())


def journaled(output: Path, spec: RunSpec, predictions: dict[str, str]) -> None:
    """Puts the predictions of every training where the runner looks for those of a try before."""
    answers = []
    for name, digits in predictions.items():
        task, rate, seed = name.split("|")
        key = request_key("finetune", [task, float(rate), int(seed)])
        answers.append((key, [float(digit) for digit in digits]))
    with Journal(output, spec.identity()) as journal:
        journal.record_answers(answers)


def finished(run: Run, folder: Path, predictions: dict[str, str]) -> None:
    """The run as a worker does it that finds all of its trainings done."""
    now, spec = database_now(), run.parsed_spec
    assert isinstance(spec, RunSpec)
    lease = queue.take(run_id=run.pk, worker=make_worker(now=now), now=now, lease=LEASE)
    assert lease is not None
    output = folder / str(run.pk)
    output.mkdir(parents=True)
    journaled(output, spec, predictions)
    context = Context(output=output, model=shipped.model_directory(spec.model.name))
    report = runner_for(spec).run(spec, context)  # type: ignore[arg-type]
    assert isinstance(report, RunReport)
    upload(lease, report, output, now=now)
    recording.deliver(lease=lease, report=report, now=database_now())


def test_the_masked_pair_fine_tuned_goes_from_submission_to_its_page(
    client: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    asked = {"student": shipped.MASKED_STUDENT, "teacher": shipped.MASKED_TEACHER, "suite": "demo-finetune"}
    made = submit(request=read_request(asked), acting_user=make_user(), now=database_now())
    assert made.teacher_run is not None
    assert made.pairing is not None
    for run, side in ((made.student_run, "student"), (made.teacher_run, "teacher")):
        finished(run, tmp_path, KNOWN[side]["predictions"])
    comparison = services.settle(pairing_id=made.pairing.pk, now=database_now())
    assert comparison is not None, made.pairing.reason
    document = selectors.document_of(comparison)
    assert document["engine"]["engine_version"].startswith("finetune-")
    for row in document["tasks"]:
        for side in ("student", "teacher"):
            assert row[side]["value"] == pytest.approx(KNOWN[side]["scores"][row["task"]], abs=1e-9)
        assert row["flips"]["n"] == 3 * row["n"]
        assert row["samples"]["lost"] == row["flips"]["lost"] > 0
        assert row["reasoning"]["student"]["draws"] == len(loader.load("demo-finetune").grid.seeds)  # type: ignore[union-attr]
    page = client.get(f"/comparisons/{comparison.pk}/").content.decode()
    show(document)
    printed = " ".join(capsys.readouterr().out.split())
    _alike(document, printed, page)


def _alike(document: dict[str, Any], printed: str, page: str) -> None:
    """The macro score as GLUE's is formed, retention, and the seeds: printed and on the page."""
    macro, overall = document["macro"], document["overall"]["retention"]
    assert f"macro {macro['student']:.3f} of {macro['teacher']:.3f}" in printed
    for value in (macro["ratio"], overall["value"]):
        assert f"{value:.3f}" in printed
        assert percent(value) in page
    lost, gained = (sum(row["flips"][name] for row in document["tasks"]) for name in ("lost", "gained"))
    assert f"{lost} lost and {gained} gained" in printed
    assert "Seeds of training" in page
    assert "over 3 seeds" in printed
    assert "pass@1" not in printed + page
