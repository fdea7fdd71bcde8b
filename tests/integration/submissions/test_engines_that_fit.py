"""An engine that would score a model as what it is not is refused at the door, and nothing is queued."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from evaluation.contract import Engine, ModelSource, WeightsFormat
from evaluation.demo import shipped
from evaluation.formats.families import Family
from tests.factories.runs import NOW, make_user, make_worker
from zoo.runs.models import Run
from zoo.submissions import services
from zoo.submissions.models import Submission
from zoo.submissions.preflight import engine_problems, preflight
from zoo.submissions.requests import read_request
from zoo.submissions.resolving import Found

pytestmark = pytest.mark.django_db
SEQUENCE, MASKED, CAUSAL = shipped.SEQUENCE_STUDENT, shipped.MASKED_STUDENT, shipped.CAUSAL_STUDENT


@pytest.fixture(autouse=True)
def models(settings: Settings) -> None:
    settings.ZOO_MODELS_DIR = shipped.MODELS_DIR


@pytest.mark.parametrize(
    ("student", "suite", "engine"),
    [
        (SEQUENCE, "demo-backwards", "causal"),
        (SEQUENCE, "demo-backwards", "masked"),
        (MASKED, "demo-masked", "causal"),
        (MASKED, "demo-masked", "harness"),
        (CAUSAL, "demo", "masked"),
    ],
)
def test_an_engine_for_another_kind_of_model_is_refused(student: str, suite: str, engine: str) -> None:
    request = read_request({"student": student, "suite": suite, "engine": engine})
    with pytest.raises(services.Refused) as caught:
        services.submit(request=request, acting_user=make_user(), now=NOW)
    assert (caught.value.code, caught.value.field) == ("engine_does_not_fit", "engine")
    assert not Run.objects.exists()
    assert not Submission.objects.exists()


@pytest.mark.parametrize(
    ("student", "suite", "engine"),
    [(SEQUENCE, "demo-backwards", "harness"), (MASKED, "demo-masked", "masked"), (CAUSAL, "demo", "causal")],
)
def test_an_engine_that_fits_is_taken(student: str, suite: str, engine: str) -> None:
    answer = preflight(read_request({"student": student, "suite": suite, "engine": engine}), now=NOW)
    assert not answer.failures
    assert answer.student is not None
    assert answer.student.spec.engine == engine


@pytest.mark.parametrize(("device", "engine"), [("cpu", Engine.CAUSAL), ("cuda", Engine.HARNESS)])
def test_the_engine_that_is_quicker_on_the_machines_there_are_is_the_default(
    device: str, engine: Engine
) -> None:
    make_worker(device=device)
    answer = preflight(read_request({"student": CAUSAL, "suite": "demo"}), now=NOW)
    assert answer.student is not None
    assert answer.student.spec.engine is engine


def test_a_pair_of_two_kinds_has_no_engine_in_common() -> None:
    request = read_request({"student": MASKED, "teacher": shipped.CAUSAL_TEACHER, "suite": "demo"})
    assert [one.code for one in preflight(request, now=NOW).failures] == ["engine_does_not_fit"]


def test_a_suite_that_trains_heads_is_for_encoders_alone() -> None:
    refused = preflight(read_request({"student": CAUSAL, "suite": "demo-finetune"}), now=NOW).failures
    assert [(one.code, one.field) for one in refused] == [("engine_does_not_fit", "suite")]
    assert preflight(read_request({"student": MASKED, "suite": "demo-finetune"}), now=NOW).ok


@pytest.mark.parametrize(
    ("family", "weights", "engine", "fits"),
    [
        (Family.CAUSAL, WeightsFormat.GGUF, Engine.MASKED, False),
        (Family.CAUSAL, WeightsFormat.GGUF, Engine.HARNESS, True),
        (Family.MASKED, WeightsFormat.SAFETENSORS, Engine.VLLM, False),
        (Family.MASKED, WeightsFormat.SAFETENSORS, Engine.AUTO, True),
        (None, WeightsFormat.SAFETENSORS, Engine.MASKED, True),
    ],
)
def test_what_is_known_decides_and_what_is_not_known_waits_for_the_files(
    family: Family | None, weights: WeightsFormat, engine: Engine, fits: bool
) -> None:
    source = ModelSource(name="acme/model", revision="1" * 40, weights_format=weights)
    request = read_request({"student": "acme/model", "suite": "demo", "engine": engine.value})
    found = list(engine_problems(request, Found(source, None, family=family), None, finetune=False))
    assert (not found) is fits
