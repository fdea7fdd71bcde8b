"""Short tasks are answered in groups that do not depend on what has been done; others are left alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from evaluation.runners.ahead import MOST_REQUESTS, Ahead


@dataclass
class Task:
    OUTPUT_TYPE: str = "multiple_choice"
    shots: int = 0
    instances: list[str] = field(default_factory=list)

    def get_config(self, name: str) -> int:
        assert name == "num_fewshot"
        return self.shots

    def build_all_requests(self, **_: Any) -> None:
        raise AssertionError("the requests were built a second time")


@dataclass
class Leaf:
    name: str
    task: Task = field(default_factory=Task)
    sampling: None = None


class Asked:
    def __init__(self, leaves: list[Leaf], sizes: list[int]) -> None:
        self.lists: list[list[str]] = []
        self.ahead = Ahead(leaves, sizes, build=self.build, answer=self.lists.append)

    def build(self, leaf: Leaf) -> None:
        leaf.task.instances = [f"{leaf.name}.1", f"{leaf.name}.2"]


def test_neighbors_without_examples_are_answered_together_and_once() -> None:
    leaves = [Leaf("a"), Leaf("b"), Leaf("shots", Task(shots=5)), Leaf("c"), Leaf("d"), Leaf("e")]
    asked = Asked(leaves, [2] * 6)
    for leaf in leaves:
        asked.ahead.before(leaf.name)
    assert asked.lists == [["a.1", "a.2", "b.1", "b.2"], ["c.1", "c.2", "d.1", "d.2", "e.1", "e.2"]]
    assert asked.ahead.seconds("shots") == 0.0
    leaves[0].task.build_all_requests(limit=None)


def test_a_resumed_run_forms_the_same_groups() -> None:
    asked = Asked([Leaf(name) for name in "abcd"], [MOST_REQUESTS // 2] * 4)
    asked.ahead.before("d")
    asked.ahead.before("b")
    assert asked.lists == [["c.1", "c.2", "d.1", "d.2"], ["a.1", "a.2", "b.1", "b.2"]]


def test_a_task_alone_and_a_long_one_are_left_to_their_evaluation() -> None:
    leaves = [Leaf("long"), Leaf("alone"), Leaf("writes", Task("generate_until"))]
    asked = Asked(leaves, [MOST_REQUESTS, 5, 5])
    for leaf in leaves:
        asked.ahead.before(leaf.name)
    assert asked.lists == []
