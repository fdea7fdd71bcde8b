"""The ledger, reported retention, contamination along lineage and the noise floor, as pages and API show them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.factories.catalog import make_edge, make_model
from tests.factories.compared import make_comparison, measured_run
from tests.factories.runs import NOW, make_user
from zoo.catalog.models import Availability, Kind, Model, ReportedScore
from zoo.comparisons import benchmarks, contamination, ledger, selectors, services
from zoo.comparisons.leaderboard import Asked, board
from zoo.lineage.models import EdgeKind
from zoo.runs.models import Pairing, Run
from zoo.submissions import services as submissions
from zoo.submissions.requests import read_request

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]
STUDENT, TEACHER = "scripted/student-p70", "scripted/teacher-p90"
SOURCE = "a report"


def reported(model: Model, benchmark: str, value: float, metric: str = "acc", **more: Any) -> ReportedScore:
    given: dict[str, Any] = {
        "record": f"{model.slug}:{benchmark}:{metric}:{value}"[:64], "model": model, "printed_name": model.slug,
        "benchmark": benchmark, "metric": metric, "settings": "0-shot", "value": value, "unit": "percent",
        "source": SOURCE, "via": "primary", "seen": True, "group": "test",
    }  # fmt: skip
    return ReportedScore.objects.create(**given | more)


@pytest.fixture
def piqa(monkeypatch: pytest.MonkeyPatch) -> str:
    """A scripted task that stands for the harness's piqa, so that a run here has measured it."""
    task = "scripted_choice.n-120"
    known = benchmarks.Equivalent(task, "acc", 0.5)
    monkeypatch.setattr(ledger, "equivalent", lambda name, metric: known if name == "piqa" else None)
    return task


def test_a_reported_score_matches_differs_or_was_not_measured(piqa: str, tmp_path: Path) -> None:
    model = make_model(STUDENT, availability=Availability.OPEN)
    (row,) = _ledger(model, reported(model, "piqa", 70.0))
    assert row.entry.status == "not_comparable"
    assert row.run is None
    run = measured_run(STUDENT, tmp_path, tasks=(piqa,))
    value = 100 * run.result.report.results[0].score.value
    near, far = reported(model, "piqa", value - 1), reported(model, "piqa", value - 40)
    other = reported(model, "piqa", value, settings="5-shot")
    found = {entry.published.pk: entry for entry in ledger.ledger_of(model)}
    assert found[near.pk].entry.status == "matches"
    assert found[near.pk].run == run
    assert found[far.pk].entry.status == "differs"
    assert found[other.pk].entry.status == "not_comparable"
    assert "num_fewshot" in found[other.pk].entry.reasons[0]


def _ledger(model: Model, *scores: ReportedScore) -> list[ledger.LedgerRow]:
    wanted = {score.pk for score in scores}
    return [row for row in ledger.ledger_of(model) if row.published.pk in wanted]


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"availability": Availability.OPEN, "parameters": 671_000_000_000}, "1,342 GB"),
        ({"availability": Availability.CLOSED}, "API only"),
    ],
)
def test_what_no_worker_can_run_is_said_with_its_reason(facts: dict[str, Any], reason: str) -> None:
    model = make_model("maker/huge", **facts)
    (row,) = _ledger(model, reported(model, "MATH-500", 97.3, "pass@1"))
    assert row.entry.status == "cannot_run"
    assert reason in row.entry.reasons[0]


def test_benchmarks_that_run_code_cannot_be_run_and_say_why() -> None:
    model = make_model("maker/small", availability=Availability.OPEN)
    (row,) = _ledger(model, reported(model, "HumanEval", 50.0, "pass@1"))
    assert row.entry.reasons == (benchmarks.NO_SANDBOX,)


def test_a_reported_retention_is_labelled_and_never_a_measured_one(client: Client) -> None:
    student, teacher = make_model("deep/small"), make_model("deep/huge")
    make_edge(student, teacher)
    for model, value in ((student, 55.5), (teacher, 79.8)):
        reported(model, "AIME 2024", value, "pass@1")
        reported(model, "Codeforces", value * 10, "rating", unit="rating")
    reported(student, "GPQA Diamond", 49.1, "pass@1", source="another report")
    reported(teacher, "GPQA Diamond", 71.5, "pass@1")
    (row,) = ledger.reported_retentions(student)
    assert row.retention.kind == "reported"
    assert row.retention.value == pytest.approx(55.5 / 79.8)
    page = client.get("/models/deep/small/").content.decode()
    assert "Reported retention" in page
    assert "69.5%" in page
    assert "never ranked" in page


def test_contamination_travels_along_lineage(client: Client, tmp_path: Path, monkeypatch: Any) -> None:
    student, teacher = make_model(STUDENT), make_model(TEACHER)
    data = make_model("some/quiz", kind=Kind.DATASET)
    make_edge(student, teacher)
    make_edge(teacher, data, EdgeKind.TRAINED_ON)
    comparison = make_comparison(tmp_path)
    assert contamination.contamination_of(comparison) == ()
    task = comparison.student_run.spec["tasks"][0]
    monkeypatch.setattr(contamination, "_dataset", lambda suite, name: "some/quiz" if name == task else None)
    mine, theirs = contamination.contamination_of(comparison)
    assert mine.path == (STUDENT, TEACHER, "some/quiz")
    assert (theirs.model, theirs.path) == (TEACHER, (TEACHER, "some/quiz"))
    page = client.get(f"/comparisons/{comparison.pk}/").content.decode()
    assert "Possible contamination" in page
    flags = client.get(f"/api/v1/comparisons/{comparison.pk}/").json()["contamination"]
    assert flags[0]["path"] == [STUDENT, TEACHER, "some/quiz"]


def test_tasks_are_known_by_their_data_sets() -> None:
    suite = {"name": "reasoning-r1", "version": "1"}
    found = contamination.datasets_of(suite, ["math_500", "gpqa_diamond"])
    assert found == {"math_500": "HuggingFaceH4/MATH-500", "gpqa_diamond": "Idavidrein/gpqa"}
    assert contamination.datasets_of(None, ["arc_easy"]) == {"arc_easy": "allenai/ai2_arc"}
    assert contamination.datasets_of({"name": "demo", "version": "1"}, ["demo_cloze"]) == {}


def test_the_noise_floor_is_the_teacher_compared_with_itself(client: Client, tmp_path: Path) -> None:
    comparison = make_comparison(tmp_path)
    assert selectors.document_of(comparison)["noise"] is None
    again = measured_run(TEACHER, tmp_path, batch_size=8)
    pairing = Pairing.objects.create(
        student_run=again, teacher_run=comparison.teacher_run, created_at=NOW + timedelta(minutes=2)
    )
    floor = services.settle(pairing_id=pairing.pk, now=NOW + timedelta(minutes=3))
    assert floor is not None
    assert not floor.rankable
    document = selectors.document_of(comparison)
    assert document["noise"] == {
        "model": TEACHER, "batch_sizes": [8, 16], "comparison": str(floor.pk),
    }  # fmt: skip
    row = document["tasks"][0]
    assert row["noise"]["n"] == 120
    assert row["above_noise"]["noise_rate"] == row["noise"]["rate"]
    page = client.get(f"/comparisons/{comparison.pk}/").content.decode()
    assert f"/comparisons/{floor.pk}/" in page
    assert "One model against itself" in client.get(f"/comparisons/{floor.pk}/").content.decode()
    assert floor not in selectors.recent()
    assert floor.pk not in {entry.comparison_id for entry in _entries()}


def _entries() -> list[Any]:
    return [row.entry for row in board(Asked()).rows]


def test_a_submission_can_ask_for_the_noise_floor(settings: Any) -> None:
    settings.ZOO_SCRIPTED = True
    asked = {"student": STUDENT, "teacher": TEACHER, "tasks": ("scripted_choice",), "noise_floor": True}
    made = submissions.submit(request=read_request(asked), acting_user=make_user(), now=NOW)
    runs = {run.spec["protocol"]["batch_size"] for run in Run.objects.filter(model_name=TEACHER)}
    assert runs == {8, 16}
    pairs = Pairing.objects.filter(teacher_run=made.teacher_run)
    assert {pair.student_run.model_name for pair in pairs} == {STUDENT, TEACHER}


def test_a_price_on_the_page_must_be_one(client: Client, tmp_path: Path) -> None:
    comparison = make_comparison(tmp_path)
    assert client.get(f"/comparisons/{comparison.pk}/?price=1.5").status_code == 200
    assert client.get(f"/comparisons/{comparison.pk}/?price=dear").status_code == 400
    assert client.get(f"/api/v1/comparisons/{comparison.pk}/?price_per_hour=-1").status_code == 400
