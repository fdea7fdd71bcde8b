"""A pair of each kind that the package ships goes from submission to comparison, and the wrong engine is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from django.test import Client

from evaluation.contract import Engine, PairMeasure, PairReport, PairSpec, RunReport, RunSpec
from evaluation.demo import shipped
from evaluation.runners.base import Context, RunFailed
from evaluation.runners.registry import runner_for
from tests.factories import language_models
from tests.factories.runs import LEASE, make_user, make_worker, upload
from tests.factories.shown_alike import assert_shown_alike
from zoo.cli.tables import show
from zoo.comparisons import selectors, services
from zoo.comparisons.models import Comparison
from zoo.runs import queue, recording
from zoo.runs.clock import database_now
from zoo.runs.models import Pairing, Run
from zoo.submissions.requests import read_request
from zoo.submissions.services import submit

pytestmark = [pytest.mark.django_db, pytest.mark.engine, pytest.mark.filterwarnings("ignore")]
KINDS = {
    "sequence": (shipped.SEQUENCE_STUDENT, shipped.SEQUENCE_TEACHER, "demo-backwards", "HFLM"),
    "masked": (shipped.MASKED_STUDENT, shipped.MASKED_TEACHER, "demo-masked", "MaskedLM"),
}
LIMITS = {"sequence": 40, "masked": 2}
MIRROR = Path(__file__).parents[2] / "data" / "datasets"
TEMPLATE = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"


@pytest.fixture(autouse=True)
def models(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.ZOO_MODELS_DIR = shipped.MODELS_DIR
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def measured(run: Run, folder: Path, models: Path = shipped.MODELS_DIR) -> Run:
    """The run as a worker does it, without a process of its own."""
    now = database_now()
    spec = run.parsed_spec
    assert isinstance(spec, RunSpec)
    lease = queue.take(run_id=run.pk, worker=make_worker(now=now), now=now, lease=LEASE)
    assert lease is not None
    output = folder / str(run.pk)
    output.mkdir(parents=True)
    context = Context(output=output, model=models / spec.model.name, datasets=MIRROR)
    report = runner_for(spec).run(spec, context)  # type: ignore[arg-type]
    assert isinstance(report, RunReport)
    upload(lease, report, output, now=now)
    recording.deliver(lease=lease, report=report, now=database_now())
    return Run.objects.get(pk=run.pk)


def compared(kind: str, folder: Path) -> Comparison:
    student, teacher, suite, _ = KINDS[kind]
    return settled({"student": student, "teacher": teacher, "suite": suite, "limit": LIMITS[kind]}, folder)


def settled(request: dict[str, object], folder: Path, models: Path = shipped.MODELS_DIR) -> Comparison:
    """The comparison that a request ends in."""
    made = submit(request=read_request(request), acting_user=make_user(), now=database_now())
    assert made.teacher_run is not None
    assert made.pairing is not None
    for run in (made.student_run, made.teacher_run):
        measured(run, folder, models)
    found = services.settle(pairing_id=made.pairing.pk, now=database_now())
    assert found is not None, made.pairing.reason
    return found


def measured_together(comparison: Comparison, folder: Path) -> None:
    """The job with both models loaded, as a worker does it: what a masked pair has of it."""
    now = database_now()
    sides = [run.parsed_spec for run in (comparison.student_run, comparison.teacher_run)]
    student, teacher = (side.model for side in sides if isinstance(side, RunSpec))
    measures = (PairMeasure.EFFICIENCY, PairMeasure.FIDELITY, PairMeasure.SIMILARITY)
    spec = PairSpec(student=student, teacher=teacher, measures=measures, batch_size=2)
    run = queue.request_run(spec=spec, acting_user=None, now=now, priority=0).run
    lease = queue.take(run_id=run.pk, worker=make_worker(now=now), now=now, lease=LEASE)
    assert lease is not None
    folders = [shipped.model_directory(side.name) for side in (student, teacher)]
    report = runner_for(spec).run(spec, Context(output=folder, model=folders[0], teacher=folders[1]))  # type: ignore[arg-type]
    assert isinstance(report, PairReport)
    recording.deliver(lease=lease, report=report, now=database_now())
    Pairing.objects.filter(pk=comparison.pairing_id).update(pair_run=run)


@pytest.mark.parametrize("kind", KINDS)
def test_a_pair_goes_from_submission_to_comparison_by_the_engine_that_fits(
    kind: str, tmp_path: Path, client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    comparison = compared(kind, tmp_path)
    document = selectors.document_of(comparison)
    assert KINDS[kind][3] in document["engine"]["served_by"]
    row = document["tasks"][0]
    assert row["n"] == LIMITS[kind]
    assert row["samples"]["both"] + row["samples"]["lost"] + row["samples"]["gained"] <= row["n"]
    assert document["overall"]["coverage"]["limited"]
    if kind == "sequence":
        assert row["teacher"]["value"] > 0.5
        assert "value" in row["retention"]
    else:
        measured_together(comparison, tmp_path)
        document = selectors.document_of(selectors.comparison_by_id(comparison.pk))
        assert document["similarity"]["closest"]
    show(document)
    printed = capsys.readouterr().out
    assert_shown_alike(document, printed, client.get(f"/comparisons/{comparison.pk}/").content.decode())


def make_pair(kind: str, folder: Path, models: Path) -> None:
    """A causal student and teacher with random weights: as GGUF files of one folder, or with a chat template."""
    for name, seed, layers in (("student", 1, 1), ("teacher", 0, 2)):
        place = models / "tiny" / name
        if kind == "gguf":
            source = language_models.make_causal(folder / name, seed=seed, layers=layers)
            made = language_models.make_gguf(source, folder / f"{name}-gguf")
            (models / "tiny" / "files").mkdir(parents=True, exist_ok=True)
            (made / "tiny.F32.gguf").rename(models / "tiny" / "files" / f"{name}.gguf")
        else:
            language_models.make_causal(place, seed=seed, layers=layers, chat_template=TEMPLATE)


@pytest.mark.parametrize(
    ("kind", "engine", "served"), [("gguf", "harness", "HFLM"), ("chat", None, "CausalLM (token trie)")]
)
def test_a_pair_of_files_on_disk_goes_from_submission_to_comparison(
    kind: str, engine: str | None, served: str, settings: Any, tmp_path: Path
) -> None:
    models = settings.ZOO_MODELS_DIR = tmp_path / "models"
    make_pair(kind, tmp_path / "sources", models)
    request: dict[str, object] = {"student": "tiny/student", "teacher": "tiny/teacher", "tasks": ["arc_easy"]}
    request |= {"limit": 6, "engine": engine, "apply_chat_template": kind == "chat"}
    if kind == "gguf":
        request |= {"student": "tiny/files", "gguf_file": "student.gguf"}
        request |= {"teacher": "tiny/files", "teacher_gguf_file": "teacher.gguf"}
    comparison = settled(request, tmp_path / "runs", models)
    document = selectors.document_of(comparison)
    for run in (comparison.pairing.student_run, comparison.pairing.teacher_run):
        assert isinstance(run.parsed_spec, RunSpec)
        assert run.parsed_spec.model.weights_format.value == ("gguf" if kind == "gguf" else "safetensors")
    if kind == "gguf":
        assert document["student"]["gguf_file"] == "student.gguf"
        assert document["student"]["facts"]["parameters"] < document["teacher"]["facts"]["parameters"]
        assert "--gguf_file student.gguf --teacher_gguf_file teacher.gguf" in document["reproduce_zoo"]
    assert document["engine"]["served_by"] == served
    assert document["protocol"]["apply_chat_template"] is (kind == "chat")
    assert [(row["task"], row["n"]) for row in document["tasks"]] == [("arc_easy", 6)]
    assert 0 <= document["tasks"][0]["student"]["value"] <= 1


@pytest.mark.parametrize("kind", KINDS)
def test_scoring_it_as_a_causal_model_is_refused(kind: str, tmp_path: Path) -> None:
    student, _, suite, _ = KINDS[kind]
    request = {"student": student, "suite": suite}
    made = submit(request=read_request(request), acting_user=make_user(), now=database_now())
    spec = made.student_run.parsed_spec
    assert isinstance(spec, RunSpec)
    # Preflight lets nothing of the kind into the queue, so the runner's own wall is asked here.
    spec = spec.model_copy(update={"engine": Engine.CAUSAL})
    context = Context(output=tmp_path, model=shipped.model_directory(student))
    with pytest.raises(RunFailed) as refusal:
        runner_for(spec).run(spec, context)  # type: ignore[arg-type]
    assert refusal.value.failure.code == "wrong_engine"


def test_an_encoder_decoder_pair_is_timed_and_says_what_cannot_be_compared(tmp_path: Path) -> None:
    made = submit(
        request=read_request(
            {
                "student": shipped.SEQUENCE_STUDENT,
                "teacher": shipped.SEQUENCE_TEACHER,
                "suite": "demo-backwards",
            }
        ),
        acting_user=make_user(),
        now=database_now(),
    )
    sides = [run.parsed_spec.model for run in (made.student_run, made.teacher_run)]  # type: ignore[union-attr]
    spec = PairSpec(student=sides[0], teacher=sides[1], batch_size=2)
    folders = [shipped.model_directory(side.name) for side in sides]
    context = Context(output=tmp_path, model=folders[0], teacher=folders[1])
    report = runner_for(spec).run(spec, context)  # type: ignore[arg-type]
    assert isinstance(report, PairReport)
    assert report.efficiency is not None
    assert report.efficiency["decode"]["student_units_per_second"] > 0
    assert report.efficiency["parameter_share"] < 0.1
    assert report.fidelity is not None
    assert report.fidelity["undefined"] == "not_measured"
