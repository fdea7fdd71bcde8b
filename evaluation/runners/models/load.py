"""Loads a model into one of the harness's model classes, or ours, with every argument said.

Safetensors only, no remote code, files of this machine only. One table says which class serves which engine.
"""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from evaluation.contract import Engine, ModelFacts, RunSpec, digest_of
from evaluation.runners import weights
from evaluation.runners.base import RunFailed, platform_failure
from evaluation.runners.devices import Device
from evaluation.runners.models.journaled import BlockPlan, all_at_once, as_the_harness, in_order
from evaluation.runners.routing import Route

BLOCK = 1024
"""Requests handed at once to an engine that makes its own batches."""

CLASSES: dict[Engine, str] = {
    Engine.HARNESS: "lm_eval.models.huggingface:HFLM",
    Engine.CAUSAL: "evaluation.runners.models.causal:CausalLM",
    Engine.MASKED: "evaluation.runners.models.masked:MaskedLM",
    Engine.VLLM: "lm_eval.models.vllm_causallms:VLLM",
    Engine.SGLANG: "lm_eval.models.sglang_causallms:SGLangLM",
}


class Loaded(NamedTuple):
    """A model ready to answer, how to divide requests for it, and which code it is."""

    model: Any
    plan: BlockPlan
    served_by: str
    facts: ModelFacts
    measure: str | None
    """What stands for a log-likelihood, where it is none (``pll_word_l2r``)."""

    @property
    def plans_by_itself(self) -> bool:
        """Whether the more log-likelihoods are asked for at once, the less there is to compute for each."""
        plans = getattr(self.model, "plans", None)
        return plans is not None and bool(plans("loglikelihood", ()))


def prepared(directory: Path, spec: RunSpec, cache: Path, tell: Callable[[str], None]) -> Path:
    """The directory to load: as it is, or with its GGUF file converted to safetensors."""
    if weights.is_gguf(directory, spec):
        path = weights.gguf_path(directory, spec.model.gguf_file)
        return weights.converted(path, cache, spec.protocol.dtype.value, tell)
    return directory


def load(directory: Path, spec: RunSpec, route: Route, device: Device) -> Loaded:
    """Loads the model. Raises RunFailed (``engine_not_installed``) and whatever the engine raises."""
    try:
        model = _class(route.engine)(**_arguments(directory, spec, route, device))
    except ImportError as error:
        raise _not_installed(route.engine, error) from error
    served_by = str(getattr(model, "served_by", type(model).__name__))
    measure = str(model.metric) if route.engine is Engine.MASKED else None
    return Loaded(model, _plan(route.engine, model), served_by, facts(model, directory, route), measure)


def _class(engine: Engine) -> Any:
    module_name, _, name = CLASSES[engine].partition(":")
    return getattr(importlib.import_module(module_name), name)


def _not_installed(engine: Engine, error: ImportError) -> RunFailed:
    return platform_failure(
        "engine_not_installed",
        f"The engine '{engine}' is not installed on this worker: {error}.",
        "Choose another engine, or a worker that has it.",
    )


def _arguments(directory: Path, spec: RunSpec, route: Route, device: Device) -> dict[str, Any]:
    protocol = spec.protocol
    common = {
        "pretrained": str(directory),
        "dtype": protocol.dtype.value,
        "batch_size": protocol.batch_size,
        "trust_remote_code": False,
        "max_length": protocol.max_length,
    }
    if route.engine in (Engine.VLLM, Engine.SGLANG):
        return _engine_arguments(common, spec)
    return common | {
        "backend": "seq2seq" if route.family == "seq2seq" else "causal",
        "softmax_dtype": protocol.softmax_dtype,
        "device": device.name,
        "revision": "main",
        "truncation": False,
        "logits_cache": True,
        "use_fast_tokenizer": True,
        "parallelize": False,
        "use_safetensors": True,
        "local_files_only": True,
    }


def _engine_arguments(common: dict[str, Any], spec: RunSpec) -> dict[str, Any]:
    """Arguments for the serving engines: the longest length has another name in one, only the other takes a seed.

    Not run anywhere here: they need a GPU and an engine installed.
    """
    if spec.engine is Engine.SGLANG:
        return {("max_model_len" if key == "max_length" else key): value for key, value in common.items()}
    return common | {"seed": spec.protocol.seed}


def _plan(engine: Engine, model: Any) -> BlockPlan:
    if engine is Engine.HARNESS:
        return as_the_harness(model)
    if engine is Engine.CAUSAL:
        return all_at_once(model)
    return in_order(BLOCK, whole=engine is Engine.MASKED)


def facts(model: Any, directory: Path, route: Route) -> ModelFacts:
    """What there is to know of a loaded model. Tied weights count once."""
    module = getattr(model, "model", None)
    parameters = (
        sum(parameter.numel() for parameter in module.parameters())
        if module is not None and hasattr(module, "parameters")
        else 0
    )
    tokenizer = getattr(model, "tokenizer", None)
    template = getattr(tokenizer, "chat_template", None)
    return ModelFacts(
        architecture=route.architecture,
        model_type=route.model_type,
        parameters=parameters,
        vocabulary=len(tokenizer) if tokenizer is not None and hasattr(tokenizer, "__len__") else None,
        context_length=int(model.max_length) if getattr(model, "max_length", None) else None,
        weights_bytes=sum(path.stat().st_size for path in directory.glob("*.safetensors")),
        tokenizer_digest=tokenizer_digest(tokenizer),
        prefix_token_id=getattr(model, "prefix_token_id", None),
        chat_template_digest=hashlib.sha256(json.dumps(template).encode()).hexdigest() if template else None,
    )


def tokenizer_digest(tokenizer: Any) -> str | None:
    """SHA-256 (hex) over what decides the tokens: rules, vocabulary and special tokens. None for slow tokenizers.

    Padding and truncation are left out: they are settings of a call.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return None
    rules = json.loads(backend.to_str())
    rules.pop("padding", None)
    rules.pop("truncation", None)
    special = {key: str(value) for key, value in tokenizer.special_tokens_map.items()}
    return digest_of({"rules": rules, "special": special})
