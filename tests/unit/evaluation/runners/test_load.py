"""What the serving engines are given. None is installed here: the harness's source says what they take."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

import pytest

from evaluation.contract import Engine, ModelSource, Protocol, RunSpec
from evaluation.runners.base import RunFailed
from evaluation.runners.devices import Device
from evaluation.runners.models import load
from evaluation.runners.routing import Family, Route

pytestmark = pytest.mark.engine
SERVING = (Engine.VLLM, Engine.SGLANG)
MODEL = ModelSource(name="org/model", revision="main", digest="0" * 64)
ROUTE = Route(Family.CAUSAL, Engine.VLLM, "LlamaForCausalLM", "llama")
GPU = Device("cuda:0", "a GPU")


def arguments(engine: Engine) -> dict[str, object]:
    spec = RunSpec(
        model=MODEL,
        tasks=("gsm8k_cot",),
        protocol=Protocol(max_length=2048, batch_size=8, seed=7),
        engine=engine,
    )
    return load._arguments(Path("/models/m"), spec, ROUTE._replace(engine=engine), GPU)


def accepted(engine: Engine) -> set[str]:
    """The names that the harness's class takes by name, not those it passes on unread."""
    module, _, name = load.CLASSES[engine].partition(":")
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    tree = ast.parse(Path(spec.origin).read_text())
    made = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    start = next(node for node in made.body if isinstance(node, ast.FunctionDef) and node.name == "__init__")
    return {argument.arg for argument in (*start.args.args, *start.args.kwonlyargs)}


@pytest.mark.parametrize("engine", SERVING)
def test_each_argument_is_one_that_the_harness_takes_by_name(engine: Engine) -> None:
    given = arguments(engine)
    assert set(given) <= accepted(engine)
    assert given["trust_remote_code"] is False
    assert given["pretrained"] == "/models/m"
    assert 2048 in given.values()


@pytest.mark.parametrize("engine", SERVING)
def test_an_engine_that_is_not_installed_is_the_machines_failure(engine: Engine) -> None:
    module = engine.value
    if importlib.util.find_spec(module) is not None:
        pytest.skip(f"{module} is installed here")
    spec = RunSpec(model=MODEL, tasks=("gsm8k_cot",), engine=engine)
    with pytest.raises(RunFailed) as caught:
        load.load(Path("/models/m"), spec, ROUTE._replace(engine=engine), GPU)
    assert caught.value.failure.code == "engine_not_installed"
    assert module in caught.value.failure.message
