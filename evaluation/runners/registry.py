"""Which class runs which engine, by name. Importing a runner may take seconds, so it waits for its turn."""

from __future__ import annotations

import importlib
from typing import cast

from evaluation.contract import Engine, PairSpec
from evaluation.runners.base import AnySpec, PairRunner, Runner, platform_failure

HARNESS = "evaluation.runners.harness:HarnessRunner"

RUNNERS: dict[Engine, str] = {
    Engine.AUTO: HARNESS,
    Engine.HARNESS: HARNESS,
    Engine.CAUSAL: HARNESS,
    Engine.MASKED: HARNESS,
    Engine.VLLM: HARNESS,
    Engine.SGLANG: HARNESS,
    Engine.SCRIPTED: "evaluation.runners.scripted:ScriptedRunner",
}
"""Every engine that answers lm-eval's requests is driven by the one file that drives lm-eval."""

PAIR = "evaluation.runners.pair:PairMeasurer"
PAIR_SCRIPTED_ORG = "scripted/"
PAIR_SCRIPTED = "evaluation.runners.scripted:ScriptedPairRunner"


def target_of(spec: AnySpec) -> str:
    """The ``module:Class`` that runs the spec. Models of the org ``scripted`` need no weights."""
    if isinstance(spec, PairSpec):
        return PAIR_SCRIPTED if spec.student.name.startswith(PAIR_SCRIPTED_ORG) else PAIR
    return RUNNERS[spec.engine]


def runner_for(spec: AnySpec) -> Runner | PairRunner:
    """Imports and makes the runner of a spec.

    Raises RunFailed (``engine_not_installed``) when the engine or something it needs is missing here.
    """
    module_name, _, class_name = target_of(spec).partition(":")
    try:
        made = getattr(importlib.import_module(module_name), class_name)()
    except ImportError as error:
        raise platform_failure(
            "engine_not_installed",
            f"This worker cannot load the engine: {error}",
            "Install the 'eval' extra on the worker, or send the run to a worker that has it.",
        ) from error
    return cast("Runner | PairRunner", made)
