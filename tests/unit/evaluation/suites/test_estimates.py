"""Predictions of time and memory: right in order, growing where they must."""

from evaluation.contract import Dtype
from evaluation.suites import loader
from evaluation.suites.estimates import memory, predict


def seconds(parameters: int, suite: str = "quick", device: str = "cpu") -> float:
    estimate = loader.load(suite).estimate
    return predict(
        estimate, parameters=parameters, vocabulary=50_000, batch_size=16, dtype=Dtype.FLOAT32, device=device
    ).seconds


def test_a_larger_model_and_a_larger_suite_take_longer() -> None:
    assert seconds(10**8) < seconds(10**9)
    assert seconds(10**8, "quick") < seconds(10**8, "language") < seconds(10**8, "knowledge")
    assert seconds(10**9, device="cuda") < seconds(10**9)


def test_the_logits_of_a_long_batch_are_what_fills_memory() -> None:
    """64 sequences of 512 tokens over 49,152 words: 12.9 GB of logits and log-softmax."""
    small = memory(512, 135_000_000, 49_152, 64, Dtype.FLOAT32) - memory(
        512, 135_000_000, 0, 64, Dtype.FLOAT32
    )
    assert 12.8e9 < small < 13.0e9


def test_half_the_bytes_a_number_is_half_the_weights() -> None:
    whole = memory(0, 10**9, 0, 1, Dtype.FLOAT32)
    half = memory(0, 10**9, 0, 1, Dtype.BFLOAT16)
    assert whole - half == 2 * 10**9
