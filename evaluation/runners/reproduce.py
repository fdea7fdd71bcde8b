"""The ``lm-eval`` command that repeats a run. Plain text, made from the spec; it names no path of this machine."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence

from evaluation.contract import Engine, RunSpec, WeightsFormat

LONGEST = 6000
"""A command longer than this, because of its lists of documents, helps nobody."""


def lm_eval_command(
    spec: RunSpec,
    engine: Engine,
    tasks: Sequence[str] | None,
    items: Mapping[str, Sequence[int]],
    device: str,
) -> str | None:
    """The command, or None where the harness alone cannot do it.

    ``tasks`` are the harness's names for what was run, None when some of it is not the harness's; ``items`` the
    documents of those that did not run on all of them.
    """
    backend = {Engine.HARNESS: "hf", Engine.CAUSAL: "hf", Engine.VLLM: "vllm", Engine.SGLANG: "sglang"}.get(
        engine
    )
    if backend is None or tasks is None or (items and spec.protocol.limit):
        return None
    protocol = spec.protocol
    words = ["lm-eval", "run", "--model", backend, "--model_args", _model_arguments(spec, backend)]
    words += ["--tasks", ",".join(tasks), "--batch_size", str(protocol.batch_size), "--device", device]
    words += ["--seed", str(protocol.seed)]
    if protocol.num_fewshot is not None:
        words += ["--num_fewshot", str(protocol.num_fewshot)]
    if protocol.limit is not None:
        words += ["--limit", str(protocol.limit)]
    if items:
        words += [
            "--samples",
            json.dumps({name: list(ids) for name, ids in items.items()}, separators=(",", ":")),
        ]
    if protocol.apply_chat_template:
        words += ["--apply_chat_template"]
    command = shlex.join(words)
    return command if len(command) <= LONGEST else None


def _model_arguments(spec: RunSpec, backend: str) -> str:
    arguments = {"pretrained": spec.model.name, "dtype": spec.protocol.dtype.value}
    if len(spec.model.revision) == 40:
        arguments["revision"] = spec.model.revision
    if backend == "hf":
        arguments["softmax_dtype"] = spec.protocol.softmax_dtype
    if spec.protocol.max_length is not None:
        arguments["max_length"] = str(spec.protocol.max_length)
    if spec.model.weights_format is WeightsFormat.GGUF and spec.model.gguf_file and backend == "hf":
        arguments["gguf_file"] = spec.model.gguf_file
    return ",".join(f"{key}={value}" for key, value in arguments.items())
