"""Which class runs which engine, by name. Importing a runner may take seconds, so it waits for its turn."""

from __future__ import annotations

import importlib
from typing import cast

from evaluation.contract import Engine, PairSpec, SuiteRef
from evaluation.runners.base import AnySpec, PairRunner, Runner, platform_failure
from evaluation.suites import loader

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


FINETUNE = "evaluation.runners.finetune:FinetuneRunner"


def target_of(spec: AnySpec) -> str:
    """The ``module:Class`` that runs the spec. Models of the org ``scripted`` need no weights."""
    if isinstance(spec, PairSpec):
        return PAIR_SCRIPTED if spec.student.name.startswith(PAIR_SCRIPTED_ORG) else PAIR
    if spec.suite is not None and spec.engine is not Engine.SCRIPTED and _is_finetuned(spec.suite):
        return FINETUNE
    return RUNNERS[spec.engine]


def _is_finetuned(reference: SuiteRef) -> bool:
    """Whether the suite trains a head; an unknown suite is left for its runner to refuse."""
    try:
        return loader.load(reference.name, reference.version).protocol == "finetune"
    except LookupError:
        return False


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
