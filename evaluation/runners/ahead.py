"""Has the requests of several short tasks answered together, before each task is evaluated by itself.

The harness is driven task by task, so that each finished one is journaled; but the sentences of sixty tasks
share more beginnings, and fill a forward pass better, than those of one. For engines that plan by themselves.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

MOST_REQUESTS = 8192
"""Requests of a group: with this many, what is shared with still more tasks is a few percent (BLiMP: 4 %)."""

ASKED = ("multiple_choice", "loglikelihood")


class Ahead:
    """Groups of neighboring tasks without examples, the same whatever has been done of them.

    ``sizes`` says about how many requests each task will be. ``build`` makes the requests of one, as its evaluation
    would; ``answer`` has requests answered and journaled.
    """

    def __init__(
        self,
        leaves: Sequence[Any],
        sizes: Sequence[int],
        *,
        build: Callable[[Any], None],
        answer: Callable[[list[Any]], None],
    ) -> None:
        self._groups = [group for group in _groups(leaves, sizes) if len(group) > 1]
        self._build = build
        self._answer = answer
        self._seconds: dict[str, float] = {}

    def before(self, name: str) -> None:
        """Called before a task is evaluated: answers its group, if it has one and that has not been done."""
        if name in self._seconds:
            return
        for group in self._groups:
            if any(leaf.name == name for leaf in group):
                self._do(group)

    def _do(self, group: list[Any]) -> None:
        began = time.monotonic()
        requests: list[Any] = []
        for leaf in group:
            self._build(leaf)
            requests += leaf.task.instances
        self._answer(requests)
        seconds = time.monotonic() - began
        for leaf in group:
            self._seconds[leaf.name] = seconds * len(leaf.task.instances) / len(requests)
            # They are built; the evaluation takes them as they are.
            leaf.task.build_all_requests = _built

    def seconds(self, name: str) -> float:
        """The task's part of the time that its group took; 0 where it had none."""
        return self._seconds.get(name, 0.0)


def _groups(leaves: Sequence[Any], sizes: Sequence[int]) -> Iterator[list[Any]]:
    group: list[Any] = []
    total = 0
    for leaf, size in zip(leaves, sizes, strict=True):
        if group and (not _is_short(leaf) or total + size > MOST_REQUESTS):
            yield group
            group, total = [], 0
        if _is_short(leaf):
            group.append(leaf)
            total += size
    if group:
        yield group


def _is_short(leaf: Any) -> bool:
    return (
        leaf.task.OUTPUT_TYPE in ASKED and not leaf.task.get_config("num_fewshot") and leaf.sampling is None
    )


def _built(**_: Any) -> None:
    return None
