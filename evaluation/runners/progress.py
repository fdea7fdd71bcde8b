"""Counts answered requests and tells about it, a few times a second at most. Reads the clock; nothing else."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence

from evaluation.contract import Progress, Stage
from evaluation.runners.base import ReportProgress

INTERVAL_SECONDS = 0.5
RATE_SECONDS = 10.0


class Tracker:
    """Progress of one run over its tasks. ``sizes`` is the expected number of requests of each task."""

    def __init__(self, report: ReportProgress, tasks: Sequence[str], sizes: Sequence[int]) -> None:
        self._report = report
        self._tasks = tasks
        self._sizes = list(sizes)
        self._index = 0
        self._before = 0
        self._done = 0
        self._most = 0
        self._told = 0.0
        self._marks: deque[tuple[float, int]] = deque()

    def start(self, index: int) -> None:
        """A task begins, with none of its requests answered."""
        self._before = sum(self._sizes[:index])
        self._index = index
        self._done = 0
        self.tell()

    def expect(self, count: int) -> None:
        """The running task turned out to have this many requests."""
        self._sizes[self._index] = count

    def add(self, count: int = 1) -> None:
        """Some requests of the running task were answered."""
        self._done += count
        if time.monotonic() - self._told >= INTERVAL_SECONDS:
            self.tell()

    def finish(self) -> None:
        """The running task is done, however many requests it turned out to have."""
        self._sizes[self._index] = self._done or self._sizes[self._index]
        self._done = self._sizes[self._index]
        self.tell()

    def tell(self) -> None:
        """Reports now."""
        now = time.monotonic()
        # Answers may come ahead of their task; the count never falls when the task then finds them done.
        done = self._most = max(self._most, self._before + self._done)
        self._told = now
        self._marks.append((now, done))
        while self._marks[0][0] < now - RATE_SECONDS and len(self._marks) > 2:
            self._marks.popleft()
        self._report(
            Progress(
                stage=Stage.SCORING,
                task=self._tasks[self._index],
                task_index=self._index,
                task_count=len(self._tasks),
                done=done,
                total=max(sum(self._sizes), done),
                rate=self._rate(),
            )
        )

    def _rate(self) -> float | None:
        (first, done_then), (last, done_now) = self._marks[0], self._marks[-1]
        if last - first < INTERVAL_SECONDS or done_now <= done_then:
            return None
        return (done_now - done_then) / (last - first)
