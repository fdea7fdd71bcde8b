"""Budgets and the learning rate's way through them."""

import itertools

import pytest

from evaluation.demo.budget import learning_rate, until_seconds, until_steps


def test_a_budget_of_time_ends_when_it_is_used_up() -> None:
    ticks = itertools.count(0.0, 2.0)
    moments = list(until_seconds(10.0, clock=lambda: next(ticks)))
    assert [m.step for m in moments] == [0, 1, 2, 3, 4]
    assert [m.fraction for m in moments] == [0.0, 0.2, 0.4, 0.6, 0.8]


def test_even_no_time_makes_one_step() -> None:
    assert len(list(until_seconds(0.0))) == 1


def test_a_budget_of_steps_makes_exactly_these() -> None:
    assert [m.fraction for m in until_steps(4)] == [0.0, 0.25, 0.5, 0.75]
    assert list(until_steps(0)) == []


def test_the_rate_warms_up_then_falls_to_a_fiftieth_of_its_peak() -> None:
    rates = [learning_rate(i / 1000, 1.0) for i in range(1000)]
    top = rates.index(max(rates))
    assert top == 20
    assert rates[top] == pytest.approx(1.0)
    assert all(a >= b for a, b in itertools.pairwise(rates[top:]))
    assert all(a <= b for a, b in itertools.pairwise(rates[: top + 1]))
    assert 0.02 <= rates[-1] < 0.021
    assert rates[0] > 0
