"""Predicts the time and memory that a suite needs of a model. Rough by nature: for queues, limits and preflight.

Arithmetic (Kaplan et al. 2020, section 2.1): a forward pass costs about two operations per parameter and token.
"""

from __future__ import annotations

from typing import NamedTuple

from evaluation.contract import Dtype
from evaluation.suites.schema import Estimate

BYTES: dict[Dtype, int] = {Dtype.FLOAT32: 4, Dtype.BFLOAT16: 2, Dtype.FLOAT16: 2}

ACHIEVED = {"cpu": 4e10, "mps": 2e12, "cuda": 5e13}
"""Operations per second that a scoring loop gets out of a device, of the order of what was seen on one core of a CPU
(and assumed for the others). A generated token is bound by memory and costs as much as this many scored ones:"""
DECODING_FACTOR = 8
START_SECONDS = 30.0
"""Loading of libraries, tasks and model."""
OVERHEAD_PER_REQUEST = 0.002
RUNTIME_BYTES = 700 << 20
"""What Python, torch and the harness take before any model."""


class Prediction(NamedTuple):
    """Seconds, and bytes of memory of the device (main memory on a CPU)."""

    seconds: float
    memory_bytes: int


def predict(
    estimate: Estimate,
    *,
    parameters: int,
    vocabulary: int,
    batch_size: int,
    dtype: Dtype,
    device: str = "cpu",
) -> Prediction:
    """What one run of a suite is likely to need. ``device`` is ``cpu``, ``mps`` or ``cuda``."""
    tokens = estimate.tokens + DECODING_FACTOR * estimate.generated_tokens
    computing = 2 * parameters * tokens / ACHIEVED.get(device, ACHIEVED["cpu"])
    seconds = START_SECONDS + OVERHEAD_PER_REQUEST * estimate.requests + computing
    return Prediction(seconds, memory(estimate.longest_tokens, parameters, vocabulary, batch_size, dtype))


def memory(longest_tokens: int, parameters: int, vocabulary: int, batch_size: int, dtype: Dtype) -> int:
    """Bytes for weights, and for logits and their log-softmax of a full batch of the longest sequences."""
    weights = parameters * BYTES[dtype]
    logits = 2 * 4 * vocabulary * batch_size * longest_tokens
    return weights + logits + RUNTIME_BYTES
