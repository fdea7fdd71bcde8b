"""Predicted times count what a model reads and what it writes."""

import pytest

from evaluation.contract import Dtype
from evaluation.suites import loader
from zoo.submissions.measuring import work_of_suite
from zoo.submissions.preflight import BYTES_PER_SECOND, OPERATIONS_PER_SECOND, seconds_on_cpu

BILLION = 1_000_000_000


@pytest.mark.parametrize("name", ["reasoning-r1", "reasoning-quick", "leaderboard"])
def test_a_suite_that_writes_is_predicted_longer_than_the_same_without_writing(name: str) -> None:
    work = work_of_suite(name)
    assert work.generated_tokens == loader.load(name).estimate.generated_tokens
    silent = work._replace(generated_tokens=0)
    with_text, without = (
        seconds_on_cpu(BILLION, one, dtype=Dtype.FLOAT32, batch_size=1) for one in (work, silent)
    )
    a_token = BILLION * 4 / BYTES_PER_SECOND
    assert with_text - without == pytest.approx(work.generated_tokens * a_token, abs=2)


def test_writing_is_most_of_the_reasoning_suite() -> None:
    work = work_of_suite("reasoning-r1")
    reading = seconds_on_cpu(BILLION, work._replace(generated_tokens=0), dtype=Dtype.FLOAT32, batch_size=1)
    assert seconds_on_cpu(BILLION, work, dtype=Dtype.FLOAT32, batch_size=1) > 30 * reading


def test_a_batch_shares_the_reading_of_the_weights_until_computing_is_the_wall() -> None:
    work = work_of_suite("reasoning-r1")
    alone, shared, wide = (
        seconds_on_cpu(BILLION, work, dtype=Dtype.FLOAT32, batch_size=size) for size in (1, 2, 64)
    )
    assert alone > shared
    floor = 10 + (work.tokens + work.generated_tokens) * 2 * BILLION / OPERATIONS_PER_SECOND["cpu"]
    assert shared == pytest.approx(floor, abs=2)
    assert wide == pytest.approx(floor, abs=2)


def test_a_suite_without_writing_takes_what_reading_takes() -> None:
    work = work_of_suite("quick")
    expected = 10 + work.tokens * 2 * BILLION / OPERATIONS_PER_SECOND["cpu"]
    assert seconds_on_cpu(BILLION, work, dtype=Dtype.BFLOAT16, batch_size=8) == round(expected)
