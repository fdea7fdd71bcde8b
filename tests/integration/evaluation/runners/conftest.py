"""Tiny models and a mirror of data sets, shared by the tests of the engines. Importing torch is what takes time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evaluation.contract import Engine, ModelSource, Progress, Protocol, RunReport, RunSpec
from evaluation.runners.base import Context
from tests.factories import language_models

MIRROR = Path(__file__).parents[3] / "data" / "datasets"


@pytest.fixture(scope="session")
def engine_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Settings that the libraries read once, before anything imports them here; gives the shared cache."""
    from evaluation.runners.harness import prepare_environment

    before = dict(os.environ)
    cache = tmp_path_factory.mktemp("cache")
    os.environ["OMP_NUM_THREADS"] = "1"
    prepare_environment(cache)
    yield cache
    for name in set(os.environ) - set(before):
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture(scope="session")
def causal_model(engine_environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A causal model with two layers and random weights."""
    return language_models.make_causal(tmp_path_factory.mktemp("causal"))


@pytest.fixture(scope="session")
def other_causal_model(engine_environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another causal model with the same tokenizer."""
    return language_models.make_causal(tmp_path_factory.mktemp("causal"), seed=1, layers=1)


@pytest.fixture(scope="session")
def masked_model(engine_environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT with two layers and random weights."""
    return language_models.make_masked(tmp_path_factory.mktemp("masked"))


Run = Callable[..., RunReport]


@pytest.fixture
def run(engine_environment: Path, tmp_path: Path) -> Run:
    """Runs a spec in this process: ``run(model, tasks, limit=..., ...)``."""
    from evaluation.runners.harness import HarnessRunner

    def start(
        model: Path | None,
        *tasks: str,
        output: Path | None = None,
        datasets: Path = MIRROR,
        engine: Engine = Engine.HARNESS,
        spec: RunSpec | None = None,
        told: list[Progress] | None = None,
        **protocol: object,
    ) -> RunReport:
        asked = spec or RunSpec(
            model=ModelSource(name=f"tiny/{model.name if model else 'none'}", revision="local"),
            tasks=tasks,
            protocol=Protocol.model_validate(protocol),
            engine=engine,
        )
        context = Context(
            output=output or tmp_path / "out",
            model=model,
            datasets=datasets,
            cache=engine_environment,
            report_progress=(told if told is not None else []).append,
        )
        return HarnessRunner().run(asked, context)

    return start
